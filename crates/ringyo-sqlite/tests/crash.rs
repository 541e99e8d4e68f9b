//! A process that is killed at any moment: what was answered survives, nothing is half there.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fixture::{Place, insert_account, insert_key, key_id, revoke, value};
use ringyo_sqlite::SqliteStore;
use ringyo_store::{KeyStatus, KeyStore};
use rusqlite::Connection;

const FILE: &str = "RINGYO_SQLITE_CRASH_FILE";
const ROUND: &str = "RINGYO_SQLITE_CRASH_ROUND";
const ROUNDS: usize = 50;
const WRITERS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill() {
    if let Ok(file) = std::env::var(FILE) {
        let round: usize = std::env::var(ROUND).unwrap().parse().unwrap();
        return write_until_killed(&file, round).await;
    }
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    drop(store);

    let mut answered = Vec::new();
    for round in 0..ROUNDS {
        answered.extend(run_and_kill(&place, round));
        let store = place.open().await;
        assert_eq!(lost(&store, &answered).await, [], "in round {round}");
        store.close().await.unwrap();
        assert_eq!(torn(&place.by_hand()), [""; 0], "in round {round}");
    }
    println!("{ROUNDS} kills, 0 answers lost, 0 changes torn");
    assert!(answered.len() >= ROUNDS, "only {} answers", answered.len());

    // The controls: an answer that was never given, and a change of which half is missing.
    let store = place.open().await;
    let never = (999_999_999, KeyStatus::Active);
    let (active, _) = answered
        .iter()
        .find(|(number, _)| !is_revoked_later(*number))
        .unwrap();
    let not_revoked = (*active, KeyStatus::Revoked);
    let planted = [never, answered[0], not_revoked];
    assert_eq!(lost(&store, &planted).await, [never, not_revoked]);
    let database = place.by_hand();
    database
        .execute_batch(&format!(
            "INSERT INTO events (at, kind, actor, account, key)
             SELECT at, 'key.revoked', actor, account, '{}' FROM events LIMIT 1;
             INSERT INTO events (at, kind, actor, account, key)
             SELECT at, kind, actor, account, '00000000000X' FROM events LIMIT 1;",
            key_id(*active),
        ))
        .unwrap();
    assert_eq!(torn(&database).len(), 3);
}

/// Which of these answers the store does not know of.
async fn lost(store: &SqliteStore, answered: &[(usize, KeyStatus)]) -> Vec<(usize, KeyStatus)> {
    let mut lost = Vec::new();
    for &(number, status) in answered {
        let found = store.find_key(key_id(number)).await.unwrap();
        let kept = found
            .is_some_and(|key| status != KeyStatus::Revoked || key.status == KeyStatus::Revoked);
        if !kept {
            lost.push((number, status));
        }
    }
    lost
}

/// What is half there.
fn torn(database: &Connection) -> Vec<&'static str> {
    assert_eq!(value(database, "PRAGMA integrity_check"), "ok");
    let checks = [
        (
            "rows whose revision is not their newest event",
            "SELECT count(*) FROM keys
             WHERE revision <> (SELECT max(revision) FROM events WHERE key = keys.id)",
        ),
        (
            "events that are not about a row",
            "SELECT count(*) FROM events
             WHERE key IS NOT NULL AND key NOT IN (SELECT id FROM keys)",
        ),
        (
            "revoked keys without the event, or the other way round",
            "SELECT count(*) FROM keys
             WHERE (status = 'revoked') <> (id IN
                 (SELECT key FROM events WHERE kind = 'key.revoked'))",
        ),
    ];
    let torn = checks.iter().filter(|(_, sql)| value(database, sql) != "0");
    torn.map(|(what, _)| *what).collect()
}

/// Starts this test again as a writer, kills it somewhere, and gives what it had been answered.
fn run_and_kill(place: &Place, round: usize) -> Vec<(usize, KeyStatus)> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["what_was_answered_survives_a_kill", "--nocapture"])
        .env(FILE, &place.path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(writer.stdout.take().unwrap());
    let (started, wait) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut answers = Vec::new();
        for line in output.lines() {
            // The last line may be cut off; then its answer was not given.
            let line = line.unwrap_or_default();
            let mut words = line.split(' ');
            let status = match words.next() {
                Some("issued") => KeyStatus::Active,
                Some("revoked") => KeyStatus::Revoked,
                _ => continue,
            };
            if let (Some(number), Some("done")) = (words.next(), words.next()) {
                answers.push((number.parse().unwrap(), status));
                let _ = started.send(());
            }
        }
        answers
    });
    wait.recv_timeout(Duration::from_secs(20)).unwrap();
    let jitter = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let moment = Instant::now() + Duration::from_micros(u64::from(jitter.subsec_nanos()) % 30_000);
    std::thread::sleep(moment - Instant::now());
    writer.kill().unwrap();
    writer.wait().unwrap();
    reading.join().unwrap()
}

async fn write_until_killed(file: &str, round: usize) {
    let store = SqliteStore::open(file).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for turn in 0.. {
                let number = (round * 1_000_000 + turn) * WRITERS + writer;
                let issued = insert_key(&store, number).await;
                say(&format!("issued {number} done\n"));
                if is_revoked_later(number) {
                    revoke(&store, &issued).await;
                    say(&format!("revoked {number} done\n"));
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Every other key of a writer is.
fn is_revoked_later(number: usize) -> bool {
    (number / WRITERS).is_multiple_of(2)
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(line.as_bytes()).unwrap();
    output.flush().unwrap();
}
