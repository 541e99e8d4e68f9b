//! Where requests come from, and that nobody can say so themselves.

use std::num::NonZeroUsize;

use axum::extract::ConnectInfo;
use http::{HeaderValue, Request};
use ringyo_auth::NewKey;
use ringyo_tower::{AuthLayer, ClientAddress, PeerAddress};
use std::net::SocketAddr;
use tower::Layer as _;

use crate::support::{Setting, bearer, send, setting};

/// An address that the key may be used from, one that it may not, and two proxies.
const GOOD: &str = "192.0.2.7";
const BAD: &str = "203.0.113.9";

async fn bound_key(setting: &Setting) -> String {
    let networks = [
        "192.0.2.0/24".parse().unwrap(),
        "2001:db8::/32".parse().unwrap(),
    ];
    let new = NewKey::live("acct_1", "bound").scopes(["*"]);
    bearer(&setting.issue(new.allowed_networks(networks)).await)
}

async fn status(
    setting: &Setting,
    key: &str,
    from: ClientAddress,
    forwarded: &[&[u8]],
    peer: Option<&str>,
) -> u16 {
    setting.clock.advance(std::time::Duration::from_secs(1));
    let mut request = Request::get("/").header("authorization", key);
    for value in forwarded {
        request = request.header("x-forwarded-for", HeaderValue::from_bytes(value).unwrap());
    }
    let mut request = request.body(()).unwrap();
    if let Some(peer) = peer {
        request
            .extensions_mut()
            .insert(PeerAddress(peer.parse().unwrap()));
    }
    let layer = AuthLayer::new(setting.ringyo.clone()).client_address(from);
    let answer = send(layer.layer(setting.inside.service()), request).await;
    if answer.status == 403 {
        assert_eq!(answer.code(), "ip_not_allowed");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn the_connection_counts_and_headers_do_not() {
    let setting = setting().await;
    let key = bound_key(&setting).await;
    let direct = ClientAddress::Connection;
    for (forwarded, peer, expected) in [
        (&[][..], Some(GOOD), 200),
        (&[], Some("::ffff:192.0.2.7"), 200),
        (&[], Some("2001:db8::1"), 200),
        (&[], Some(BAD), 403),
        (&[], None, 403),
        (&[GOOD.as_bytes()], Some(BAD), 403),
        (&[GOOD.as_bytes()], None, 403),
        (&[BAD.as_bytes()], Some(GOOD), 200),
    ] {
        let got = status(&setting, &key, direct, forwarded, peer).await;
        assert_eq!(got, expected, "{forwarded:?} {peer:?}");
    }
    // The control: a key that is not bound does not care.
    let free = setting.key().await;
    assert_eq!(status(&setting, &free, direct, &[], None).await, 200);
}

#[tokio::test]
async fn behind_proxies_only_what_they_wrote_counts() {
    let setting = setting().await;
    let key = bound_key(&setting).await;
    // So many proxies, the headers as they arrive, what becomes of it. The client is honest or
    // writes what it likes in front; the proxies append.
    let rows: &[(usize, &[&[u8]], u16)] = &[
        (1, &[b"192.0.2.7"], 200),
        (1, &[b"203.0.113.9"], 403),
        (1, &[], 403),
        (1, &[b""], 403),
        (1, &[b"192.0.2.7, 203.0.113.9"], 403),
        (1, &[b"203.0.113.9,192.0.2.7"], 200),
        (1, &[b"192.0.2.7", b"203.0.113.9"], 403),
        (1, &[b"203.0.113.9", b"192.0.2.7"], 200),
        (1, &[b"192.0.2.7, 192.0.2.7, 203.0.113.9"], 403),
        (1, &[b"192.0.2.7, not an address"], 403),
        (2, &[b"192.0.2.7, 10.0.0.1"], 200),
        (2, &[b"203.0.113.9, 10.0.0.1"], 403),
        (2, &[b"192.0.2.7, 203.0.113.9, 10.0.0.1"], 403),
        (2, &[b"192.0.2.7", b"203.0.113.9", b"10.0.0.1"], 403),
        (2, &[b"192.0.2.7", b"203.0.113.9, 10.0.0.1"], 403),
        (2, &[b"203.0.113.9, 192.0.2.7", b"10.0.0.1"], 200),
        // Too few entries: it did not come by the proxies.
        (2, &[b"192.0.2.7"], 403),
        // Bytes that are no text neither hide entries nor shift them.
        (2, &[b"192.0.2.7", b"\xff, 203.0.113.9, 10.0.0.1"], 403),
        (2, &[b"\xff, 192.0.2.7, 10.0.0.1"], 200),
        (1, &[b"192.0.2.7", b"\xff"], 403),
        // With port, in brackets, IPv6, mapped IPv4.
        (1, &[b"192.0.2.7:4711"], 200),
        (1, &[b"2001:db8::1"], 200),
        (1, &[b"[2001:db8::1]"], 200),
        (1, &[b"[2001:db8::1]:443"], 200),
        (1, &[b"::ffff:192.0.2.7"], 200),
        (1, &[b"[203.0.113.9]"], 403),
        (1, &[b"\"192.0.2.7\""], 403),
        (1, &[b"unknown"], 403),
    ];
    for (proxies, forwarded, expected) in rows {
        let from = ClientAddress::BehindProxies(NonZeroUsize::new(*proxies).unwrap());
        let got = status(&setting, &key, from, forwarded, None).await;
        assert_eq!(got, *expected, "{proxies} {forwarded:?}");
        // The connection is the proxy's, so it says nothing.
        let got = status(&setting, &key, from, forwarded, Some(GOOD)).await;
        assert_eq!(got, *expected, "{proxies} {forwarded:?} with a connection");
    }
}

#[tokio::test]
async fn axum_tells_of_the_connection_in_its_own_way() {
    let setting = setting().await;
    let key = bound_key(&setting).await;
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    for (peer, expected) in [("192.0.2.7:4711", 200), ("203.0.113.9:4711", 403)] {
        let peer: SocketAddr = peer.parse().unwrap();
        let mut request = crate::support::get_with("/", &key);
        request.extensions_mut().insert(ConnectInfo(peer));
        assert_eq!(send(service.clone(), request).await.status, expected);
    }
}
