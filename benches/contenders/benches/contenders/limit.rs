//! Is an account within its rate? 1,000 accounts in turns, each with a limit of its own, wide enough
//! that all are let in.

use std::collections::HashMap;

use limitador::RateLimiter;
use limitador::limit::{Context, Limit, Namespace};
use ringyo::limit::Charge;
use ringyo::{Clock as _, LocalLimiter, Quota, SystemClock};
use ringyo_bench::{Question, shuffle};

use crate::named;

const ACCOUNTS: usize = 1_000;

pub(crate) fn measure() {
    let mut question = Question::new("contenders: limit");
    let mut accounts: Vec<String> = (0..ACCOUNTS).map(|n| format!("acct_{n}/live")).collect();
    shuffle(&mut accounts);

    let (limiter, clock) = (LocalLimiter::new(), SystemClock::default());
    let quota = Quota::per_minute(4_000_000_000);
    let mut next = accounts.iter().cycle();
    question.case("ringyo: by name, with the clock", || {
        let charge = Charge::to_account(next.next().unwrap(), quota);
        let decision = limiter.decide(&charge, clock.now().monotonic);
        assert!(decision.is_allowed());
        decision
    });
    question.yardstick();

    let service: Namespace = "service".into();
    let limiter = RateLimiter::new(2 * ACCOUNTS as u64);
    let by_account = "account".try_into().unwrap();
    limiter.add_limit(Limit::new(
        service.clone(),
        4_000_000_000,
        60,
        [],
        [by_account],
    ));
    let context = |account: &String| -> Context<'_> {
        HashMap::from([("account".to_owned(), account.clone())]).into()
    };
    let ask = |context: &Context<'_>| {
        let result = limiter.check_rate_limited_and_update(&service, context, 1);
        let result = result.unwrap();
        assert!(!result.limited && result.counters.len() == 1);
        result
    };
    let mut next = accounts.iter().cycle();
    question.case(&named("limitador", "in memory"), || {
        ask(&context(next.next().unwrap()))
    });
    let contexts: Vec<_> = accounts.iter().map(context).collect();
    let mut next = contexts.iter().cycle();
    question.case(
        &named("limitador", "in memory, contexts made before"),
        || ask(next.next().unwrap()),
    );
    question.answer();
}
