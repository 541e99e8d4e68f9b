//! What a person finds with plain SQL, and that the SQL of the crate page works.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use fixture::{
    Place, account_id, at, insert_account, key, key_event, operation_id, refusal, value,
};
use ringyo_store::{
    AccountStore, EventKind, KeyQuota, KeyRecord, KeyStatus, KeyStore, NewDebit, Settlement,
    Timestamp, WalletStore,
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
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let id = "0a1B2c3D4e5F".parse().unwrap();
    let record = KeyRecord { id, ..key(1) };
    let event = key_event(EventKind::KeyIssued, id);
    store.insert_key(&record, None, &event).await.unwrap();

    let client = place.by_hand().await;
    client.batch_execute("RESET search_path").await.unwrap();
    let mut seen = [0; 3];
    for statement in statements_of_the_crate_page() {
        if statement.starts_with("SELECT") {
            let rows = client.query(&statement, &[]).await.unwrap();
            assert!(!rows.is_empty(), "{statement}: no rows");
            seen[0] += 1;
        } else if statement.starts_with("UPDATE") {
            let changed = client.execute(&statement, &[]).await.unwrap();
            assert_eq!(changed, 1, "{statement}");
            seen[1] += 1;
        } else {
            // The rights have a test of their own.
            assert!(statement.starts_with("GRANT"), "{statement}");
            seen[2] += 1;
        }
    }
    assert_eq!(seen, [3, 2, 7], "statements that read, change and grant");
    let found = store.find_key(id).await.unwrap().unwrap();
    assert_eq!(found.status, KeyStatus::Revoked);
    let account = store.find_account(&account_id()).await.unwrap().unwrap();
    assert_eq!(account.plan, "agency");
    for kept in [
        "UPDATE ringyo.keys SET status = 'active'",
        "DELETE FROM ringyo.keys",
    ] {
        refusal(&client, kept).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_plain() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let record = KeyRecord {
        quota: Some(KeyQuota {
            per_minute: 60.try_into().unwrap(),
            burst: Some(5.try_into().unwrap()),
        }),
        expires_at: Some(Timestamp::MAX),
        ..key(1)
    };
    let event = key_event(EventKind::KeyIssued, record.id);
    store.insert_key(&record, None, &event).await.unwrap();
    let used = Timestamp::from_unix_millis(at(90).as_unix_millis() + 7);
    store.touch_keys(&[(record.id, used)]).await.unwrap();
    store
        .grant(&account_id(), &operation_id("order 7"), 100, at(0))
        .await
        .unwrap();
    let debit = NewDebit {
        account: account_id(),
        operation: operation_id("req 1"),
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

    let client = place.by_hand().await;
    client.batch_execute("SET TimeZone = 'UTC'").await.unwrap();
    for (sql, expected) in [
        ("SELECT plan FROM accounts", "pro"),
        ("SELECT created_at FROM accounts", "2026-01-01 00:00:00+00"),
        ("SELECT id FROM keys", "000000000001"),
        ("SELECT mode FROM keys", "live"),
        ("SELECT hint FROM keys", "rg_live_000000000001…"),
        (
            "SELECT digest FROM keys",
            "0101010101010101010101010101010101010101010101010101010101010101",
        ),
        ("SELECT pepper FROM keys", "1"),
        ("SELECT description FROM keys", "NULL"),
        ("SELECT scopes FROM keys", "agents:read calls"),
        ("SELECT quota_per_minute FROM keys", "60"),
        ("SELECT quota_burst FROM keys", "5"),
        ("SELECT allowed_networks FROM keys", "192.0.2.0/24"),
        ("SELECT status FROM keys", "active"),
        ("SELECT expires_at FROM keys", "9999-12-31 23:59:59.999+00"),
        ("SELECT revoked_at FROM keys", "NULL"),
        ("SELECT revision FROM keys", "2"),
        (
            "SELECT last_used_at FROM key_usage",
            "2026-01-01 00:01:30.007+00",
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
            "2026-01-01 00:00:06+00",
        ),
        (
            "SELECT length(value) FROM meta WHERE name = 'store_id'",
            "32",
        ),
        // No bytes anywhere, and nothing outside the schema.
        (
            "SELECT string_agg(DISTINCT data_type, ', ' ORDER BY data_type)
             FROM information_schema.columns WHERE table_schema = 'ringyo'",
            "bigint, integer, text, timestamp with time zone, xid8",
        ),
        (
            "SELECT count(*) FROM pg_class
             JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname NOT IN ('ringyo', 'pg_catalog', 'pg_toast', 'information_schema')",
            "0",
        ),
    ] {
        assert_eq!(value(&client, sql).await, expected, "{sql}");
    }
}
