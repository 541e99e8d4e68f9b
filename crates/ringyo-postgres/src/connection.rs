//! How the server is reached, and what a session is told at its start.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Pool, Timeouts};
use deadpool_postgres::Runtime;
use ringyo_store::{StoreError, StoreErrorKind};
use tokio::sync::Semaphore;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use crate::primary::Primary;
use crate::session::Sessions;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) statement: Duration,
}

/// How long a connection is silent before it is asked whether it still leads anywhere, how often it
/// is asked, and how many times. Whole seconds: systems take no others.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_secs(5), Duration::from_secs(1), 3);

/// The shortest wait for the server's machine to say that something has arrived: a packet that gets
/// lost is sent again a few times before that.
const SHORTEST_RECEIPT: Duration = Duration::from_millis(500);

/// How many more attempts to connect than connections that are to be made a store has under way.
const MORE_ATTEMPTS: usize = 2;

/// The server, how to speak to it, the schema there, and what its sessions have found.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) config: Config,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
    pub(crate) schema: String,
    pub(crate) limits: Limits,
    pub(crate) primary: Arc<Primary>,
    /// Of attempts to connect beside those that each connection takes.
    pub(crate) more_attempts: Arc<Semaphore>,
}

/// Runs an expression with `$tls` bound to what makes connections to a server.
macro_rules! with_tls {
    ($server:expr, $tls:ident => $use:expr) => {{
        #[cfg(feature = "tls")]
        if let Some($tls) = $server.tls.clone() {
            $use
        } else {
            let $tls = tokio_postgres::NoTls;
            $use
        }
        #[cfg(not(feature = "tls"))]
        {
            let $tls = tokio_postgres::NoTls;
            $use
        }
    }};
}
pub(crate) use with_tls;

impl Server {
    /// The server of a URL, without speaking to it.
    pub(crate) fn new(url: &str, schema: &str, limits: Limits) -> Result<Self, StoreError> {
        check_schema(schema)?;
        // What the driver says of a wrong URL may quote from it, the password for one.
        let mut config = Config::from_str(url).map_err(|_| {
            refused(
                "the URL is none of PostgreSQL, expected postgres://role:password@host/database",
            )
        })?;
        let own = session(schema, limits.statement);
        let options = match config.get_options() {
            Some(given) => format!("{given} {own}"),
            None => own,
        };
        config.options(options);
        // A copy lags behind: it would vouch for keys that have been revoked.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.connect_timeout(limits.connect);
        notice_silence(&mut config, limits);
        if config.get_application_name().is_none() {
            config.application_name("ringyo");
        }
        Ok(Self {
            config,
            #[cfg(feature = "tls")]
            tls: None,
            schema: schema.to_owned(),
            limits,
            primary: Arc::default(),
            more_attempts: Arc::new(Semaphore::new(MORE_ATTEMPTS)),
        })
    }

    /// The same server for sessions that only look who is there, under a name of their own: whoever
    /// looks at the server's sessions need not wonder why some last for a moment.
    pub(crate) fn for_looking(&self) -> Self {
        let mut server = self.clone();
        let name = self.config.get_application_name().unwrap_or_default();
        server.config.application_name(format!("{name} (looking)"));
        server
    }

    /// Refuses a URL that asks for more than was configured.
    pub(crate) fn check_encryption(&self) -> Result<(), StoreError> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return Ok(());
        }
        if self.config.get_ssl_mode() == SslMode::Require {
            return Err(refused(
                "the URL asks for an encrypted connection: turn it on with `PostgresOptions::tls`",
            ));
        }
        Ok(())
    }

    pub(crate) fn pool(&self, connections: usize) -> Result<Pool<Sessions>, StoreError> {
        let longest = Some(self.limits.connect);
        Pool::builder(Sessions(self.clone()))
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: longest,
                create: longest,
                recycle: longest,
            })
            .build()
            .map_err(|error| {
                let context = "the connections cannot be managed";
                StoreError::with_source(StoreErrorKind::Unavailable, context, error)
            })
    }
}

/// Has the system end connections that lead nowhere any more, because a machine or a firewall in
/// between has forgotten them: those that are not in use in some seconds, and those over which
/// something is sent before the answer is late. A server that is there but slow says that it has
/// received what was sent, and is waited for. What the URL says about it counts.
fn notice_silence(config: &mut Config, limits: Limits) {
    let (idle, interval, retries) = KEEP_ALIVE;
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(idle);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(interval);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(retries);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout((limits.statement / 2).max(SHORTEST_RECEIPT));
    }
}

/// The settings of every session. The server gives up a little earlier than the caller, so that
/// what came of a slow statement is mostly known, and nothing runs on that nobody waits for.
fn session(schema: &str, statement: Duration) -> String {
    let millis = (statement.as_millis() * 9 / 10).max(1);
    format!(
        "-c search_path={schema},pg_temp \
         -c default_transaction_isolation=read\\ committed \
         -c statement_timeout={millis} -c lock_timeout={millis} \
         -c idle_in_transaction_session_timeout={millis}"
    )
}

fn check_schema(name: &str) -> Result<(), StoreError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    if !begins || name.len() > 63 || name.starts_with("pg_") || !name.bytes().all(allowed) {
        return Err(refused(
            "the name of a schema is 1 to 63 of a-z, 0-9 and _, and begins neither with a digit \
             nor with pg_",
        ));
    }
    Ok(())
}

const fn refused(context: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connect: Duration::from_secs(2),
        statement: Duration::from_secs(2),
    };

    #[test]
    fn a_connection_that_leads_nowhere_is_given_up_before_an_answer_is_late() {
        let server = Server::new("postgres://a@b/c", "ringyo", LIMITS).unwrap();
        let longest = server.config.get_tcp_user_timeout().copied();
        assert!(longest.is_some_and(|longest| longest < LIMITS.statement));
        let (idle, interval, retries) = KEEP_ALIVE;
        assert_eq!(server.config.get_keepalives_idle(), idle);
        assert_eq!(server.config.get_keepalives_interval(), Some(interval));
        assert_eq!(server.config.get_keepalives_retries(), Some(retries));
        // What somebody has chosen counts.
        let url = "postgres://a@b/c?tcp_user_timeout=9&keepalives_idle=77";
        let server = Server::new(url, "ringyo", LIMITS).unwrap();
        let longest = server.config.get_tcp_user_timeout();
        assert_eq!(longest.map(Duration::as_secs), Some(9));
        assert_eq!(server.config.get_keepalives_idle().as_secs(), 77);
    }
}
