//! Stands in for the company that connects calls.

/// The number that never answers, so that the way back can be tried as well.
pub(super) const UNREACHABLE: &str = "+15005550001";

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Connected,
    Failed,
}

/// Places a call. A carrier is told a name for each call, here its id, and places it once however
/// often it is asked to: that makes it safe to ask again when nobody knows whether it was done.
pub(super) fn dial(_call_id: &str, phone_number: &str) -> Connection {
    match phone_number {
        UNREACHABLE => Connection::Failed,
        _ => Connection::Connected,
    }
}
