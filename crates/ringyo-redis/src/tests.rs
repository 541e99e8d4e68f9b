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
