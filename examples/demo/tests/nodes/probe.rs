//! Asking a node whether it believes a key.
//!
//! What is asked for is something that the key may not do. A node that answers so has believed the
//! key, by what it holds in memory: neither the refusal nor one for too many requests takes a
//! question to the database.

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinHandle;

use crate::service::{Answer, Demo};
use crate::site::Key;

/// What a node makes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is one that may be used.
    Believed,
    /// It has been revoked.
    Revoked,
    /// The node cannot say.
    Unknown,
}

/// An answer, and when it was asked for and came, counted from some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) verdict: Verdict,
}

/// Between the beginnings of two requests.
const PAUSE: Duration = Duration::from_millis(20);

impl Verdict {
    pub(crate) fn of(answer: &Answer) -> Self {
        match (answer.status, answer.code().as_str()) {
            (403, "insufficient_permissions") | (429, "rate_limit_exceeded") => Self::Believed,
            (401, "api_key_revoked") => Self::Revoked,
            (503, "auth_unavailable") => {
                let seconds = answer.header("retry-after").unwrap();
                assert!(seconds.parse::<u64>().unwrap() >= 1, "{seconds}");
                Self::Unknown
            }
            _ => panic!("{answer:?}"),
        }
    }
}

/// Asks once.
pub(crate) async fn ask(demo: &Demo, key: &Key) -> Verdict {
    Verdict::of(&demo.get(&key.text, "/v1/agents").await)
}

/// Asks without waiting for the answer.
pub(crate) fn begin(demo: &Demo, key: &Key, since: Instant) -> JoinHandle<Seen> {
    let request = demo.request(Method::GET, "/v1/agents");
    let request = request.bearer_auth(&key.text);
    let began = since.elapsed();
    tokio::spawn(async move {
        let answer = Answer::of(request).await;
        Seen {
            began,
            ended: since.elapsed(),
            verdict: Verdict::of(&answer),
        }
    })
}

/// Asks every node again and again until so long after `since`, whether answers come or not.
pub(crate) async fn watch(
    nodes: &[&Demo],
    key: &Key,
    since: Instant,
    until: Duration,
) -> Vec<Vec<JoinHandle<Seen>>> {
    let mut asked: Vec<Vec<_>> = nodes.iter().map(|_| Vec::new()).collect();
    while since.elapsed() < until {
        for (asked, node) in asked.iter_mut().zip(nodes) {
            asked.push(begin(node, key, since));
        }
        tokio::time::sleep(PAUSE).await;
    }
    asked
}

/// All the answers of one node, in the order in which they were asked for.
pub(crate) async fn answers(asked: Vec<JoinHandle<Seen>>) -> Vec<Seen> {
    let mut seen = Vec::with_capacity(asked.len());
    for answer in asked {
        seen.push(answer.await.unwrap());
    }
    seen
}

/// When the last request began that was answered as if the key could be used.
pub(crate) fn last_believed(seen: &[Seen]) -> Option<Duration> {
    let believed = seen.iter().filter(|s| s.verdict == Verdict::Believed);
    believed.map(|s| s.began).max()
}

/// Waits until a node makes this of a key, and says how long that took.
pub(crate) async fn until(demo: &Demo, key: &Key, verdict: Verdict, longest: Duration) -> Duration {
    let began = Instant::now();
    while ask(demo, key).await != verdict {
        assert!(began.elapsed() < longest, "not {verdict:?} in {longest:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}
