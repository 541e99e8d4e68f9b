//! What does a rate limit in this process cost? `cargo bench -p ringyo-bench --bench limit`

use std::hint::black_box;

use ringyo::limit::{Charge, RateLimiter};
use ringyo::{Clock, LocalLimiter, Quota, SystemClock};
use ringyo_bench::{Question, shuffle};

/// More than is asked for at the one moment at which all is asked.
const WIDE: Quota = Quota::per_second(1_000_000_000);
const NARROW: Quota = Quota::per_hour(1);

fn main() {
    let mut question = Question::new("limit");
    let clock = SystemClock::default();
    question.case("the clock", || clock.now());

    let limiter = LocalLimiter::new();
    let now = clock.now().monotonic;
    let let_in = |limiter: &LocalLimiter, charge: &Charge<'_>| {
        let decision = limiter.decide(black_box(charge), now);
        assert!(decision.is_allowed());
        decision
    };
    let one = Charge::to_account("acct_1/live", WIDE);
    question.case("one account by name", || let_in(&limiter, &one));
    let tally = limiter.tally("acct_1/live");
    let within_reach = one.with_tally(tally.as_ref());
    question.case("one account with its tally", || {
        let_in(&limiter, &within_reach)
    });
    let both = within_reach.with_key("2f9Kx0aLmQz7", WIDE);
    question.case("account and key", || let_in(&limiter, &both));
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
            let_in(&limiter, &charge)
        });
    }

    for (case, accounts) in [("1,000 accounts", 1_000), ("a million accounts", 1_000_000)] {
        let mut names: Vec<String> = (0..accounts).map(|n| format!("acct_{n}/live")).collect();
        shuffle(&mut names);
        let limiter = LocalLimiter::new();
        let mut next = names.iter().cycle();
        let mut ask = || {
            let name = next.next().expect("a cycle");
            let_in(&limiter, &Charge::to_account(name, WIDE))
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
            let_in(&limiter, &charge)
        });
    }
    question.answer();
}
