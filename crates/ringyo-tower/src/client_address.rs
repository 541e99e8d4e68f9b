use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use http::{Extensions, HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the connection that a request came on.
///
/// Servers that are not axum put it into the extensions of the request, so that keys which are
/// bound to networks can be checked: `request.extensions_mut().insert(PeerAddress(peer.ip()))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddress(pub IpAddr);

/// How the address of the client is learnt. It matters to keys that are bound to networks, and
/// such a key is refused when the address is not known.
///
/// Whatever a client writes into a header is its own choice. So a header counts only behind
/// proxies whose number is known, and of it only what those proxies wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientAddress {
    /// From the connection: [`PeerAddress`], or with the feature `axum` its
    /// `ConnectInfo<SocketAddr>` (serve with `into_make_service_with_connect_info`). Headers are
    /// not looked at.
    #[default]
    Connection,
    /// From `X-Forwarded-For`, behind so many proxies of one's own, each of which appends the
    /// address that it was called from: with one proxy the last entry, with two the last but one,
    /// over all headers of that name together. With fewer entries the address is not known.
    ///
    /// Right only if nobody can reach the service past the proxies.
    BehindProxies(NonZeroUsize),
}

impl ClientAddress {
    pub(crate) fn find(self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        match self {
            Self::Connection => of_connection(extensions),
            Self::BehindProxies(proxies) => forwarded_for(headers, proxies),
        }
    }
}

fn of_connection(extensions: &Extensions) -> Option<IpAddr> {
    let told = extensions
        .get::<PeerAddress>()
        .map(|PeerAddress(address)| *address);
    #[cfg(feature = "axum")]
    let told = told.or_else(|| {
        let info = extensions.get::<::axum::extract::ConnectInfo<SocketAddr>>();
        info.map(|info| info.0.ip())
    });
    told
}

/// The entry so many places from the end; several headers are one list (RFC 9110 §5.3).
fn forwarded_for(headers: &HeaderMap, proxies: NonZeroUsize) -> Option<IpAddr> {
    // As bytes: a header that is not ASCII in the part that the client wrote must not count for
    // fewer entries than it has, or the client could choose which entry is taken.
    let mut entries = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|&byte| byte == b','));
    address(entries.nth(proxies.get() - 1)?)
}

/// An address as proxies write it: some add the port, and IPv6 may stand in brackets.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let bare = entry
        .strip_prefix('[')
        .and_then(|entry| entry.strip_suffix(']'));
    bare.unwrap_or(entry).parse().ok().or_else(|| {
        let with_port: Option<SocketAddr> = entry.parse().ok();
        with_port.map(|address| address.ip())
    })
}
