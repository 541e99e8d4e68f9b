//! The feed skips nothing, whatever order transactions commit in, and knows whose cursors it can
//! answer.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fixture::{Place, at, insert_account, insert_key, key_event, key_id, patient, value};
use ringyo_postgres::PostgresStore;
use ringyo_store::{
    AccountId, ChangeFeed, ChangeSet, Changed, Cursor, EventKind, EventQuery, EventStore, KeyStore,
    PageSize, Timestamp,
};
use tokio_postgres::Client;
use xtask::servers::debian::POSTGRESQL;
use xtask::servers::{PostgresOptions, for_tests};

const WRITERS: usize = 16;
const CHANGES_EACH: usize = 250;

/// So many milliseconds between writing and committing; the same in every run.
fn pause(writer: usize, change: usize) -> Duration {
    let mixed = (writer * 7_919 + change * 104_729 + 12_345).wrapping_mul(2_654_435_761);
    Duration::from_micros((mixed >> 7) as u64 % 6_000)
}

/// An event about something that no other event is about.
fn event_about(name: &str) -> String {
    format!(
        "INSERT INTO events (at, kind, actor, account)
         VALUES (now(), 'account.edited', 'sql', '{name}')"
    )
}

fn account(name: &str) -> Changed {
    Changed::Account(AccountId::new(name).unwrap())
}

async fn now(store: &PostgresStore) -> Cursor {
    store.changes_since(None).await.unwrap().cursor
}

/// What changed, and the cursor behind it.
async fn step(store: &PostgresStore, cursor: &mut Cursor) -> Vec<Changed> {
    let changes = store.changes_since(Some(cursor)).await.unwrap();
    *cursor = changes.cursor;
    match changes.changed {
        ChangeSet::These(these) => these,
        ChangeSet::Everything => panic!("the feed no longer knows its own cursor"),
    }
}

async fn is_everything(store: &PostgresStore, cursor: &Cursor) -> bool {
    let changes = store.changes_since(Some(cursor)).await.unwrap();
    // Whatever was answered, the next question with the new cursor is about nothing.
    let next = store.changes_since(Some(&changes.cursor)).await.unwrap();
    assert_eq!(next.changed, ChangeSet::These(Vec::new()));
    changes.changed == ChangeSet::Everything
}

async fn write(client: Client, writer: usize) {
    for change in 0..CHANGES_EACH {
        client.batch_execute("BEGIN").await.unwrap();
        if change % 5 == 0 {
            // Not every event of a transaction becomes a row.
            let undone = event_about(&format!("undone_{writer}_{change}"));
            let undone = format!("SAVEPOINT s; {undone}; ROLLBACK TO s; SAVEPOINT s");
            client.batch_execute(&undone).await.unwrap();
        }
        let event = event_about(&format!("w_{writer}_{change}"));
        client.batch_execute(&event).await.unwrap();
        tokio::time::sleep(pause(writer, change)).await;
        client.batch_execute("COMMIT").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_each_change_once_whatever_order_they_commit_in() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    let mut cursor = now(&store).await;
    let writing = Arc::new(AtomicUsize::new(WRITERS));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (client, writing) = (place.by_hand().await, writing.clone());
        writers.push(tokio::spawn(async move {
            write(client, writer).await;
            writing.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    // The control: a reader that asks for what is behind the last number that it has seen.
    let naive = place.by_hand().await;
    let (mut last, mut seen_by_number) = (0i64, HashSet::new());
    let (mut seen, mut times) = (HashSet::new(), 0);
    loop {
        let is_last = writing.load(Ordering::SeqCst) == 0;
        let these = step(&store, &mut cursor).await;
        times += these.len();
        seen.extend(these);
        let sql = "SELECT revision, account FROM events WHERE revision > $1 ORDER BY revision";
        for row in naive.query(sql, &[&last]).await.unwrap() {
            last = row.get(0);
            seen_by_number.insert(account(row.get(1)));
        }
        if is_last {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all: HashSet<Changed> = (0..WRITERS)
        .flat_map(|writer| (0..CHANGES_EACH).map(move |change| (writer, change)))
        .map(|(writer, change)| account(&format!("w_{writer}_{change}")))
        .collect();
    let missed = all.difference(&seen).count();
    assert_eq!(missed, 0, "of {} changes were missed", all.len());
    assert_eq!(seen.len(), all.len(), "and none that was undone was seen");
    assert_eq!(times, all.len(), "each change is told once");
    let missed = all.difference(&seen_by_number).count();
    assert!(
        missed > 0,
        "the control reader missed none of {}",
        all.len()
    );
    println!(
        "{} changes told once each; by numbers {missed} of them are missed",
        all.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_when_its_transaction_has_ended_however_that_was() {
    let options = PostgresOptions::new().setting("max_prepared_transactions", "10");
    let Some(server) = for_tests::postgres(options) else {
        return;
    };
    let store = patient().connect(&server.url("postgres")).await.unwrap();
    let mut cursor = now(&store).await;
    let client = async || fixture::by_hand(&server.url("postgres")).await;
    let (slow, prepared, quick) = (client().await, client().await, client().await);
    let begin = |name: &str| format!("BEGIN; SAVEPOINT s; {}", event_about(name));

    slow.batch_execute(&begin("slow")).await.unwrap();
    // A transaction that has notified cannot be prepared; this one writes without triggers.
    let refused = format!("BEGIN; {}; PREPARE TRANSACTION 'p'", event_about("never"));
    let refused = fixture::refusal(&prepared, &refused).await;
    assert!(refused.contains("NOTIFY"), "{refused}");
    prepared
        .batch_execute("ROLLBACK; SET session_replication_role = replica")
        .await
        .unwrap();
    prepared.batch_execute(&begin("prepared")).await.unwrap();
    quick.batch_execute(&event_about("quick")).await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, [account("quick")]);
    let prepare = "RELEASE s; PREPARE TRANSACTION 'p'";
    prepared.batch_execute(prepare).await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, []);
    // One that stays open only widens the scan.
    for number in 0..20 {
        let name = format!("later_{number}");
        quick.batch_execute(&event_about(&name)).await.unwrap();
        assert_eq!(step(&store, &mut cursor).await, [account(&name)]);
    }
    prepared.batch_execute("COMMIT PREPARED 'p'").await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, [account("prepared")]);
    slow.batch_execute("COMMIT").await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, [account("slow")]);
    assert_eq!(step(&store, &mut cursor).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_chooses_the_transaction_of_an_event() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    let mut cursor = now(&store).await;
    let client = place.by_hand().await;
    let hidden = "INSERT INTO events (xid, at, kind, actor, account)
                  VALUES ('3', now(), 'account.edited', 'sql', 'hidden')";
    client.batch_execute(hidden).await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, [account("hidden")]);
    let numbered = "INSERT INTO events (revision, at, kind, actor, account)
                    VALUES (7, now(), 'account.edited', 'sql', 'numbered')";
    let refused = fixture::refusal(&client, numbered).await;
    assert!(
        refused.contains("cannot insert a non-DEFAULT value"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_store_means_everything() {
    let (Some(one), Some(other)) = (Place::new(), Place::new()) else {
        return;
    };
    let (one, other) = (one.open().await, other.open().await);
    for store in [&one, &other] {
        insert_account(store).await;
    }
    let cursor = now(&one).await;
    assert!(!is_everything(&one, &cursor).await);
    assert!(is_everything(&other, &cursor).await);
    // Waiting for it ends at once.
    let woken = tokio::time::timeout(Duration::from_secs(5), other.changed(&cursor));
    woken.await.unwrap();
}

/// Each part of what a cursor says about its history counts by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_history_means_everything() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let cursor = now(&store).await;
    let (history, rest) = cursor.as_str().split_once('/').unwrap();
    let parts: Vec<&str> = history.split('-').collect();
    assert_eq!(parts.len(), 5, "store, cluster, timeline, start, file");
    let with = |history: String| Cursor::new(format!("{history}/{rest}"));
    assert!(!is_everything(&store, &with(parts.join("-"))).await);
    for place in 0..parts.len() {
        let mut other = parts.clone();
        let changed = other[place].replace(|c: char| c != '9', "9");
        other[place] = &changed;
        assert!(
            is_everything(&store, &with(other.join("-"))).await,
            "{place}"
        );
    }
    // And so does the newest event, by number and by time.
    let (newest, snapshot) = rest.split_once('/').unwrap();
    let (revision, moment) = newest.split_once('.').unwrap();
    let with = |newest: String| Cursor::new(format!("{history}/{newest}/{snapshot}"));
    assert!(!is_everything(&store, &with(format!("{revision}.{moment}"))).await);
    assert!(is_everything(&store, &with(format!("{revision}9.{moment}"))).await);
    assert!(is_everything(&store, &with(format!("{revision}.{moment}9"))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_behind_the_address_and_a_restart_mean_everything() {
    let Some(mut server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let store = patient().connect(&server.url("postgres")).await.unwrap();
    insert_account(&store).await;
    let cursor = now(&store).await;
    assert!(!is_everything(&store, &cursor).await);
    server.restart().unwrap();
    assert!(is_everything(&store, &cursor).await);
    let cursor = now(&store).await;
    assert!(!is_everything(&store, &cursor).await);

    server.replace().unwrap();
    let store = patient().connect(&server.url("postgres")).await.unwrap();
    assert!(is_everything(&store, &cursor).await);
}

/// The commands of the crate page.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_dump_means_everything() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let cursor = now(&store).await;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("ringyo.dump");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(POSTGRESQL.find(program).unwrap());
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}");
    };
    let (dump, url) = (dump.to_str().unwrap(), place.url());
    run(
        "pg_dump",
        &["--schema=ringyo", "--format=custom", "--file", dump, &url],
    );
    // The control: as long as it is not put back, nothing has happened.
    assert!(!is_everything(&store, &cursor).await);
    let lost = insert_key(&store, 2).await;
    let late = now(&store).await;
    run(
        "pg_restore",
        &["--clean", "--if-exists", "--dbname", &url, dump],
    );
    for cursor in [&cursor, &late] {
        assert!(is_everything(&store, cursor).await);
    }
    // From there on all is as it was, guards included.
    assert!(store.find_key(lost.id).await.unwrap().is_none());
    let mut cursor = now(&store).await;
    insert_key(&store, 3).await;
    assert_eq!(step(&store, &mut cursor).await, [Changed::Key(key_id(3))]);
    let client = place.by_hand().await;
    client.batch_execute("RESET search_path").await.unwrap();
    let edit = "UPDATE ringyo.keys SET name = 'x' WHERE id = '000000000001'";
    client.batch_execute(edit).await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, [Changed::Key(key_id(1))]);
    let refused = fixture::refusal(&client, "DELETE FROM ringyo.keys").await;
    assert!(refused.contains("keys are kept"), "{refused}");
}

/// Rows of a dump from another cluster carry the transactions of that: they must not be told
/// again and again.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_another_cluster_are_no_news() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    let client = place.by_hand().await;
    client
        .batch_execute(
            "ALTER TABLE events DISABLE TRIGGER events_stamped;
             INSERT INTO events (xid, at, kind, actor, account)
             VALUES ('9000000000', now(), 'account.edited', 'sql', 'foreign');
             ALTER TABLE events ENABLE TRIGGER events_stamped",
        )
        .await
        .unwrap();
    let mut cursor = now(&store).await;
    assert_eq!(step(&store, &mut cursor).await, []);
    client.batch_execute(&event_about("own")).await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, [account("own")]);
}

/// After a crash of a session the server gives numbers of transactions out again that were not on
/// the disk yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_a_transaction_that_comes_again_hides_nothing() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    let client = place.by_hand().await;
    client.batch_execute(&event_about("early")).await.unwrap();
    let mut cursor = now(&store).await;
    client
        .batch_execute(
            "ALTER TABLE events DISABLE TRIGGER events_stamped;
             INSERT INTO events (xid, at, kind, actor, account)
             VALUES ('3', now(), 'account.edited', 'sql', 'again');
             ALTER TABLE events ENABLE TRIGGER events_stamped",
        )
        .await
        .unwrap();
    assert_eq!(step(&store, &mut cursor).await, [account("again")]);
    assert_eq!(step(&store, &mut cursor).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mark_of_another_cluster_means_nothing_here() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    let client = place.by_hand().await;
    client.batch_execute(&event_about("kept")).await.unwrap();
    client
        .batch_execute(
            "ALTER TABLE meta DISABLE TRIGGER meta_checked;
             UPDATE meta SET value = '9000000000' WHERE name = 'pruned_xid';
             ALTER TABLE meta ENABLE TRIGGER meta_checked",
        )
        .await
        .unwrap();
    let mut cursor = now(&store).await;
    client.batch_execute(&event_about("own")).await.unwrap();
    assert_eq!(step(&store, &mut cursor).await, [account("own")]);
    assert_eq!(step(&store, &mut cursor).await, []);
    // Nor does it let anything be pruned.
    assert_eq!(
        store.prune_events(at(i64::from(u32::MAX))).await.unwrap(),
        0
    );
    assert!(client.batch_execute("DELETE FROM events").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_deletes_what_is_old_and_finished_and_no_follower_misses_it() {
    // Of its own: what is open in other databases of a server keeps events, too.
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    for number in 1..=5 {
        let mut event = key_event(EventKind::KeyIssued, key_id(number));
        event.at = at(number as i64);
        let key = fixture::key(number);
        store.insert_key(&key, None, &event).await.unwrap();
    }
    let early = now(&store).await;
    let client = fixture::by_hand(&url).await;
    let open = fixture::by_hand(&url).await;
    // Somebody still writes: what is finished may go, what is behind them stays.
    let begin = format!("BEGIN; {}", event_about("open"));
    open.batch_execute(&begin).await.unwrap();
    let mut event = key_event(EventKind::KeyIssued, key_id(6));
    event.at = at(6);
    let sixth = fixture::key(6);
    store.insert_key(&sixth, None, &event).await.unwrap();
    let mut behind_all = now(&store).await;

    assert_eq!(store.prune_events(Timestamp::MIN).await.unwrap(), 0);
    let earliest = "SELECT min(at) FROM events";
    // The account's and the first; the second is the newest of what is old.
    assert_eq!(store.prune_events(at(3)).await.unwrap(), 2);
    assert_eq!(value(&client, earliest).await, "2026-01-01 00:00:02+00");
    assert!(!is_everything(&store, &behind_all).await);
    // Up to the fifth, and neither the sixth nor what is not even committed.
    assert_eq!(store.prune_events(Timestamp::MAX).await.unwrap(), 3);
    assert_eq!(value(&client, earliest).await, "2026-01-01 00:00:05+00");
    open.batch_execute("COMMIT").await.unwrap();
    // Its cursor was from before what is gone; the other had seen all of it, and goes on.
    assert_eq!(step(&store, &mut behind_all).await, [account("open")]);
    assert_eq!(store.prune_events(Timestamp::MAX).await.unwrap(), 2);
    assert!(is_everything(&store, &early).await);
    let query = EventQuery {
        account: None,
        key: None,
        before: None,
        size: PageSize::MAX,
    };
    let left = store.list_events(&query).await.unwrap().items;
    assert_eq!(left.len(), 1);
    assert_eq!(store.prune_events(Timestamp::MAX).await.unwrap(), 0);
}

/// Nothing happens for long, then something, and all that is old is pruned at once.
#[tokio::test(flavor = "multi_thread")]
async fn pruning_does_not_disturb_a_follower_that_is_up_to_date() {
    // Of its own: what is open in other databases of a server keeps events, too.
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let mut cursor = now(&store).await;
    let early = now(&store).await;
    let client = fixture::by_hand(&url).await;
    client.batch_execute(&event_about("new")).await.unwrap();
    assert_eq!(store.prune_events(at(60)).await.unwrap(), 1);
    assert_eq!(step(&store, &mut cursor).await, [account("new")]);
    // The control: one that has slept through more is told to forget everything.
    client.batch_execute(&event_about("newer")).await.unwrap();
    assert_eq!(store.prune_events(Timestamp::MAX).await.unwrap(), 2);
    assert!(is_everything(&store, &early).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_by_pruning_only() {
    // Of its own: what is open in other databases of a server keeps events, too.
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let client = fixture::by_hand(&url).await;
    let kept = "events are kept";
    assert_eq!(fixture::refusal(&client, "DELETE FROM events").await, kept);
    assert_eq!(fixture::refusal(&client, "TRUNCATE events").await, kept);
    // Not with a mark that is ahead of what is finished, nor with one that falls back.
    let mark = |xid: &str| format!("UPDATE meta SET value = {xid}::text WHERE name = 'pruned_xid'");
    for ahead in ["pg_current_xact_id()", "'9000000000'"] {
        let refused = fixture::refusal(&client, &mark(ahead)).await;
        assert!(
            refused.contains("only rises, up to what is finished"),
            "{refused}"
        );
    }
    let finished = mark("(SELECT max(xid::text::bigint) FROM events)");
    client.batch_execute(&finished).await.unwrap();
    let refused = fixture::refusal(&client, &mark("'1'")).await;
    assert!(refused.contains("only rises"), "{refused}");
    // The control: what is up to the mark goes.
    client.batch_execute("DELETE FROM events").await.unwrap();
}

/// What the feed asks reads the new events and not all of them.
#[tokio::test(flavor = "multi_thread")]
async fn the_feed_reads_by_its_index() {
    let Some(place) = Place::new() else { return };
    drop(place.open().await);
    let client = place.by_hand().await;
    client
        .batch_execute(
            "INSERT INTO events (at, kind, actor, account)
             SELECT now(), 'account.edited', 'sql', 'a' FROM generate_series(1, 50000);
             ANALYZE events",
        )
        .await
        .unwrap();
    let plan = async |condition: &str| {
        let sql = format!("EXPLAIN SELECT key FROM events WHERE {condition}");
        let rows = client.query(&sql, &[]).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        lines.join("\n")
    };
    let by_xid = "xid >= pg_snapshot_xmin(pg_current_snapshot())
                  AND xid < (SELECT pg_snapshot_xmax(pg_current_snapshot()))";
    let plan_by_xid = plan(by_xid).await;
    assert!(plan_by_xid.contains("events_by_xid"), "{plan_by_xid}");
    // The control: another condition has no index.
    let plan_by_kind = plan("kind = 'key.revoked'").await;
    assert!(plan_by_kind.contains("Seq Scan"), "{plan_by_kind}");
}
