//! What a person finds with plain SQL, and that the SQL of the crate page works.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use fixture::{Place, account_id, at, insert_account, key, key_event, value};
use ringyo_store::{
    AccountStore, EventKind, KeyQuota, KeyRecord, KeyStatus, KeyStore, NewDebit, Settlement,
    WalletStore,
};

/// The statements in the ```` ```sql ```` blocks of the crate page.
fn statements_of_the_crate_page() -> Vec<String> {
    let (mut statements, mut text, mut inside) = (Vec::new(), String::new(), false);
    for line in include_str!("../src/lib.rs").lines() {
        let Some(line) = line.strip_prefix("//!") else {
            continue;
        };
        match line.trim() {
            "```sql" => inside = true,
            "```" => inside = false,
            line if inside && !line.starts_with("--") => {
                text.push_str(line);
                text.push('\n');
                if line.ends_with(';') {
                    statements.push(std::mem::take(&mut text).trim().to_owned());
                }
            }
            _ => {}
        }
    }
    statements
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crate_page_tells_the_truth() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    let id = "0a1B2c3D4e5F".parse().unwrap();
    let record = KeyRecord { id, ..key(1) };
    let event = key_event(EventKind::KeyIssued, id);
    store.insert_key(&record, None, &event).await.unwrap();

    let database = place.by_hand();
    let statements = statements_of_the_crate_page();
    assert_eq!(statements.len(), 5, "{statements:#?}");
    for statement in &statements {
        if statement.starts_with("SELECT") {
            let mut prepared = database.prepare(statement).unwrap();
            assert!(prepared.exists([]).unwrap(), "{statement}: no rows");
        } else {
            let changed = database.execute(statement, []).unwrap();
            assert_eq!(changed, 1, "{statement}");
        }
    }
    let found = store.find_key(id).await.unwrap().unwrap();
    assert_eq!(found.status, KeyStatus::Revoked);
    let account = store.find_account(&account_id()).await.unwrap().unwrap();
    assert_eq!(account.plan, "agency");
    for kept in ["UPDATE keys SET status = 'active'", "DELETE FROM keys"] {
        assert!(database.execute(kept, []).is_err(), "{kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_plain_text() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    let record = KeyRecord {
        quota: Some(KeyQuota {
            per_minute: 60.try_into().unwrap(),
            burst: Some(5.try_into().unwrap()),
        }),
        expires_at: Some(at(3_600)),
        ..key(1)
    };
    let event = key_event(EventKind::KeyIssued, record.id);
    store.insert_key(&record, None, &event).await.unwrap();
    store.touch_keys(&[(record.id, at(90))]).await.unwrap();
    let operation = "req 1".parse().unwrap();
    store
        .grant(&account_id(), &"order 7".parse().unwrap(), 100, at(0))
        .await
        .unwrap();
    let debit = NewDebit {
        account: account_id(),
        operation,
        amount: 3,
        key: record.id,
        at: at(5),
        settlement: Settlement::Reserve,
    };
    store.debit(&debit).await.unwrap();
    store
        .settle(&account_id(), &debit.operation, Settlement::Commit, at(6))
        .await
        .unwrap();

    let database = place.by_hand();
    for (sql, expected) in [
        ("SELECT plan FROM accounts", "pro"),
        (
            "SELECT created_at FROM accounts",
            "2026-01-01T00:00:00.000Z",
        ),
        ("SELECT id FROM keys", "000000000001"),
        ("SELECT account FROM keys", "acct_1"),
        ("SELECT mode FROM keys", "live"),
        ("SELECT hint FROM keys", "rg_live_000000000001…"),
        (
            "SELECT digest FROM keys",
            "0101010101010101010101010101010101010101010101010101010101010101",
        ),
        ("SELECT pepper FROM keys", "1"),
        ("SELECT name FROM keys", "Key 1"),
        ("SELECT description FROM keys", "NULL"),
        ("SELECT scopes FROM keys", "agents:read calls"),
        ("SELECT quota_per_minute FROM keys", "60"),
        ("SELECT quota_burst FROM keys", "5"),
        ("SELECT allowed_networks FROM keys", "192.0.2.0/24"),
        ("SELECT status FROM keys", "active"),
        ("SELECT expires_at FROM keys", "2026-01-01T01:00:00.000Z"),
        ("SELECT revoked_at FROM keys", "NULL"),
        ("SELECT revision FROM keys", "2"),
        (
            "SELECT last_used_at FROM key_usage",
            "2026-01-01T00:01:30.000Z",
        ),
        ("SELECT kind FROM events WHERE revision = 2", "key.issued"),
        ("SELECT actor FROM events WHERE revision = 2", "user:42"),
        (
            "SELECT address FROM events WHERE revision = 2",
            "2001:db8::7",
        ),
        ("SELECT key FROM events WHERE revision = 1", "NULL"),
        ("SELECT balance FROM wallets", "97"),
        (
            "SELECT state FROM wallet_operations WHERE operation = 'req 1'",
            "committed",
        ),
        (
            "SELECT kind FROM wallet_operations WHERE operation = 'order 7'",
            "grant",
        ),
        (
            "SELECT settled_at FROM wallet_operations WHERE operation = 'req 1'",
            "2026-01-01T00:00:06.000Z",
        ),
        (
            "SELECT length(value) FROM meta WHERE name = 'store_id'",
            "16",
        ),
        ("PRAGMA application_id", "1919383919"),
        ("PRAGMA journal_mode", "wal"),
        // No blob anywhere.
        (
            "SELECT count(*) FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
             WHERE t.name NOT LIKE 'sqlite_%' AND c.type NOT IN ('TEXT', 'INTEGER')",
            "0",
        ),
        (
            "SELECT count(*) FROM pragma_table_list
             WHERE name NOT LIKE 'sqlite_%' AND NOT strict",
            "0",
        ),
    ] {
        assert_eq!(value(&database, sql), expected, "{sql}");
    }
}
