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

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::checks::DurabilityRisk;
use crate::failure::Failure;

/// What the sessions of a store have found out together.
#[derive(Debug, Default)]
pub(crate) struct Primary {
    known: watch::Sender<Known>,
    turns: AtomicU64,
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
    found: Found,
}

impl Primary {
    /// A moment in the order of what sessions do.
    pub(crate) fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::SeqCst) + 1
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

    /// Takes in what a session has found that was begun at `turn`. Its server gets a number.
    pub(crate) fn learn(&self, turn: u64, found: Found) -> Result<u64, Failure> {
        let mut number = Err(Failure::Moved);
        self.known.send_if_modified(|known| {
            let is_same = known.found.server == found.server;
            if turn < known.turn {
                // A newer one knows better.
                if is_same {
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
            }
            // What was said of one server was not said of another.
            let said: &[DurabilityRisk] = if is_same { &known.found.risks } else { &[] };
            report(said, &found.risks);
            known.turn = turn;
            known.found = found;
            number = Ok(known.number);
            !is_same
        });
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
}
