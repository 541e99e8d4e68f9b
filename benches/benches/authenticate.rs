//! What does a whole decision cost, let in or refused? `cargo bench -p ringyo-bench --bench
//! authenticate`

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ringyo::{AuthError, Credential, InvalidKey, NewKey};
use ringyo_bench::{Question, Result, Service, Workload, decide, decide_from, poll_now};

/// At most so many at once.
const THREADS: usize = 16;

fn main() {
    let mut question = Question::new("authenticate");
    let service = Service::new();
    let mut hot = service.workload("hot", 1_000);
    question.case("1,000 hot keys", || decide(&service, hot.header()));
    narrowed(&mut question);
    question.threads("1,000 hot keys, shared out", &hot.split(THREADS), |part| {
        decide(&service, part.header())
    });
    let one = hot.split(1_000).swap_remove(0);
    question.threads("one hot key", &vec![one; THREADS], |one| {
        decide(&service, one.header())
    });
    while_keys_come_and_go(&mut question, &service, &mut hot);
    refusals(&mut question, &service, hot.header());
    question.answer();
}

/// Keys with what few keys have, each time in a service that has no others.
fn narrowed(question: &mut Question) {
    let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    let networks = ["198.51.100.0/24", "192.0.2.0/24"].map(|text| text.parse().expect("a network"));
    let from_networks = |new: NewKey| new.allowed_networks(networks);
    let with_limit = |new: NewKey| new.quota_per_minute(NonZeroU32::MAX);
    let with_both = |new| with_limit(from_networks(new));
    let mut case = |case: &str, narrow: &dyn Fn(NewKey) -> NewKey| {
        let service = Service::new();
        let mut keys = service.workload_of("narrowed", 1_000, narrow);
        question.case(&format!("1,000 hot keys {case}"), || {
            decide_from(&service, keys.header(), client)
        });
    };
    // Of all of them it is known where they come from.
    case("of a known address", &|new| new);
    case("of two networks", &from_networks);
    case("with a limit of their own", &with_limit);
    case("with both", &with_both);
}

/// A thousand keys a second are made, used once and revoked, beside the decisions: each is put into
/// the cache, and taken out again.
fn while_keys_come_and_go(question: &mut Question, service: &Service, hot: &mut Workload) {
    let (ringyo, changes) = (service.ringyo.clone(), Arc::new(AtomicU64::new(0)));
    let counted = changes.clone();
    let busy = service.runtime.spawn(async move {
        let keys = ringyo.keys();
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        loop {
            tick.tick().await;
            let new = NewKey::live("hot_0", "short-lived").scopes(["agents"]);
            let issued = keys.issue(new).await.expect("a new key");
            let key = Credential::key(issued.key.expose());
            ringyo.authenticate(key).await.expect("a good key");
            keys.revoke(issued.record.id)
                .await
                .expect("a key to revoke");
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let begun = Instant::now();
    question.case_in_company("1,000 hot keys beside 1,000 changes/s", || {
        decide(service, hot.header())
    });
    busy.abort();
    let changes = changes.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    let case = "keys made, used and revoked beside them";
    Result::new("authenticate", case, "a second", changes).write();
}

fn refusals(question: &mut Question, service: &Service, good: &str) {
    use AuthError::{InvalidKey as Invalid, RateLimited, Revoked};

    let ask = |header: &str| {
        let credential = Credential::bearer(black_box(header));
        poll_now(service.authenticator.authenticate(credential))
    };
    let malformed = format!("{}!", &good[..good.len() - 1]);
    question.case("malformed", || {
        assert!(matches!(
            ask(&malformed),
            Err(Invalid(InvalidKey::Malformed(_)))
        ));
    });
    let other = good.replacen("rg_", "xy_", 1);
    question.case("malformed: another brand", || {
        assert!(matches!(
            ask(&other),
            Err(Invalid(InvalidKey::Malformed(_)))
        ));
    });
    let mistyped = Service::mistyped(good);
    question.case("bad checksum", || {
        assert!(matches!(
            ask(&mistyped),
            Err(Invalid(InvalidKey::Malformed(_)))
        ));
    });
    let forged = Service::forged();
    question.case("forged", || {
        assert!(matches!(ask(&forged), Err(Invalid(InvalidKey::Forged))));
    });
    let unknown = Service::unknown();
    // As far as a request gets by itself.
    question.case("unknown id, until the store is asked", || {
        let credential = Credential::bearer(black_box(&unknown));
        assert!(service.authenticator.decide_now(credential).is_none());
    });
    let wrong = service.of_a_wrong_secret();
    question.case("wrong secret", || {
        assert!(matches!(ask(&wrong), Err(Invalid(InvalidKey::WrongSecret))));
    });
    let revoked = service.revoked();
    question.case("revoked", || {
        assert!(matches!(ask(&revoked), Err(Revoked(_))));
    });
    let spent = service.spent();
    question.case("over the limit", || {
        assert!(matches!(ask(&spent), Err(RateLimited(_))));
    });
}
