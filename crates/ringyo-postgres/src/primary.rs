//! Which server is behind the address, and how safely it writes, as the newest session found it.
//!
//! A session lasts for as long as its server answers. So one that was made before a failover goes
//! on with the server of then, if that lives: it would vouch for keys that are revoked at the new
//! one, and take changes that nobody sees. Therefore every session asks once, when it is made,
//! whom it speaks to. When that is another server than the one known so far, the sessions with the
//! others are given up: those in the pool before they are used again, those in use before anything
//! is committed or answered. The session that listens looks every few seconds with a new one, so
//! that this happens although nothing else needs a session.
//!
//! The newest session is right, by when it was begun: it shows where the address leads now.
//!
//! Where no session can be made it may still be seen that the address leads to the server known so
//! far; see `knock`. If neither has been seen for too long, nobody knows which server is the one,
//! and the sessions that there are are given up as well.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::checks::DurabilityRisk;
use crate::failure::Failure;

/// What the sessions of a store have found out together.
#[derive(Debug, Default)]
pub(crate) struct Primary {
    known: watch::Sender<Known>,
    /// Changes whenever it is seen which server is there.
    seen: watch::Sender<()>,
    turns: AtomicU64,
    /// The last turn at which something was asked that was late.
    doubted: AtomicU64,
}

/// What a session has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The cluster, its timeline and when its server was started.
    pub(crate) server: String,
    pub(crate) risks: Vec<DurabilityRisk>,
}

#[derive(Debug, Default)]
struct Known {
    /// How many servers there have been. No session has been made as long as it is 0.
    number: u64,
    /// When the session was begun that found this.
    turn: u64,
    /// Nobody has been able to look for too long: sessions of no number are used.
    is_doubtful: bool,
    found: Found,
}

impl Primary {
    /// A moment in the order of what sessions do.
    pub(crate) fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// What was asked at that turn is late: the sessions that have not answered since may lead
    /// nowhere.
    pub(crate) fn doubt(&self, turn: u64) {
        self.doubted.fetch_max(turn, Ordering::SeqCst);
    }

    /// Until which turn a session must not have been silent.
    pub(crate) fn doubted(&self) -> u64 {
        self.doubted.load(Ordering::SeqCst)
    }

    /// The number of the server that is there now.
    pub(crate) fn number(&self) -> u64 {
        self.known.borrow().number
    }

    /// What that server may lose.
    pub(crate) fn risks(&self) -> Vec<DurabilityRisk> {
        self.known.borrow().found.risks.clone()
    }

    /// Waits until another server is there than the one of that number.
    pub(crate) async fn is_no_longer(&self, number: u64) {
        let mut known = self.known.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = known.wait_for(|known| known.number != number).await;
    }

    /// It has been seen that the address still leads to the server of that number.
    pub(crate) fn confirm(&self, number: u64) {
        if self.number() == number {
            self.seen.send_replace(());
        }
    }

    /// Gives up the sessions that there are whenever it has not been seen for so long which server
    /// is there. Those that are made later are used, and until there is one this is not repeated.
    pub(crate) async fn watch(&self, longest: Duration) {
        let mut seen = self.seen.subscribe();
        loop {
            // The sender lives in `self`, so waiting cannot fail.
            if timeout(longest, seen.changed()).await.is_err() {
                self.forget(longest);
                let _ = seen.changed().await;
            }
        }
    }

    fn forget(&self, longest: Duration) {
        tracing::warn!(
            "for {} seconds it could not be seen which server the address leads to: sessions from \
             before are given up",
            longest.as_secs()
        );
        self.known.send_modify(|known| {
            known.number += 1;
            known.is_doubtful = true;
        });
    }

    /// Takes in what a session has found that was begun at `turn`. Its server gets a number.
    pub(crate) fn learn(&self, turn: u64, found: Found) -> Result<u64, Failure> {
        let (mut number, mut is_newest) = (Err(Failure::Moved), false);
        self.known.send_if_modified(|known| {
            let is_same = known.found.server == found.server;
            if turn < known.turn {
                // A newer one knows better.
                if is_same && !known.is_doubtful {
                    number = Ok(known.number);
                }
                return false;
            }
            if !is_same {
                if known.number > 0 {
                    tracing::warn!(
                        "the database was started again or another server is in its place: \
                         sessions from before are given up"
                    );
                }
                known.number += 1;
            } else if known.is_doubtful {
                tracing::info!("the server is the same as before");
            }
            known.is_doubtful = false;
            // What was said of one server was not said of another.
            let said: &[DurabilityRisk] = if is_same { &known.found.risks } else { &[] };
            report(said, &found.risks);
            known.turn = turn;
            known.found = found;
            number = Ok(known.number);
            is_newest = true;
            !is_same
        });
        if is_newest {
            self.seen.send_replace(());
        }
        number
    }
}

/// Once for each change, since this looks often.
fn report(before: &[DurabilityRisk], now: &[DurabilityRisk]) {
    for risk in now.iter().filter(|risk| !before.contains(risk)) {
        tracing::warn!("{risk}");
    }
    for risk in before.iter().filter(|risk| !now.contains(risk)) {
        tracing::info!("`{}` is on again", risk.setting());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(server: &str) -> Found {
        Found {
            server: server.to_owned(),
            risks: Vec::new(),
        }
    }

    #[test]
    fn the_session_that_was_begun_last_is_right() {
        let primary = Primary::default();
        let (early, first, second) = (primary.turn(), primary.turn(), primary.turn());
        assert_eq!(primary.learn(first, found("old")).unwrap(), 1);
        assert_eq!(primary.learn(early, found("old")).unwrap(), 1);
        assert_eq!(primary.learn(second, found("new")).unwrap(), 2);
        // One that took long to say where it came out.
        assert!(primary.learn(first, found("old")).is_err());
        assert_eq!(primary.number(), 2);
        assert_eq!(primary.learn(primary.turn(), found("old")).unwrap(), 3);
    }

    #[tokio::test]
    async fn a_server_that_nobody_has_seen_for_too_long_is_not_believed() {
        const LONGEST: Duration = Duration::from_millis(200);
        let primary = Primary::default();
        let early = primary.turn();
        let number = primary.learn(primary.turn(), found("old")).unwrap();
        tokio::select! {
            () = primary.watch(LONGEST) => {}
            () = async {
                // Seen in time, in one way or the other.
                for _ in 0..10 {
                    tokio::time::sleep(LONGEST / 4).await;
                    primary.confirm(number);
                    assert_eq!(primary.number(), number);
                }
                primary.is_no_longer(number).await;
            } => {}
        }
        // It takes a session that was begun since, and one makes it the server again, not what was
        // there before.
        primary.confirm(number);
        assert!(primary.learn(early, found("old")).is_err());
        let again = primary.learn(primary.turn(), found("old")).unwrap();
        assert_ne!(again, number);
        assert_eq!(primary.number(), again);
    }
}
