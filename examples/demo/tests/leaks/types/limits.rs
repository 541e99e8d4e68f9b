//! Of `ringyo_limit` and `ringyo_redis`: the address of a server has its password.

use std::time::Duration;

use ringyo::limit::{
    Backlog, BucketKind, Charge, CheckedBy, LimitError, LimitErrorKind, Monotonic, Outcome,
    RateLimiter as _, Tally, Verdict,
};
use ringyo::redis::ConfigError;
use ringyo::{
    Clock as _, FailClosed, FailOpen, FallBack, LocalLimiter, ManualClock, Quota, RedisConfig,
    RedisLimiter, SystemClock,
};

use super::{PASSWORD, Stage};
use crate::shown::show;

pub(super) async fn show(stage: &mut Stage) {
    let shown = &mut stage.shown;
    let quota = Quota::per_minute(60);
    let charge = Charge::to_account("acct_1", quota).with_key("key", quota);
    let limiter = LocalLimiter::new();
    let clock = ManualClock::new(0);
    let now = clock.now();
    let decision = limiter.decide(&charge, now.monotonic);
    let outcome: Outcome = decision.outcome();
    show!(shown, quota, Quota::try_per_minute(0).unwrap_err());
    show!(shown, charge, charge.account(), limiter, clock, now);
    show!(shown, decision, outcome, decision.account());
    show!(
        shown,
        SystemClock::default(),
        Monotonic::default(),
        Backlog::default()
    );
    show!(shown, Verdict::Denied, BucketKind::Key);
    show!(shown, CheckedBy::Fallback(LimitErrorKind::Timeout));
    let tally: Option<Tally> = limiter.tally("acct_1");
    show!(shown, tally.unwrap());

    // Nobody listens there.
    let address = format!("redis://user:{PASSWORD}@127.0.0.1:1/2");
    let config = RedisConfig::new(&address).unwrap();
    show!(shown, config);
    let remote = RedisLimiter::start(config).unwrap();
    let refused = remote.check(&charge, now).await.unwrap_err();
    show!(shown, remote, refused, refused.kind());
    show!(shown, FallBack::new(LocalLimiter::new()));
    show!(shown, FailClosed::new(LocalLimiter::new()));
    show!(
        shown,
        FailOpen::with_no_limits_during_outages(LocalLimiter::new())
    );
    let cause = std::io::Error::other("gone");
    show!(
        shown,
        LimitError::new(LimitErrorKind::Unavailable).with_source(cause)
    );
    for address in [
        format!("http://user:{PASSWORD}@127.0.0.1"),
        format!("redis://user:{PASSWORD}@127.0.0.1:port"),
        format!("redis://user:{PASSWORD}@127.0.0.1/database"),
        PASSWORD.to_owned(),
    ] {
        show!(shown, RedisConfig::new(&address).unwrap_err());
    }
    let config = RedisConfig::new(&address).unwrap();
    let config = config.with_deadline(Duration::from_millis(40));
    let refused: ConfigError = config.with_prefix(&format!("{{{PASSWORD}")).unwrap_err();
    show!(shown, refused);
}
