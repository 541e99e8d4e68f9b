//! Service and database are killed right after a key has been revoked.

use std::fs::{self, File};
use std::path::Path;

use xtask::servers::PostgresOptions;

use crate::probe::{self, Verdict};
use crate::service::{Demo, Place, new_place, program};
use crate::site::{self, Key, PEPPER, Site};
use crate::trials;

const ACCOUNT: &str = "acct_agency";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_stays_so_when_service_and_database_are_killed() {
    let options = PostgresOptions::new().fsync();
    let Some(kept) = revoke_and_kill(options, trials(5)).await else {
        return;
    };
    assert!(kept.verdicts.iter().all(|v| *v == Verdict::Revoked));
    assert!(!kept.log.contains("may be lost"), "{}", kept.log);
    println!("killed {} times, 0 keys came back", kept.verdicts.len());
}

/// The control: a server that answers before it has written anything down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_keep_what_it_answers_is_noticed_and_reported() {
    let options = PostgresOptions::new()
        .fsync()
        .setting("synchronous_commit", "off")
        .setting("wal_writer_delay", "10s");
    let Some(lost) = revoke_and_kill(options, 3).await else {
        return;
    };
    assert!(lost.verdicts.contains(&Verdict::Believed));
    let report = "`synchronous_commit` is off: what was answered as done may be lost";
    assert!(lost.log.contains(report), "{}", lost.log);
    assert!(lost.log.contains("WARN"), "{}", lost.log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_stays_so_in_a_file_when_the_service_is_killed() {
    let (_directory, file) = new_place();
    let mut demo = Demo::start(Place::File(&file));
    let mut keys = site::issue(&demo, ACCOUNT, trials(100) + 1).await;
    let last = keys.pop().unwrap();
    for key in keys {
        revoke(&demo, &key).await;
        demo.kill();
        demo = Demo::start(Place::File(&file));
        assert_eq!(probe::ask(&demo, &key).await, Verdict::Revoked);
    }

    // The control: with what was in the file before, the key is back.
    assert!(demo.stop().success());
    let copy = file.with_extension("copy");
    fs::copy(&file, &copy).unwrap();
    let mut demo = Demo::start(Place::File(&file));
    revoke(&demo, &last).await;
    demo.kill();
    lose_changes(&file, &copy);
    let demo = Demo::start(Place::File(&file));
    assert_eq!(probe::ask(&demo, &last).await, Verdict::Believed);
}

/// What keys are after each of them was revoked and everything killed, and what services have
/// said meanwhile.
struct Outcome {
    verdicts: Vec<Verdict>,
    log: String,
}

async fn revoke_and_kill(options: PostgresOptions, trials: usize) -> Option<Outcome> {
    let mut site = Site::new(options)?;
    let (_directory, place) = new_place();
    let log = place.with_extension("log");
    let mut demo = start(&site, &log);
    let keys = site::issue(&demo, ACCOUNT, trials).await;
    // They themselves are not to be lost.
    let hand = site.by_hand().await;
    hand.batch_execute("CHECKPOINT").await.unwrap();
    let mut verdicts = Vec::new();
    for key in keys {
        revoke(&demo, &key).await;
        site.postgres.kill().unwrap();
        demo.kill();
        site.postgres.start().unwrap();
        demo = start(&site, &log);
        verdicts.push(probe::ask(&demo, &key).await);
    }
    let log = fs::read_to_string(log).unwrap();
    Some(Outcome { verdicts, log })
}

fn start(site: &Site, log: &Path) -> Demo {
    let log = File::options().append(true).create(true).open(log);
    let mut command = program();
    command.env("RINGYO_PEPPER", PEPPER).stderr(log.unwrap());
    Demo::spawn(command, Place::Database(&site.url()))
}

async fn revoke(demo: &Demo, key: &Key) {
    assert_eq!(probe::ask(demo, key).await, Verdict::Believed);
    site::revoke(&demo.log_in(ACCOUNT).await, key).await;
}

/// Puts an older copy in the place of a file, and takes away what SQLite keeps beside it.
fn lose_changes(file: &Path, copy: &Path) {
    for suffix in ["db-wal", "db-shm"] {
        fs::remove_file(file.with_extension(suffix)).unwrap();
    }
    fs::copy(copy, file).unwrap();
}
