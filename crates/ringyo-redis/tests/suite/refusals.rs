//! Servers that answer, but not with a decision.

use std::error::Error;
use std::net::TcpListener;

use ringyo_limit::{Charge, LimitError, LimitErrorKind, RateLimiter};
use ringyo_redis::{ConfigError, RedisConfig, RedisLimiter};
use xtask::servers::{RedisOptions, for_tests};

use crate::support::{Admin, FIFTY, ask, patient};

/// What a decision and a health check fail with.
async fn failures(limiter: &RedisLimiter) -> [LimitError; 2] {
    let charge = Charge::to_account("acct_1", FIFTY);
    let decision = ask(limiter, &charge).await.unwrap_err();
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

#[tokio::test]
async fn a_replica_is_no_server_to_charge_at() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let charge = Charge::to_account("acct_1", FIFTY);
    assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
    let _: () = admin.ask("REPLICAOF 127.0.0.1 1");
    for _ in 0..3 {
        let error = ask(&limiter, &charge).await.unwrap_err();
        assert_eq!(error.kind(), LimitErrorKind::Unavailable, "{error:?}");
    }
    let _: () = admin.ask("REPLICAOF NO ONE");
    let decision = ask(&limiter, &charge).await.unwrap();
    assert_eq!(decision.account().remaining(), 48);
}

#[tokio::test]
async fn a_server_without_memory_charges_neither_bucket() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let mut admin = Admin::of(&server.url());
    let limiter = patient(&server.url());
    let charge = Charge::to_account("acct_1", FIFTY).with_key("key_1", FIFTY);
    ask(&limiter, &charge).await.unwrap();
    let _: () = admin.ask("CONFIG SET maxmemory-policy noeviction");
    let _: () = admin.ask("CONFIG SET maxmemory 1");
    let error = ask(&limiter, &charge).await.unwrap_err();
    assert_eq!(error.kind(), LimitErrorKind::Misconfigured, "{error:?}");
    let _: () = admin.ask("CONFIG SET maxmemory 0");
    let second = ask(&limiter, &charge).await.unwrap();
    assert_eq!(second.account().remaining(), 48);
    assert_eq!(second.key().unwrap().remaining(), 48);
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
