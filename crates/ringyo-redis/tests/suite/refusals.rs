//! Servers that answer, but not with a decision.

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use ringyo_limit::{
    Charge, CheckedBy, FailClosed, FailOpen, FallBack, LimitError, LimitErrorKind, RateLimiter,
};
use ringyo_redis::{ConfigError, RedisConfig, RedisLimiter};
use xtask::servers::{Redis, RedisOptions, for_tests};

use crate::support::{Admin, FIFTY, ask, patient};

/// What a decision and a health check fail with.
async fn failures(limiter: &RedisLimiter) -> [LimitError; 2] {
    failures_of(limiter, &Charge::to_account("acct_1", FIFTY)).await
}

async fn failures_of(limiter: &RedisLimiter, charge: &Charge<'_>) -> [LimitError; 2] {
    let decision = ask(limiter, charge).await.unwrap_err();
    [decision, limiter.ready().await.unwrap_err()]
}

fn everything_said(limiter: &RedisLimiter, errors: &[LimitError]) -> String {
    let mut said = format!("{limiter:?}");
    for error in errors {
        let mut next: Option<&dyn Error> = Some(error);
        while let Some(error) = next {
            said += &format!("{error} {error:?}");
            next = error.source();
        }
    }
    said
}

#[tokio::test]
async fn wrong_credentials_are_for_an_operator_and_are_not_repeated() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let address = format!("redis://:not-the-password@127.0.0.1:{}", server.port());
    let limiter = patient(&address);
    let errors = failures(&limiter).await;
    for error in &errors {
        assert_eq!(error.kind(), LimitErrorKind::Misconfigured, "{error:?}");
    }
    let said = everything_said(&limiter, &errors);
    assert!(said.contains("Misconfigured"), "the control: {said}");
    assert!(!said.contains("not-the-password"), "{said}");
    // With the right ones all is well.
    patient(&server.url()).ready().await.unwrap();
}

#[tokio::test]
async fn rights_that_are_missing_are_for_an_operator() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let _: () = admin.ask("ACL SETUSER reader on >secret ~* +@read +ping +client");
    let limiter = patient(&format!(
        "redis://reader:secret@127.0.0.1:{}",
        server.port()
    ));
    for error in failures(&limiter).await {
        assert_eq!(error.kind(), LimitErrorKind::Misconfigured, "{error:?}");
    }
    // One that may ask and may not charge.
    let rights = "~ringyo:* +evalsha +eval +time +get +ping";
    let _: () = admin.ask(&format!("ACL SETUSER asker on >secret {rights}"));
    let limiter = patient(&format!("redis://asker:secret@127.0.0.1:{}", server.port()));
    for error in failures(&limiter).await {
        assert_eq!(error.kind(), LimitErrorKind::Misconfigured, "{error:?}");
    }
    // These rights are enough, and those that the page of the crate names.
    let rights = "~ringyo:* +evalsha +eval +time +get +set +ping";
    let _: () = admin.ask(&format!("ACL SETUSER limiter on >secret {rights}"));
    let limiter = patient(&format!(
        "redis://limiter:secret@127.0.0.1:{}",
        server.port()
    ));
    limiter.ready().await.unwrap();
    let charge = Charge::to_account("acct_1", FIFTY);
    assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
}

/// How it is made to refuse, and to take writes again.
struct Refusal {
    begin: &'static [&'static str],
    end: &'static str,
    kind: LimitErrorKind,
}

/// A server that answers and takes no writes: no decision, not ready, and every choice of what to
/// do then is asked. Neither of the two buckets is charged.
async fn is_an_outage(server: &Redis, refusal: Refusal) {
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let closed = FailClosed::new(patient(&server.url()));
    let back = FallBack::new(patient(&server.url()));
    let open = FailOpen::with_no_limits_during_outages(patient(&server.url()));
    let charge = Charge::to_account("acct_1", FIFTY).with_key("key_1", FIFTY);
    limiter.ready().await.unwrap();
    assert!(ask(&limiter, &charge).await.unwrap().is_allowed());

    for command in refusal.begin {
        let _: () = admin.ask(command);
    }
    // The control: whoever only asks whether it answers, or runs a script that writes nothing,
    // would not notice.
    let _: String = admin.ask("ECHO here");
    let reads: u64 = admin.ask("EVAL return(1) 0");
    assert_eq!(reads, 1);
    for limiter in [&limiter, &patient(&server.url())] {
        for error in failures_of(limiter, &charge).await {
            assert_eq!(error.kind(), refusal.kind, "{error:?}");
        }
    }
    let error = ask(&closed, &charge).await.unwrap_err();
    assert_eq!(error.kind(), refusal.kind, "{error:?}");
    assert_eq!(closed.ready().await.unwrap_err().kind(), refusal.kind);
    let decision = ask(&back, &charge).await.unwrap();
    assert_eq!(decision.checked_by(), CheckedBy::Fallback(refusal.kind));
    let decision = ask(&open, &charge).await.unwrap();
    assert_eq!(decision.checked_by(), CheckedBy::Bypassed(refusal.kind));

    let _: () = admin.ask(refusal.end);
    limiter.ready().await.unwrap();
    closed.ready().await.unwrap();
    let second = ask(&limiter, &charge).await.unwrap();
    assert_eq!(second.account().remaining(), 48);
    assert_eq!(second.key().unwrap().remaining(), 48);
    assert_eq!(admin.immortal(), [""; 0]);
}

#[tokio::test]
async fn a_replica_is_no_server_to_charge_at() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let refusal = Refusal {
        begin: &["REPLICAOF 127.0.0.1 1"],
        end: "REPLICAOF NO ONE",
        kind: LimitErrorKind::Unavailable,
    };
    is_an_outage(&server, refusal).await;
}

#[tokio::test]
async fn a_master_that_misses_its_replicas_is_no_server_to_charge_at() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let refusal = Refusal {
        begin: &["CONFIG SET min-replicas-to-write 1"],
        end: "CONFIG SET min-replicas-to-write 0",
        kind: LimitErrorKind::Unavailable,
    };
    is_an_outage(&server, refusal).await;
}

#[tokio::test]
async fn a_server_without_memory_is_for_an_operator() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let refusal = Refusal {
        begin: &[
            "CONFIG SET maxmemory-policy noeviction",
            "CONFIG SET maxmemory 1",
        ],
        end: "CONFIG SET maxmemory 0",
        kind: LimitErrorKind::Misconfigured,
    };
    is_an_outage(&server, refusal).await;
}

#[tokio::test]
async fn a_server_that_cannot_save_is_for_an_operator() {
    let options = RedisOptions::default().setting("save", "3600 1000000");
    let Some(server) = for_tests::redis(options) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let (_, folder): (String, String) = admin.ask("CONFIG GET dir");
    // What is in the place of its file cannot be replaced by one.
    std::fs::create_dir(Path::new(&folder).join("dump.rdb")).unwrap();
    let _: String = admin.ask("BGSAVE");
    let begin = Instant::now();
    while !admin
        .ask::<String>("INFO persistence")
        .contains("rdb_last_bgsave_status:err")
    {
        assert!(begin.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _: () = admin.ask("CONFIG SET stop-writes-on-bgsave-error no");
    let refusal = Refusal {
        begin: &["CONFIG SET stop-writes-on-bgsave-error yes"],
        end: "CONFIG SET stop-writes-on-bgsave-error no",
        kind: LimitErrorKind::Misconfigured,
    };
    is_an_outage(&server, refusal).await;
}

#[tokio::test]
async fn another_kind_of_value_under_the_name_is_left_alone() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let _: () = admin.ask("RPUSH ringyo:{acct_1}:key_1 somebody's");
    let charge = Charge::to_account("acct_1", FIFTY).with_key("key_1", FIFTY);
    let error = ask(&limiter, &charge).await.unwrap_err();
    assert_eq!(error.kind(), LimitErrorKind::Misconfigured, "{error:?}");
    assert_eq!(
        admin.ask::<Vec<String>>("KEYS *"),
        ["ringyo:{acct_1}:key_1"]
    );
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unavailable_at_once() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let limiter = patient(&format!("redis://127.0.0.1:{port}"));
    for error in failures(&limiter).await {
        assert_eq!(error.kind(), LimitErrorKind::Unavailable, "{error:?}");
    }
}

#[test]
fn a_limiter_without_a_runtime_is_an_error() {
    let config = RedisConfig::new("redis://127.0.0.1:1").unwrap();
    let error = RedisLimiter::start(config).unwrap_err();
    assert_eq!(error, ConfigError::NoRuntime);
}

#[test]
fn addresses_and_prefixes_are_read_strictly() {
    for address in [
        "",
        "127.0.0.1:6379",
        "http://127.0.0.1",
        "redis://:pw@h:port",
    ] {
        let error = RedisConfig::new(address).unwrap_err();
        assert_eq!(error, ConfigError::Address, "{address}");
        assert!(!error.to_string().contains("pw@"));
    }
    let config = RedisConfig::new("redis://127.0.0.1").unwrap();
    assert_eq!(config.with_prefix("a{b").unwrap_err(), ConfigError::Prefix);
    #[cfg(not(feature = "tls"))]
    assert!(RedisConfig::new("rediss://127.0.0.1").is_err());
    #[cfg(feature = "tls")]
    assert!(RedisConfig::new("rediss://127.0.0.1").is_ok());
}
