//! How the server is reached, and what a session is told at its start.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use ringyo_store::{StoreError, StoreErrorKind};
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) statement: Duration,
}

/// The server, how to speak to it, and the schema there.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) config: Config,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
    pub(crate) schema: String,
    pub(crate) limits: Limits,
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
        if config.get_application_name().is_none() {
            config.application_name("ringyo");
        }
        Ok(Self {
            config,
            #[cfg(feature = "tls")]
            tls: None,
            schema: schema.to_owned(),
            limits,
        })
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

    pub(crate) fn pool(&self, connections: usize) -> Result<Pool, StoreError> {
        let settings = ManagerConfig {
            // A dead connection is noticed by the task that reads it; no question is needed.
            recycling_method: RecyclingMethod::Fast,
        };
        let config = self.config.clone();
        let manager = with_tls!(self, tls => Manager::from_config(config, tls, settings));
        let longest = Some(self.limits.connect);
        Pool::builder(manager)
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
