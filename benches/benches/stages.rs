//! Where does the time of a decision go? `cargo bench -p ringyo-bench --bench stages`
//!
//! Each stage that can be called alone is, on the same keys; a stage that cannot is the difference
//! between two refusals, one of which gets further.

use std::hint::black_box;

use ringyo::limit::{Charge, RateLimiter as _};
use ringyo::preset::ringyo::{AGENTS_READ, BRAND, CATALOG};
use ringyo::{
    AuthError, Clock as _, Credential, KeyFormat, LocalLimiter, Mode, Pepper, PepperId, PepperRing,
    Quota, ScopeSet, SystemClock,
};
use ringyo_bench::{Question, Service, decide, poll_now};

/// As many characters at the end of a key are the CRC-32 of what is before them.
const CHECKSUM: usize = 6;

fn main() {
    let mut question = Question::new("stages");
    let service = Service::new();
    let format = KeyFormat::new(BRAND);
    let peppers = PepperRing::new(Pepper::generate(PepperId::new(1)));
    let minted = format.mint(Mode::Live, &peppers);
    let text = minted.key.expose().to_owned();
    let parse = || format.parse(black_box(text.as_bytes())).is_ok();
    let both = question.unlisted("parse and checksum", || assert!(parse()));
    let (body, _) = text.as_bytes().split_at(text.len() - CHECKSUM);
    let checksum = question.unlisted("checksum", || crc32fast::hash(black_box(body)));
    let parse = both - checksum;
    question.reckoned("parse", parse);
    question.reckoned("checksum", checksum);

    let parsed = format.parse(text.as_bytes()).expect("a good key");
    let hmac = question.case("HMAC and tag", || {
        assert!(peppers.prove(black_box(&parsed)).is_some());
    });

    let refuse = |header: &str| {
        let credential = Credential::bearer(black_box(header));
        poll_now(service.authenticator.authenticate(credential)).expect_err("a refusal")
    };
    let forged = Service::forged();
    let until_look_up = question.unlisted("refuse a forged key", || refuse(&forged));
    let revoked = service.revoked();
    let past_look_up = question.unlisted("refuse a revoked key", || {
        assert!(matches!(refuse(&revoked), AuthError::Revoked(_)));
    });
    let clock = SystemClock::default();
    let time = question.unlisted("clock", || clock.lately());
    let compare = question.unlisted("compare", || {
        assert!(minted.digest.matches(black_box(&minted.digest)));
    });
    let look_up = past_look_up - until_look_up - time - compare;
    question.reckoned("look-up", look_up);
    question.reckoned("compare", compare);
    question.reckoned("clock", time);
    let limiter = LocalLimiter::new();
    let now = clock.now().monotonic;
    let wide = Charge::to_account("acct_1/live", Quota::per_second(1_000_000_000));
    limiter.decide(&wide, now);
    let tally = limiter.tally("acct_1/live");
    let charge = wide.with_tally(tally.as_ref());
    let limit = question.case("limit", || limiter.decide(black_box(&charge), now));
    let scopes = ScopeSet::parse(["agents", "calls:read"]).expect("good scopes");
    let grants = scopes.compile(&CATALOG);
    let scope = question.case("scope", || {
        assert!(black_box(&grants).check(&AGENTS_READ).is_ok());
    });

    let mut hot = service.workload("hot", 1_000);
    let whole = question.unlisted("the whole", || decide(&service, hot.header()));
    let stages = [parse, checksum, hmac, look_up, compare, time, limit, scope];
    question.reckoned("the rest", whole - stages.into_iter().sum());
    question.reckoned("the whole", whole);
    question.answer();
}
