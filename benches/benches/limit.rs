//! What does a rate limit in this process cost? `cargo bench -p ringyo-bench --bench limit`

use std::hint::black_box;

use ringyo::limit::{Charge, RateLimiter};
use ringyo::{Clock, LocalLimiter, Quota, SystemClock};
use ringyo_bench::{Question, shuffle};

const WIDE: Quota = Quota::per_second(1_000_000);
const NARROW: Quota = Quota::per_hour(1);

fn main() {
    let mut question = Question::new("limit");
    let clock = SystemClock::default();
    question.case("the clock", || clock.now());

    let limiter = LocalLimiter::new();
    let now = clock.now().monotonic;
    let one = Charge::to_account("acct_1/live", WIDE);
    question.case("one account by name", || {
        limiter.decide(black_box(&one), now)
    });
    let tally = limiter.tally("acct_1/live");
    let within_reach = one.with_tally(tally.as_ref());
    question.case("one account with its tally", || {
        limiter.decide(black_box(&within_reach), now)
    });
    let both = within_reach.with_key("2f9Kx0aLmQz7", WIDE);
    question.case("account and key", || limiter.decide(black_box(&both), now));
    let spent = Charge::to_account("acct_2/live", NARROW);
    limiter.decide(&spent, now);
    question.case("refused", || {
        assert!(!limiter.decide(black_box(&spent), now).is_allowed());
    });

    for (case, accounts) in [
        ("one account, shared", ["acct_1/live"; 2]),
        ("an account to each", ["acct_1/live", "acct_3/live"]),
    ] {
        let tallies = accounts.map(|name| {
            limiter.decide(&Charge::to_account(name, WIDE), now);
            (name, limiter.tally(name))
        });
        question.threads(case, &tallies, |(name, tally)| {
            let charge = Charge::to_account(name, WIDE).with_tally(tally.as_ref());
            limiter.decide(black_box(&charge), now)
        });
    }

    for (case, accounts) in [("1,000 accounts", 1_000), ("a million accounts", 1_000_000)] {
        let mut names: Vec<String> = (0..accounts).map(|n| format!("acct_{n}/live")).collect();
        shuffle(&mut names);
        let limiter = LocalLimiter::new();
        let mut next = names.iter().cycle();
        let mut ask = || {
            let name = next.next().expect("a cycle");
            limiter.decide(&Charge::to_account(name, WIDE), now)
        };
        for _ in 0..accounts {
            ask();
        }
        question.case(&format!("{case} by name"), ask);
        let tallies: Vec<_> = names.iter().map(|name| limiter.tally(name)).collect();
        let mut next = names.iter().zip(&tallies).cycle();
        question.case(&format!("{case} with their tallies"), || {
            let (name, tally) = next.next().expect("a cycle");
            let charge = Charge::to_account(name, WIDE).with_tally(tally.as_ref());
            limiter.decide(&charge, now)
        });
    }
    question.answer();
}
