//! What rate-limit headers say is well-formed, in range, and true.

use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringyo_auth::{AuthError, HttpMapping, Preset, Ringyo};
use ringyo_limit::{Charge, Clock as _, Decision, LocalLimiter, ManualClock, Quota};
use ringyo_store::MemoryStore;
use sfv::{BareItem, List, ListEntry, Parser};

use crate::support::{START, peppers};

/// `name;a=1;b=2` as an independent parser of RFC 9651 reads it.
type Item = (String, Vec<(String, i64)>);

fn items(field: &str) -> Vec<Item> {
    let list: List = Parser::new(field).parse().unwrap();
    let item = |entry: ListEntry| {
        let ListEntry::Item(item) = entry else {
            panic!("an inner list in {field}");
        };
        let BareItem::String(name) = item.bare_item else {
            panic!("an item of {field} is not named by a string");
        };
        let parameter = |(key, value): (sfv::Key, BareItem)| {
            let BareItem::Integer(value) = value else {
                panic!("{key} in {field} is no integer");
            };
            (key.as_str().to_owned(), i64::from(value))
        };
        let parameters = item.params.into_iter().map(parameter).collect();
        (name.as_str().to_owned(), parameters)
    };
    list.into_iter().map(item).collect()
}

fn check_fields(headers: &HeaderMap) -> Result<(), TestCaseError> {
    let text = |name: &str| headers[name].to_str().unwrap();
    let (policies, limits) = (items(text("ratelimit-policy")), items(text("ratelimit")));
    prop_assert_eq!(policies.len(), limits.len());
    for ((policy, quota), (limit, state)) in policies.iter().zip(&limits) {
        prop_assert_eq!(policy, limit);
        let [(q_name, q), (w_name, w)] = &quota[..] else {
            panic!("{quota:?}");
        };
        let [(r_name, r), (t_name, t)] = &state[..] else {
            panic!("{state:?}");
        };
        prop_assert_eq!([&q_name[..], w_name, r_name, t_name], ["q", "w", "r", "t"]);
        prop_assert!(*q >= 1 && *w >= 1 && (0..=*q).contains(r) && *t >= 0);
    }
    let number = |name: &str| text(name).parse::<u64>().unwrap();
    prop_assert!(number("x-ratelimit-reset") >= START.unsigned_abs() / 1_000);
    prop_assert!(number("x-ratelimit-remaining") <= number("x-ratelimit-limit"));
    if headers.contains_key("retry-after") {
        // Of the buckets that are empty, the other one may have to be waited for longer.
        let empty = limits.iter().filter(|(_, state)| state[0].1 == 0);
        let next = empty.map(|(_, state)| state[1].1).min();
        prop_assert!(next.is_none_or(|next| next <= number("retry-after").cast_signed()));
    }
    Ok(())
}

struct Service {
    http: HttpMapping,
    clock: ManualClock,
    limiter: LocalLimiter,
}

impl Service {
    fn decide(&self, quota: Quota, key: Option<Quota>, weight: NonZeroU32) -> Decision {
        let charge = Charge::to_account("a", quota).with_weight(weight);
        let charge = match key {
            Some(key) => charge.with_key("k", key),
            None => charge,
        };
        self.limiter.decide(&charge, self.clock.now().monotonic)
    }

    fn headers(&self, decision: Decision) -> HeaderMap {
        let now = self.clock.now();
        if decision.is_allowed() {
            return self.http.rate_headers(&decision, now).collect();
        }
        let refusal = AuthError::RateLimited(decision.into());
        let response = self
            .http
            .reject(&refusal, now)
            .into_response::<String>("req");
        response.into_parts().0.headers
    }
}

fn quotas() -> impl Strategy<Value = Quota> {
    let limit = prop_oneof![1_u32..10, 1_u32..1_000, Just(60), Just(300)];
    let period = prop_oneof![Just(1_u64), Just(60), Just(3_600), 1_u64..100_000];
    (limit, period, 1_u32..50).prop_map(|(limit, period, burst)| {
        let quota = Quota::try_per(limit, Duration::from_secs(period)).unwrap();
        quota.try_with_burst(burst).unwrap_or(quota)
    })
}

#[test]
fn ten_thousand_schedules_are_told_the_truth() {
    let builder = Ringyo::builder(Preset::ringyo(), peppers()).store(MemoryStore::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let http = runtime.block_on(builder.build()).unwrap().http().clone();

    let schedule = (
        quotas(),
        prop::option::of(quotas()),
        prop::collection::vec((0_u64..120_000_000_000, 1_u32..4), 1..40),
    );
    let config = Config {
        cases: 10_000,
        failure_persistence: None,
        ..Config::default()
    };
    let told_to_wait = std::cell::Cell::new(0_u32);
    let run = |(quota, key, requests): (Quota, Option<Quota>, Vec<(u64, u32)>)| {
        let service = Service {
            http: http.clone(),
            clock: ManualClock::new(START),
            limiter: LocalLimiter::new(),
        };
        for (pause, weight) in requests {
            // Mostly at once: a limit is to be reached.
            let pause = if pause % 3 == 0 {
                pause
            } else {
                pause % 1_000_000
            };
            service.clock.advance(Duration::from_nanos(pause));
            let weight = NonZeroU32::new(weight).unwrap();
            let decision = service.decide(quota, key, weight);
            let headers = service.headers(decision);
            check_fields(&headers)?;
            let Some(wait) = decision.retry_after() else {
                // A weight that no bucket can hold is never worth waiting for.
                prop_assert_eq!(headers.contains_key("retry-after"), false);
                continue;
            };
            told_to_wait.set(told_to_wait.get() + 1);
            let seconds: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
            prop_assert!(seconds >= 1);
            prop_assert!(
                Duration::from_secs(seconds) >= wait,
                "told to come too early"
            );

            service.clock.advance(wait - Duration::from_nanos(1));
            let early = service.decide(quota, key, weight);
            prop_assert!(!early.is_allowed(), "a nanosecond before {wait:?}");
            let rest = Duration::from_secs(seconds) - (wait - Duration::from_nanos(1));
            service.clock.advance(rest);
            let on_time = service.decide(quota, key, weight);
            prop_assert!(on_time.is_allowed(), "after {seconds} s of {wait:?}");
        }
        Ok(())
    };
    let cases = config.cases;
    TestRunner::new(config).run(&schedule, run).unwrap();
    println!("{cases} schedules");
    assert!(told_to_wait.get() > 10_000, "{} waits", told_to_wait.get());
}

#[test]
fn the_checks_see_a_malformed_or_wrong_field() {
    let good = r#""account";q=60;w=60"#;
    assert_eq!(
        items(good),
        [("account".into(), vec![("q".into(), 60), ("w".into(), 60)])]
    );
    for malformed in [
        r#"account;q=60"#,
        r#""account";q=60.5"#,
        r#""account;q=60"#,
        r#""a";Q=1"#,
    ] {
        assert!(
            std::panic::catch_unwind(|| items(malformed)).is_err(),
            "{malformed}"
        );
    }
    let fields = |limit: &'static str| {
        HeaderMap::from_iter([
            ("ratelimit-policy".parse().unwrap(), good.parse().unwrap()),
            ("ratelimit".parse().unwrap(), limit.parse().unwrap()),
            ("x-ratelimit-limit".parse().unwrap(), "60".parse().unwrap()),
            (
                "x-ratelimit-remaining".parse().unwrap(),
                "60".parse().unwrap(),
            ),
            (
                "x-ratelimit-reset".parse().unwrap(),
                "1767225600".parse().unwrap(),
            ),
        ])
    };
    assert!(check_fields(&fields(r#""account";r=60;t=0"#)).is_ok());
    for wrong in [
        r#""account";r=61;t=0"#,
        r#""account";r=-1;t=0"#,
        r#""account";r=1;t=-1"#,
        r#""other";r=1;t=1"#,
    ] {
        assert!(check_fields(&fields(wrong)).is_err(), "{wrong}");
    }
}
