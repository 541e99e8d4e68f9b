//! What holds in the file of a store at any moment.

use std::path::Path;

use rusqlite::Connection;

/// What is wrong with a file.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Vec<String>);

/// Questions whose answer is nothing in a sound file.
const HALF_THERE: [(&str, &str); 9] = [
    (
        "a key without the event of its last change",
        "SELECT id FROM keys WHERE NOT EXISTS
            (SELECT 1 FROM events WHERE events.revision = keys.revision AND key = keys.id)",
    ),
    (
        "a key that was not issued once",
        "SELECT id FROM keys WHERE 1 <>
            (SELECT count(*) FROM events WHERE key = keys.id AND kind = 'key.issued')",
    ),
    (
        "an event of a key that is not there",
        "SELECT revision FROM events
         WHERE key IS NOT NULL AND key NOT IN (SELECT id FROM keys)",
    ),
    (
        "a successor that is not there",
        "SELECT id FROM keys WHERE replaced_by IS NOT NULL
            AND replaced_by NOT IN (SELECT id FROM keys)",
    ),
    (
        "a key with two predecessors",
        "SELECT replaced_by FROM keys WHERE replaced_by IS NOT NULL
         GROUP BY replaced_by HAVING count(*) > 1",
    ),
    (
        "a key that was replaced without an event, or the event without it",
        "SELECT id FROM keys WHERE (replaced_by IS NOT NULL) <>
            (SELECT count(*) FROM events WHERE key = keys.id AND kind = 'key.regenerated')",
    ),
    (
        "a revoked key without an event, or the event without it",
        "SELECT id FROM keys WHERE (status = 'revoked') <>
            (SELECT count(*) FROM events WHERE key = keys.id AND kind = 'key.revoked')",
    ),
    (
        "a call that no credit was taken for, or one that was not settled",
        "SELECT id FROM demo_documents LEFT JOIN wallet_operations AS ledger
            ON ledger.account = demo_documents.account AND operation = id
         WHERE demo_documents.kind = 'call' AND NOT body ->> 'simulated'
           AND body ->> 'status' <> 'pending'
           AND iif(body ->> 'credits' = 1, state IS NOT 'committed',
                   state IS NOT NULL AND state <> 'refunded')",
    ),
    (
        "a debit without its call",
        "SELECT operation FROM wallet_operations WHERE kind = 'debit'
            AND operation NOT IN (SELECT id FROM demo_documents WHERE kind = 'call')",
    ),
];

/// Looks at a file, while a service may be using it.
pub(crate) fn complaints(path: &Path) -> Complaints {
    let database = Connection::open(path).unwrap();
    let mut complaints = Complaints::default();
    let first = |query: &str| -> Option<String> {
        let mut statement = database.prepare(query).unwrap();
        let mut rows = statement.query([]).unwrap();
        rows.next()
            .unwrap()
            .map(|row| format!("{:?}", row.get_ref(0).unwrap()))
    };
    let sound: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    if sound != "ok" {
        complaints.0.push(sound);
    }
    if let Some(table) = first("PRAGMA foreign_key_check") {
        complaints
            .0
            .push(format!("a reference to nothing in {table}"));
    }
    for (what, query) in HALF_THERE {
        if let Some(example) = first(query) {
            complaints.0.push(format!("{what}: {example}"));
        }
    }
    complaints
}

impl Complaints {
    pub(crate) fn assert_none(&self, round: usize) {
        assert!(self.0.is_empty(), "round {round}: {:?}", self.0);
    }
}

/// Takes away what keeps most faults out of the file.
pub(crate) fn drop_triggers(database: &Connection) {
    let query = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema
        WHERE type = 'trigger'";
    let drop_all: String = database.query_row(query, [], |row| row.get(0)).unwrap();
    database.execute_batch(&drop_all).unwrap();
}

/// The control: each of the questions has an answer when there is something to complain about.
mod planted {
    use reqwest::Method;
    use serde_json::json;

    use super::*;
    use crate::service::{Demo, Place, new_place};

    #[tokio::test]
    async fn faults_are_found() {
        let (_directory, path) = new_place();
        let demo = Demo::start(Place::File(&path));
        let visitor = demo.log_in("acct_agency").await;
        let (id, key) = visitor.issue("live", &["agents", "calls"]).await;
        let agent = demo
            .post(&key, "/v1/agents", json!({ "name": "A" }))
            .await
            .data();
        let order = json!({ "phone_number": "+14155550123", "agent_id": agent["id"] });
        demo.place(&key, "key", order).await;
        for path in [
            format!("/api/keys/{id}/regenerate"),
            format!("/api/keys/{id}/revoke"),
        ] {
            assert!(visitor.call(Method::POST, &path, None).await.status < 300);
        }
        assert!(demo.stop().success());
        complaints(&path).assert_none(0);

        let faults = [
            ("UPDATE keys SET revision = 1", 0),
            ("DELETE FROM events WHERE kind = 'key.issued'", 1),
            (
                "UPDATE events SET key = 'ABCDEFGHIJKL' WHERE kind = 'key.renamed'",
                2,
            ),
            (
                "UPDATE keys SET replaced_by = 'ABCDEFGHIJKL' WHERE replaced_by IS NOT NULL",
                3,
            ),
            (
                "UPDATE keys SET replaced_by =
                    (SELECT replaced_by FROM keys WHERE replaced_by IS NOT NULL)",
                4,
            ),
            ("UPDATE keys SET replaced_by = NULL", 5),
            ("UPDATE keys SET status = 'active'", 6),
            ("UPDATE wallet_operations SET state = 'reserved'", 7),
            ("DELETE FROM demo_documents WHERE kind = 'call'", 8),
        ];
        for (fault, expected) in faults {
            let copy = path.with_extension("copy");
            std::fs::copy(&path, &copy).unwrap();
            let database = Connection::open(&copy).unwrap();
            drop_triggers(&database);
            if expected == 2 {
                let event = "INSERT INTO events (at, kind, actor, account, key)
                    SELECT at, 'key.renamed', actor, account, key FROM events LIMIT 1";
                database.execute_batch(event).unwrap();
            }
            assert!(database.execute(fault, []).unwrap() > 0, "{fault}");
            drop(database);
            let (what, _) = HALF_THERE[expected];
            let Complaints(found) = complaints(&copy);
            assert!(
                found.iter().any(|found| found.starts_with(what)),
                "{fault}: {found:?}"
            );
        }
    }
}
