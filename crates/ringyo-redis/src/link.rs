//! The connection, kept up in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{RedisError, RedisResult};
use ringyo_limit::{LimitError, LimitErrorKind};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::config::ConfigError;
use crate::failure;
use crate::servers::{Connection, Servers};

/// One connection attempt, with names to look up, certificates and a greeting.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// When the next attempt begins although the one before has not ended: its first packet may have
/// been lost, which the system would repeat after a second.
const NEXT_ATTEMPT_AFTER: Duration = Duration::from_millis(200);

/// The pause after the first attempt that failed. It is doubled up to [`NEXT_ATTEMPT_AFTER`].
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// How often an idle connection is asked whether it still is one.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// A connection without a sign of life for so long is given up, unless a decision may take longer.
/// Far above the usual deadline: a slow server is not a lost one.
///
/// After a loss of packets it is at worst the first `PING` that was lost, or the first packet of an
/// attempt, and then the wrappers' next probe in ringyo-limit is less than half a second away: together
/// below a second.
const ALIVE_WITHIN: Duration = Duration::from_millis(250);

/// How long a cluster is not looked at after its connections were made: when one node is away, the
/// calls to it give rise to doubts for as long as it is.
const CLUSTER_SETTLES_FOR: Duration = Duration::from_millis(200);

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
    /// Starts to connect, on the current runtime. A decision may take until `deadline`.
    pub(crate) fn start(servers: Servers, deadline: Duration) -> Result<Self, ConfigError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        let (sender, state) = watch::channel(State::Connecting);
        let doubts = Arc::new(Doubts::default());
        let keeper = Keeper {
            servers,
            alive_within: deadline.clamp(ALIVE_WITHIN, CONNECT_WITHIN),
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
    alive_within: Duration,
    state: watch::Sender<State>,
    doubts: Arc<Doubts>,
}

impl Keeper {
    async fn run(self) {
        loop {
            let connection = self.connect().await;
            self.state.send_replace(State::Up(connection.clone()));
            let leads_to_many = connection.leads_to_many();
            self.until_lost(connection).await;
            // What is left of a cluster goes on meanwhile.
            if !leads_to_many {
                self.state.send_replace(State::Connecting);
            }
        }
    }

    /// Begins one attempt after the other until one of them, not always the last, succeeds. As long
    /// as there is what is left of a cluster, only a whole one is better.
    async fn connect(&self) -> Connection {
        let mut attempts = JoinSet::new();
        let mut pause = FIRST_PAUSE;
        loop {
            attempts.spawn(attempt(self.servers.clone(), self.alive_within));
            let mut next = after(NEXT_ATTEMPT_AFTER);
            loop {
                match timeout_at(next, attempts.join_next()).await {
                    Ok(Some(Ok(outcome))) => {
                        let has_one = matches!(&*self.state.borrow(), State::Up(_));
                        match outcome {
                            Ok(Found { connection, parts }) if !has_one || parts == Parts::All => {
                                return connection;
                            }
                            Err(error) if !has_one => {
                                self.state.send_replace(State::Down(error));
                            }
                            Ok(_) | Err(_) => {}
                        }
                        next = next.min(after(pause));
                        pause = (pause * 2).min(NEXT_ATTEMPT_AFTER);
                    }
                    // One that was ended, which nobody does.
                    Ok(Some(Err(_))) => {}
                    // None is under way any more.
                    Ok(None) => {
                        sleep_until(next).await;
                        break;
                    }
                    Err(_) => break,
                }
            }
        }
    }

    async fn until_lost(&self, connection: Connection) {
        if connection.leads_to_many() {
            sleep(CLUSTER_SETTLES_FOR).await;
        }
        loop {
            // Either way it is time to look.
            let _ = timeout(HEARTBEAT_EVERY, self.doubts.look.notified()).await;
            if self.doubts.wants_another.swap(false, Ordering::Relaxed)
                || !is_alive(connection.clone(), self.alive_within).await
            {
                return;
            }
        }
    }
}

/// The moment on the runtime's timer.
fn after(pause: Duration) -> Instant {
    sleep(pause).deadline()
}

/// What came of an attempt.
struct Found {
    connection: Connection,
    parts: Parts,
}

#[derive(PartialEq, Eq)]
enum Parts {
    All,
    /// Not all nodes of the cluster answer.
    Some,
}

async fn attempt(servers: Servers, alive_within: Duration) -> RedisResult<Found> {
    let connection = match timeout(CONNECT_WITHIN, servers.connect()).await {
        Ok(outcome) => outcome?,
        Err(_) => return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    };
    // A single server has answered the greeting.
    let is_whole = !connection.leads_to_many() || is_alive(connection.clone(), alive_within).await;
    Ok(Found {
        connection,
        parts: if is_whole { Parts::All } else { Parts::Some },
    })
}

/// Whether there is a sign of life, of every part of it, within this time.
async fn is_alive(mut connection: Connection, within: Duration) -> bool {
    match timeout(within, connection.look()).await {
        Ok(Ok(())) => true,
        Ok(Err(refusal)) => failure::is_answer(&refusal),
        Err(_) => false,
    }
}
