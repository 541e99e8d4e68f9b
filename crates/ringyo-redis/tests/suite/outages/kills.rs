//! A thousand kills at random moments: no bucket stays for ever, none gets a cell too many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ringyo_limit::{Charge, CheckedBy};
use tokio::time::sleep;
use xtask::servers::{Proxy, RedisOptions, for_tests};

use crate::support::{Admin, FIFTY, ask, patient};

const CONNECTION_KILLS: u32 = 960;
const SERVER_KILLS: u32 = 40;
const CALLERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_kills_leave_no_key_without_expiry() {
    // With its file, so that what a kill leaves behind is there afterwards.
    let options = RedisOptions::default().setting("appendonly", "yes");
    let Some(mut server) = for_tests::redis(options) else {
        return;
    };
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).unwrap();
    let address = format!("redis://:{}@127.0.0.1:{}", server.password(), proxy.port());
    let stop = Arc::new(AtomicBool::new(false));
    let admitted: Arc<Vec<AtomicU32>> = Arc::new((0..CALLERS).map(|_| 0.into()).collect());
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let (address, stop, admitted) = (address.clone(), stop.clone(), admitted.clone());
        callers.push(tokio::spawn(async move {
            let limiter = patient(&address);
            let account = format!("acct_{caller}");
            let mut asked = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let key = format!("key_{}", asked % 7);
                let charge = Charge::to_account(&account, FIFTY).with_key(&key, FIFTY);
                match ask(&limiter, &charge).await {
                    Ok(decision) => {
                        if decision.is_allowed() {
                            admitted[caller].fetch_add(1, Ordering::Relaxed);
                        }
                        // From memory it is too quick to be killed in between.
                        if decision.checked_by() == CheckedBy::RemoteDenial {
                            let other = format!("other_{caller}_{asked}");
                            let charge = Charge::to_account(&other, FIFTY).with_key(&key, FIFTY);
                            let _ = ask(&limiter, &charge).await;
                        }
                    }
                    Err(_) => sleep(Duration::from_millis(1)).await,
                }
                asked += 1;
                // What is refused from memory, or while there is no connection, waits for nothing.
                tokio::task::yield_now().await;
            }
            asked
        }));
    }
    for kill in 0..CONNECTION_KILLS {
        sleep(Duration::from_micros(u64::from(
            rand::random::<u16>() % 6_000,
        )))
        .await;
        if kill % 2 == 0 {
            proxy.cut();
        } else {
            proxy.cut_after(usize::from(rand::random::<u8>() % 60));
        }
    }
    for _ in 0..SERVER_KILLS {
        sleep(Duration::from_millis(u64::from(rand::random::<u8>() % 30))).await;
        server.kill().unwrap();
        server.start().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut asked = 0;
    for caller in callers {
        asked += caller.await.unwrap();
    }
    assert!(asked > 500, "too few calls to be killed: {asked}");

    let mut admin = Admin::of(&server.url());
    let keys: u64 = admin.ask("DBSIZE");
    let immortal = admin.immortal();
    let kills = CONNECTION_KILLS + SERVER_KILLS;
    println!(
        "{kills} kills, {asked} calls, {keys} keys, {} without expiry",
        immortal.len()
    );
    assert!(keys > 100);
    assert_eq!(immortal, [""; 0]);
    for admitted in admitted.iter() {
        let admitted = admitted.load(Ordering::Relaxed);
        assert!(admitted <= FIFTY.burst(), "{admitted} of 50 were admitted");
    }
    // The control: what a script leaves behind that is killed between `INCR` and `EXPIRE`.
    let _: () = admin.ask("INCR planted");
    assert_eq!(admin.immortal(), ["planted"]);
}
