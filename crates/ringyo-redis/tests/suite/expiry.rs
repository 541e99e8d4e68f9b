//! The server's time: what a bucket is in Redis, and how it goes away.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use ringyo_limit::{Charge, Quota, RateLimiter};
use tokio::time::sleep;
use xtask::servers::{RedisOptions, for_tests};

use crate::support::{Admin, FIFTY, ask, patient};

/// The step of the server's time.
const TICK: Duration = Duration::from_micros(1);

const ACCOUNT: &str = "ringyo:{acct_1/live}";
const KEY: &str = "ringyo:{acct_1/live}:2f9Kx0aLmQz7";

#[tokio::test]
async fn a_bucket_is_one_exact_number_that_expires_when_it_is_full() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let (account, key) = (Quota::per_minute(60), Quota::per_minute(7));
    let charge = Charge::to_account("acct_1/live", account).with_key("2f9Kx0aLmQz7", key);
    let before = admin.micros();
    assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
    let after = admin.micros();

    let mut keys: Vec<String> = admin.ask("KEYS *");
    keys.sort();
    assert_eq!(keys, [ACCOUNT, KEY]);
    for (name, interval) in [(ACCOUNT, 1_000_000), (KEY, 8_571_429)] {
        let stored: String = admin.ask(&format!("GET {name}"));
        let arrival: u64 = stored.parse().unwrap();
        // To the microsecond: with `tostring` in the script the last three digits would be gone.
        let expected = before + interval..=after + interval;
        assert!(
            expected.contains(&arrival),
            "{name} is {stored}, {expected:?}"
        );
        let left: u64 = admin.ask(&format!("PTTL {name}"));
        let asked_at = admin.micros();
        let full_in = arrival.saturating_sub(asked_at) / 1_000;
        assert!(
            left >= full_in,
            "{name} expires too early: {left} of {full_in} ms"
        );
        assert!(left <= interval / 1_000 + 2, "{name} is kept for {left} ms");
    }
}

#[tokio::test]
async fn cells_come_back_on_the_servers_clock() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let limiter = patient(&address);
    let quota = Quota::per_second(5).with_burst(2);
    let name = format!("expiry-{}", std::process::id());
    let charge = Charge::to_account(&name, quota);
    let mut admin = Admin::of(&address);
    let (before, mut admitted) = (admin.micros(), 0);
    let mut slowest = Duration::ZERO;
    let mut told_to_wait = async || {
        let begin = Instant::now();
        let decision = ask(&limiter, &charge).await.unwrap();
        slowest = slowest.max(begin.elapsed());
        (decision.retry_after(), slowest)
    };
    for _ in 0..4 {
        // However slow the machine: until the bucket is empty.
        let wait = loop {
            match told_to_wait().await.0 {
                Some(wait) => break wait,
                None => admitted += 1,
            }
        };
        assert!(wait <= Duration::from_millis(200), "{wait:?}");
        sleep(wait).await;
        // What a node remembers counts from when it asked, a moment before the server decided: by
        // so much the wait may have been too short.
        while let (Some(rest), slowest) = told_to_wait().await {
            assert!(rest <= slowest + TICK, "{rest:?} more, {slowest:?}");
            sleep(rest).await;
        }
        admitted += 1;
    }
    let bound = 2 + (admin.micros() - before) / 200_000;
    assert!(
        admitted <= bound,
        "{admitted} admitted, at most {bound} could be"
    );
}

#[tokio::test]
async fn idle_accounts_vanish() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let quota = Quota::per_second(20);
    for index in 0..500 {
        let (account, key) = (format!("acct_{index}"), format!("key_{index}"));
        let charge = Charge::to_account(&account, quota).with_key(&key, quota);
        assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
    }
    // The control: what nobody gave an expiry.
    let _: () = admin.ask("SET planted 1");
    for _ in 0..200 {
        if admin.ask::<u64>("DBSIZE") == 1 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(admin.ask::<Vec<String>>("KEYS *"), ["planted"]);
    assert_eq!(admin.immortal(), ["planted"]);
}

#[tokio::test]
async fn a_bucket_takes_less_than_200_bytes() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let used = |admin: &mut Admin| -> u64 {
        let info: String = admin.ask("INFO memory");
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        line.unwrap().parse().unwrap()
    };
    let before = used(&mut admin);
    const ACCOUNTS: u64 = 5_000;
    for index in 0..ACCOUNTS {
        let account = format!("acct_{index:012}/live");
        let key = format!("{index:012}");
        let charge = Charge::to_account(&account, FIFTY).with_key(&key, FIFTY);
        assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
    }
    assert_eq!(admin.ask::<u64>("DBSIZE"), 2 * ACCOUNTS);
    let each = (used(&mut admin) - before) / (2 * ACCOUNTS);
    println!("{each} bytes for each bucket");
    assert!(each > 60, "the measure sees nothing: {each} bytes");
    assert!(each <= 200, "{each} bytes");
}

#[tokio::test]
async fn a_script_that_the_server_forgot_is_brought_again() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let charge = Charge::to_account("acct_1", FIFTY);
    let mut allowed = 0;
    for round in 1..=3 {
        let _: () = admin.ask("SCRIPT FLUSH");
        for _ in 0..5 {
            allowed += u32::from(ask(&limiter, &charge).await.unwrap().is_allowed());
        }
        // By text once, and by digest from then on.
        assert_eq!(admin.calls("eval"), round);
        assert_eq!(admin.calls("evalsha"), 5 * round);
    }
    let look = charge.with_weight(NonZeroU32::MAX);
    let left = ask(&limiter, &look).await.unwrap().account().remaining();
    assert_eq!((allowed, left), (15, 35));
    limiter.ready().await.unwrap();
}
