//! What a failure of the client or the server means to whoever asked.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use ringyo_limit::{LimitError, LimitErrorKind};

/// A call that was sent has failed.
pub(crate) fn of_call(error: RedisError) -> LimitError {
    LimitError::new(kind(&error)).with_source(error)
}

/// There was no connection to send a call on.
pub(crate) fn of_connection(error: RedisError) -> LimitError {
    let kind = match kind(&error) {
        // Nothing was sent, so nothing was charged.
        LimitErrorKind::Timeout => LimitErrorKind::Unavailable,
        other => other,
    };
    LimitError::new(kind).with_source(error)
}

/// Whether the server does not know the script.
pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether another connection might lead to another server, one that takes writes.
pub(crate) fn asks_for_another_server(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Whether an answer came, even if it is a refusal.
pub(crate) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn kind(error: &RedisError) -> LimitErrorKind {
    match error.kind() {
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly,
        )
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::NoValidReplicasFoundBySentinel => LimitErrorKind::Unavailable,
        // A script of somebody else's has the server for itself.
        ErrorKind::Extension if error.code() == Some("BUSY") => LimitErrorKind::Unavailable,
        // The connection broke, perhaps in the middle of the answer: the call may have been carried
        // out.
        ErrorKind::Io | ErrorKind::Parse => LimitErrorKind::Timeout,
        _ => LimitErrorKind::Misconfigured,
    }
}
