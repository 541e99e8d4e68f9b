//! A master, its replica and a sentinel that puts one in the place of the other.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringyo_limit::{Charge, LimitErrorKind};
use ringyo_redis::{ConfigError, RedisConfig, RedisLimiter};
use tempfile::TempDir;
use tokio::time::sleep;
use xtask::servers::{Behaviour, Proxy, Redis, RedisOptions, for_tests, free_port};

use crate::support::{Admin, FIFTY, ask};

const PASSWORD: &str = "for-both-of-them";

struct Sentinel {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Sentinel {
    fn of(master: &Redis) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let path = folder.path().join("sentinel.conf");
        let watched = master.port();
        let configuration = format!(
            "bind 127.0.0.1\nport {port}\nsentinel monitor mymaster 127.0.0.1 {watched} 1\n\
             sentinel auth-pass mymaster {PASSWORD}\n\
             sentinel down-after-milliseconds mymaster 300\n\
             sentinel failover-timeout mymaster 3000\n"
        );
        std::fs::write(&path, configuration).unwrap();
        let process = Command::new(RedisOptions::default().flavour().find().unwrap())
            .arg(&path)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "{what} takes too long"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_new_master_is_found_and_knows_what_was_charged() {
    let options = || RedisOptions::default().setting("requirepass", PASSWORD);
    let Some(mut master) = for_tests::redis(options()) else {
        return;
    };
    let options = options()
        .setting("replicaof", format!("127.0.0.1 {}", master.port()))
        .setting("masterauth", PASSWORD);
    let Some(replica) = for_tests::redis(options) else {
        return;
    };
    let address = |server: &Redis| format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port());
    let (mut of_master, mut of_replica) =
        (Admin::of(&address(&master)), Admin::of(&address(&replica)));
    until("replication", || {
        of_replica
            .ask::<String>("INFO replication")
            .contains("master_link_status:up")
    })
    .await;
    let sentinel = Sentinel::of(&master);
    until("the sentinel", || {
        redis::Client::open(sentinel.address())
            .unwrap()
            .get_connection()
            .is_ok()
    })
    .await;
    let mut of_sentinel = Admin::of(&sentinel.address());
    until("the sentinel's view", || {
        of_sentinel
            .ask::<String>("INFO sentinel")
            .contains("status=ok")
            && of_sentinel
                .ask::<String>("INFO sentinel")
                .contains("slaves=1")
    })
    .await;

    let config = RedisConfig::sentinel(
        &format!("redis://:{PASSWORD}@mymaster"),
        ["redis://127.0.0.1:1", &sentinel.address()],
    );
    let config = config.unwrap().with_deadline(Duration::from_secs(5));
    let limiter = RedisLimiter::start(config).unwrap();
    let charge = Charge::to_account("acct_1", FIFTY);
    for _ in 0..10 {
        assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
    }
    let _: u64 = of_master.ask("WAIT 1 5000");
    master.kill().unwrap();
    let begin = Instant::now();
    let decision = loop {
        match ask(&limiter, &charge).await {
            Ok(decision) => break decision,
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(30), "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    // The sentinel has cut all connections to the server that it promoted.
    let mut of_replica = Admin::of(&address(&replica));
    assert!(
        of_replica
            .ask::<String>("INFO replication")
            .contains("role:master")
    );
    // Not more than before the failover; what failed on the way may have been charged.
    let left = decision.account().remaining();
    assert!(left <= 39, "{left}");
}

/// Nothing comes back from the first in the list, as from a machine that is gone.
#[tokio::test]
async fn the_first_sentinel_is_not_waited_for() {
    let Some(master) = for_tests::redis(RedisOptions::default().setting("requirepass", PASSWORD))
    else {
        return;
    };
    let sentinel = Sentinel::of(&master);
    until("the sentinel's view", || {
        let client = redis::Client::open(sentinel.address()).unwrap();
        let connection = client.get_connection();
        let info = connection.and_then(|mut connection| {
            let mut info = redis::cmd("INFO");
            info.arg("sentinel").query::<String>(&mut connection)
        });
        info.is_ok_and(|info| info.contains("status=ok"))
    })
    .await;
    let proxy = Proxy::start(([127, 0, 0, 1], sentinel.port).into()).unwrap();
    proxy.behave(Behaviour::Swallow);
    let silent = format!("redis://127.0.0.1:{}", proxy.port());
    let limiter = |sentinels: &[&str]| {
        let config =
            RedisConfig::sentinel(&format!("redis://:{PASSWORD}@mymaster"), sentinels).unwrap();
        RedisLimiter::start(config.with_deadline(Duration::from_millis(900))).unwrap()
    };
    let charge = Charge::to_account("acct_1", FIFTY);
    // The control: it does say nothing.
    let error = ask(&limiter(&[&silent]), &charge).await.unwrap_err();
    assert_eq!(error.kind(), LimitErrorKind::Unavailable, "{error:?}");
    let limiter = limiter(&[&silent, &sentinel.address()]);
    assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
}

#[test]
fn sentinels_need_addresses() {
    let none: [&str; 0] = [];
    let error = RedisConfig::sentinel("redis://mymaster", none).unwrap_err();
    assert_eq!(error, ConfigError::Addresses);
    let error = RedisConfig::sentinel("mymaster", ["redis://127.0.0.1"]).unwrap_err();
    assert_eq!(error, ConfigError::Address);
}
