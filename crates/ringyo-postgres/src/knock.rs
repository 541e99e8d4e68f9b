//! Whether the address leads to the server of a session, seen without making another session.
//!
//! A server that has no room for a session more, or takes none from this role, does not say which
//! it is. But every PostgreSQL server takes requests to cancel a statement, before it counts its
//! sessions and without asking who sends them: whoever names a session and its secret, which that
//! session was told when it was made, has what it does cancelled. So a session sleeps for a moment,
//! and the address is asked to wake it. If it wakes, the address leads to its server: no other one
//! knows the session.

use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;

use crate::connection::{Server, with_tls};
use crate::session::Session;

/// How long the session sleeps. It has no other deadline meanwhile, which would look the same.
const SLEEP: &str = "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_sleep(1)";

/// When it sleeps, at the latest, on a server that is not busy.
const ASLEEP: Duration = Duration::from_millis(100);

/// The port where a URL has none.
const PORT: u16 = 5432;

/// Whether the address leads to the server of this session now. What else could be asked in the
/// session waits meanwhile. `false` where that cannot be seen: with several hosts in the URL it
/// depends on what each of them says.
pub(crate) async fn leads_to(server: &Server, session: &Session) -> bool {
    let ([Host::Tcp(host)], [_] | []) = (server.config.get_hosts(), server.config.get_ports())
    else {
        return false;
    };
    let knock = async {
        sleep(ASLEEP).await;
        with_tls!(server, tls => knock(server, session, host, tls).await)
    };
    let sleep = session.batch_execute(SLEEP);
    let Ok((slept, _)) = timeout(server.limits.statement, async {
        tokio::join!(sleep, timeout(server.limits.connect, knock))
    })
    .await
    else {
        return false;
    };
    let woken = slept.is_err_and(|error| error.code() == Some(&SqlState::QUERY_CANCELED));
    let over = timeout(server.limits.statement, session.batch_execute("ROLLBACK")).await;
    woken && matches!(over, Ok(Ok(())))
}

/// Asks whoever is behind the address, as a new session would find it, to wake the session.
async fn knock<T>(server: &Server, session: &Session, host: &str, mut tls: T) -> Option<()>
where
    T: MakeTlsConnect<TcpStream>,
{
    let port = server.config.get_ports().first().copied().unwrap_or(PORT);
    // The driver would remember where it found the server when the session was made.
    let stream = match server.config.get_hostaddrs() {
        [] => connect(lookup_host((host, port)).await.ok()?).await?,
        [address, ..] => TcpStream::connect((*address, port)).await.ok()?,
    };
    let tls = tls.make_tls_connect(host).ok()?;
    let cancelled = session.cancel_token().cancel_query_raw(stream, tls).await;
    cancelled.ok()
}

/// The first address where somebody is.
async fn connect(addresses: impl Iterator<Item = std::net::SocketAddr>) -> Option<TcpStream> {
    for address in addresses {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Some(stream);
        }
    }
    None
}
