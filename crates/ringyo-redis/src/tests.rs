//! The limiter on a time that tests can move: the shipped script with the time handed in.
//!
//! What this leaves out is the two lines before the script that ask the server for the time, and
//! the expiry of keys. `tests/` goes through both, in real time.

#[cfg(feature = "cluster")]
mod cluster;
mod differential;
mod flood;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ringyo_limit::conformance::Case;
use ringyo_limit::{FailClosed, FailOpen, FallBack, RateLimiter, conformance};
use xtask::servers::for_tests;

use crate::bucket::TICK;
use crate::{RedisConfig, RedisLimiter};

/// A configuration with keys that nobody else uses.
fn config(address: &str) -> RedisConfig {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("test-{}-{made}", std::process::id());
    RedisConfig::new(address)
        .and_then(|config| config.with_prefix(&prefix))
        .unwrap()
        // These tests are about numbers: a machine that is busy must not change them.
        .with_deadline(Duration::from_secs(20))
}

fn limiter(address: &str) -> RedisLimiter {
    RedisLimiter::on_callers_time(config(address)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_limiter_conforms() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    conformance::run(TICK, async || {
        Arc::new(limiter(&address)) as Arc<dyn RateLimiter>
    })
    .await;
}

/// Faults in the script, and what must notice them.
const FAULTS: [(&str, &str, Case); 4] = [
    // One cell more than the burst.
    (
        "> tonumber(ARGV[2 * i]) then",
        "> ARGV[2 * i] + ARGV[2 * i - 1] then",
        Case::EveryWindow,
    ),
    // A refill that is two hundredths too fast.
    (
        "arrivals[i] = arrivals[i] + ARGV[2 * i - 1]",
        "arrivals[i] = arrivals[i] + math.floor(ARGV[2 * i - 1] * 0.98)",
        Case::EveryWindow,
    ),
    // What the one bucket says is forgotten for what the other does.
    (
        "    verdict = 0\n",
        "    verdict = 0\n  else\n    verdict = 1\n",
        Case::EveryWindow,
    ),
    // A bucket is a microsecond nearer to full than it is.
    (
        "reply[i + 1] = arrivals[i] - now",
        "reply[i + 1] = math.max(arrivals[i] - now - 1, 0)",
        Case::EveryRetry,
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_laws_notice_faults_in_the_script() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    for (from, into, case) in FAULTS {
        let faulty = RedisLimiter::with_fault(config(&address), from, into).unwrap();
        let judged = tokio::spawn(async move { case.run(TICK, Arc::new(faulty)).await }).await;
        let Err(noticed) = judged else {
            panic!("{case} overlooks `{into}`");
        };
        let message = noticed.into_panic().downcast::<String>().unwrap();
        assert!(message.starts_with(&case.to_string()), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guarded_limiters_conform() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let guards: [fn(RedisLimiter) -> Arc<dyn RateLimiter>; 3] = [
        |limiter| Arc::new(FailClosed::new(limiter)),
        |limiter| Arc::new(FallBack::new(limiter)),
        |limiter| Arc::new(FailOpen::with_no_limits_during_outages(limiter)),
    ];
    for guard in guards {
        conformance::run(TICK, async || guard(limiter(&address))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_fallen_back_to_conforms() {
    conformance::run(TICK, async || {
        // Nobody listens on port 1.
        let limiter = limiter("redis://127.0.0.1:1");
        Arc::new(FallBack::new(limiter)) as Arc<dyn RateLimiter>
    })
    .await;
}
