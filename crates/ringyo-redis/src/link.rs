//! The connection, kept up in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::RedisError;
use ringyo_limit::{LimitError, LimitErrorKind};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::config::ConfigError;
use crate::failure;
use crate::servers::{Connection, Servers};

/// One connection attempt, with names to look up, certificates and a greeting.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How often an idle connection is asked whether it still is one.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// A connection without a sign of life for so long is given up. Far above a decision's deadline: a
/// slow server is not a lost one.
const ALIVE_WITHIN: Duration = Duration::from_millis(500);

/// Pauses between attempts, doubled from the first to the longest. With the probes of the wrappers
/// in ringyo-limit the longest keeps a recovery below a second.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// A handle of the connection. Dropping it ends the background work.
pub(crate) struct Link {
    state: watch::Receiver<State>,
    doubts: Arc<Doubts>,
    keeper: AbortHandle,
}

#[derive(Clone)]
enum State {
    /// The first attempt, or the first after a loss, is under way; worth waiting for.
    Connecting,
    Up(Connection),
    /// The last attempt failed. The next are under way.
    Down(RedisError),
}

/// What those who use the connection tell the one who keeps it.
#[derive(Default)]
struct Doubts {
    look: Notify,
    wants_another: AtomicBool,
}

impl Link {
    /// Starts to connect, on the current runtime.
    pub(crate) fn start(servers: Servers) -> Result<Self, ConfigError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        let (sender, state) = watch::channel(State::Connecting);
        let doubts = Arc::new(Doubts::default());
        let keeper = Keeper {
            servers,
            state: sender,
            doubts: doubts.clone(),
        };
        Ok(Self {
            state,
            doubts,
            keeper: runtime.spawn(keeper.run()).abort_handle(),
        })
    }

    /// The connection, once there is one. Fails at once while there is none to be had.
    pub(crate) async fn connection(&self) -> Result<Connection, LimitError> {
        if let State::Up(connection) = &*self.state.borrow() {
            return Ok(connection.clone());
        }
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| !matches!(state, State::Connecting))
            .await;
        match settled.as_deref() {
            Ok(State::Up(connection)) => Ok(connection.clone()),
            Ok(State::Down(error)) => Err(failure::of_connection(error.clone())),
            // The runtime that kept the connection has ended.
            Ok(State::Connecting) | Err(_) => Err(LimitError::new(LimitErrorKind::Unavailable)),
        }
    }

    /// Says that a call got no answer: see whether the connection is still one.
    pub(crate) fn doubt(&self) {
        self.doubts.look.notify_one();
    }

    /// Says that the connection leads to the wrong server.
    pub(crate) fn replace(&self) {
        self.doubts.wants_another.store(true, Ordering::Relaxed);
        self.doubts.look.notify_one();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

struct Keeper {
    servers: Servers,
    state: watch::Sender<State>,
    doubts: Arc<Doubts>,
}

impl Keeper {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match timeout(CONNECT_WITHIN, self.servers.connect()).await {
                Ok(Ok(connection)) => {
                    pause = FIRST_PAUSE;
                    self.state.send_replace(State::Up(connection.clone()));
                    self.until_lost(connection).await;
                    self.state.send_replace(State::Connecting);
                    continue;
                }
                Ok(Err(error)) => self.state.send_replace(State::Down(error)),
                Err(_) => {
                    let silent = std::io::Error::from(std::io::ErrorKind::TimedOut);
                    self.state.send_replace(State::Down(silent.into()))
                }
            };
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn until_lost(&self, mut connection: Connection) {
        let ping = redis::cmd("PING");
        loop {
            // Either way it is time to look.
            let _ = timeout(HEARTBEAT_EVERY, self.doubts.look.notified()).await;
            if self.doubts.wants_another.swap(false, Ordering::Relaxed) {
                return;
            }
            if connection.keeps_itself() {
                continue;
            }
            match timeout(ALIVE_WITHIN, connection.call(&ping)).await {
                Ok(Ok(_)) => {}
                Ok(Err(refusal)) if failure::is_answer(&refusal) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}
