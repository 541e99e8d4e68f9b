//! Which databases are opened, by whom, and what is said of those that are not.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use fixture::{
    Place, account_id, at, insert_account, insert_key, key_id, patient, refusal, revoke, value,
};
use ringyo_postgres::{DurabilityRisk, PostgresStore};
use ringyo_store::conformance::Case;
use ringyo_store::{
    ChangeFeed, KeyStore, NewDebit, Settlement, StoreError, StoreErrorKind, Timestamp, WalletStore,
};
use tokio_postgres::NoTls;
use xtask::servers::{PostgresOptions, for_tests};

#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_may_make_the_tables_at_once() {
    for _ in 0..3 {
        let Some(place) = Place::new() else { return };
        let url = Arc::new(place.url());
        let nodes: Vec<_> = (0..12)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { patient().max_connections(2).connect(&url).await })
            })
            .collect();
        for node in nodes {
            node.await.unwrap().unwrap().ready().await.unwrap();
        }
        let client = place.by_hand().await;
        let version = "SELECT value FROM meta WHERE name = 'schema_version'";
        assert_eq!(value(&client, version).await, "1");
        // The control: the steps themselves bear to be taken once only.
        let steps = include_str!("../migrations/0001_foundation.sql");
        let refused = refusal(&client, &format!("BEGIN; {steps}; COMMIT")).await;
        assert!(refused.contains("already exists"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_in_schemas_of_their_own_know_nothing_of_each_other() {
    let Some(place) = Place::new() else { return };
    let one = patient().schema("one").connect(&place.url()).await.unwrap();
    let two = patient().schema("two").connect(&place.url()).await.unwrap();
    insert_account(&one).await;
    insert_account(&two).await;
    insert_key(&one, 1).await;
    assert!(two.find_key(key_id(1)).await.unwrap().is_none());
    assert!(one.find_key(key_id(1)).await.unwrap().is_some());
    for name in [
        "",
        "1a",
        "pg_own",
        "A",
        "a-b",
        "a b",
        "ä",
        "a\"",
        &"a".repeat(64),
    ] {
        let error = patient().schema(name).connect(&place.url()).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("the name of a schema"), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_and_foreign_schemas_are_refused_and_left_alone() {
    let Some(place) = Place::new() else { return };
    drop(place.open().await);
    let client = place.by_hand().await;
    let version = |version: &str| {
        format!("UPDATE meta SET value = '{version}' WHERE name = 'schema_version'")
    };
    let kind = async || patient().connect(&place.url()).await.unwrap_err().kind();
    client.batch_execute(&version("2")).await.unwrap();
    assert_eq!(kind().await, StoreErrorKind::NewerSchema);
    client.batch_execute(&version("two")).await.unwrap();
    assert_eq!(kind().await, StoreErrorKind::Corrupt);
    client.batch_execute(&version("1")).await.unwrap();
    drop(place.open().await);

    for foreign in [
        "CREATE TABLE ringyo.meta (name text, value text)",
        "CREATE TABLE ringyo.meta (id int)",
        "CREATE TABLE ringyo.keys (id int)",
    ] {
        let setup = format!("DROP SCHEMA ringyo CASCADE; CREATE SCHEMA ringyo; {foreign}");
        client.batch_execute(&setup).await.unwrap();
        assert_eq!(kind().await, StoreErrorKind::Corrupt, "{foreign}");
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'ringyo'";
        assert_eq!(value(&client, tables).await, "1", "{foreign}: touched");
    }
    // The control: an empty schema and one with other tables are not foreign.
    for setup in ["", "CREATE TABLE ringyo.bread (id int)"] {
        let setup = format!("DROP SCHEMA ringyo CASCADE; CREATE SCHEMA ringyo; {setup}");
        client.batch_execute(&setup).await.unwrap();
        drop(place.open().await);
    }
}

/// Everything that a service does.
async fn use_all_of_it(store: &PostgresStore, number: usize) {
    let issued = insert_key(store, number).await;
    let cursor = store.changes_since(None).await.unwrap().cursor;
    revoke(store, &issued).await;
    store.changed(&cursor).await;
    store.touch_keys(&[(issued.id, at(9))]).await.unwrap();
    store.touch_keys(&[(issued.id, at(10))]).await.unwrap();
    let operation = |text: &str| fixture::operation_id(&format!("{text} {number}"));
    store
        .grant(&account_id(), &operation("grant"), 5, at(0))
        .await
        .unwrap();
    let debit = NewDebit {
        account: account_id(),
        operation: operation("debit"),
        amount: 1,
        key: issued.id,
        at: at(0),
        settlement: Settlement::Reserve,
    };
    store.debit(&debit).await.unwrap();
    store
        .settle(&account_id(), &debit.operation, Settlement::Refund, at(1))
        .await
        .unwrap();
}

fn why(error: &StoreError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

/// The rights of the crate page are enough, and each of them is needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_needs_the_rights_that_are_listed_and_no_other() {
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let admin = fixture::by_hand(&server.url("postgres")).await;
    admin
        .batch_execute(
            "CREATE ROLE app LOGIN PASSWORD 'secret';
             REVOKE ALL ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO app;
             REVOKE ALL ON SCHEMA public FROM PUBLIC",
        )
        .await
        .unwrap();
    let url = format!("postgres://app:secret@127.0.0.1:{}/postgres", server.port());
    // It may not make the schema.
    let error = patient().connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error:?}");
    assert!(why(&error).contains("permission denied"), "{}", why(&error));

    let owner = patient().connect(&server.url("postgres")).await.unwrap();
    insert_account(&owner).await;
    let error = patient().connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error:?}");
    let page = include_str!("../src/lib.rs");
    let grants = |purpose: &str| -> Vec<String> {
        let block = page.split(purpose).nth(1).expect("the page lists rights");
        let block = block.split("```").next().unwrap();
        let lines = block
            .lines()
            .skip(1)
            .map(|line| line.trim_start_matches("//!").trim());
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let needed = grants("-- What a service needs.");
    let needed: Vec<&str> = needed
        .iter()
        .map(String::as_str)
        .take_while(|line| !line.starts_with("--"))
        .collect();
    assert!(needed.len() >= 5, "{needed:?}");
    admin.batch_execute(&needed.join("\n")).await.unwrap();
    let store = patient().connect(&url).await.unwrap();
    use_all_of_it(&store, 1).await;
    // By hand too.
    let app = fixture::by_hand(&url).await;
    let by_hand = "UPDATE accounts SET plan = 'agency'";
    app.batch_execute(by_hand).await.unwrap();
    // The control: without any one of them it fails, and says at once what is missing.
    for (table, right) in [
        ("meta", "SELECT"),
        ("accounts", "INSERT"),
        ("keys", "UPDATE"),
        ("key_usage", "UPDATE"),
        ("events", "INSERT"),
        ("wallets", "UPDATE"),
        ("wallet_operations", "SELECT"),
    ] {
        let change = |verb: &str, to: &str| format!("{verb} {right} ON ringyo.{table} {to} app");
        admin
            .batch_execute(&change("REVOKE", "FROM"))
            .await
            .unwrap();
        let error = patient().connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{right} on {table}");
        assert!(why(&error).contains(table), "{right} on {table}: {error:?}");
        admin.batch_execute(&change("GRANT", "TO")).await.unwrap();
    }
    // Pruning needs more.
    let error = store.prune_events(Timestamp::MAX).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error:?}");
    let more = grants("-- What pruning needs on top.");
    admin.batch_execute(&more.join("\n")).await.unwrap();
    assert!(store.prune_events(Timestamp::MAX).await.unwrap() > 0);
    use_all_of_it(&store, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_written_is_refused() {
    let Some(mut server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    // A standby is a server that finds this file.
    server.stop().unwrap();
    let signal = server.data().join("standby.signal");
    std::fs::write(&signal, "").unwrap();
    server.start().unwrap();
    let error = patient().connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error:?}");
    // A store that is open already does not take it for the server that it knew.
    for error in [
        store.ready().await.unwrap_err(),
        store.load_key(key_id(1)).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error:?}");
    }
    server.stop().unwrap();
    std::fs::remove_file(&signal).unwrap();
    server.start().unwrap();
    store.ready().await.unwrap();
    insert_key(&store, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_forget_is_reported() {
    let settings = [
        ("fsync", DurabilityRisk::FsyncOff),
        ("full_page_writes", DurabilityRisk::FullPageWritesOff),
        ("synchronous_commit", DurabilityRisk::SynchronousCommitOff),
    ];
    let Some(server) = for_tests::postgres(PostgresOptions::new().fsync()) else {
        return;
    };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    assert_eq!(store.durability_risks(), [], "the control");
    let client = fixture::by_hand(&url).await;
    let change = async |name: &str, to: &str| {
        let change = format!("ALTER SYSTEM {}", to.replace("it", name));
        client.batch_execute(&change).await.unwrap();
        client
            .batch_execute("SELECT pg_reload_conf()")
            .await
            .unwrap();
        let off = to.ends_with("off");
        while (value(&client, &format!("SHOW {name}")).await == "off") != off {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    for (name, risk) in settings {
        change(name, "SET it = off").await;
        let store = patient().connect(&url).await.unwrap();
        assert_eq!(store.durability_risks(), [risk]);
        assert!(risk.to_string().contains(name));
        change(name, "RESET it").await;
    }
    // A role that has it otherwise is asked as that role.
    client
        .batch_execute("ALTER ROLE postgres SET synchronous_commit = off")
        .await
        .unwrap();
    let store = patient().connect(&url).await.unwrap();
    assert_eq!(
        store.durability_risks(),
        [DurabilityRisk::SynchronousCommitOff]
    );
}

/// Whatever a database thinks of texts, ids are bytes.
#[tokio::test(flavor = "multi_thread")]
async fn texts_are_bytes_in_a_database_that_does_not_care_for_case() {
    let Some(place) = Place::new() else { return };
    let client = place.by_hand().await;
    let name = format!("{}_icu", place.name());
    let create = format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'
         LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level2' LOCALE 'C'"
    );
    client.batch_execute(&create).await.unwrap();
    let url = place.url().replace(place.name(), &name);
    let (icu, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    // The control: there, texts without a collation of their own are sorted another way.
    assert_eq!(value(&icu, "SELECT 'a' < 'B'").await, "t");
    assert_eq!(value(&icu, "SELECT 'a' < 'B' COLLATE \"C\"").await, "f");
    for case in [
        "account_ids_keep_their_case",
        "account_list_goes_by_id",
        "key_ids_keep_their_case",
        "key_insert_keeps_every_field",
        "list_is_newest_first",
        "list_name_filter_is_literal",
        "list_pages_are_stable_under_inserts",
        "wallet_operation_ids_belong_to_an_account",
    ] {
        let store = patient().schema(case).connect(&url).await.unwrap();
        Case::find(case).unwrap().run(Arc::new(store)).await;
    }
    let collations = "
        SELECT count(*) FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN pg_collation ON pg_collation.oid = attcollation
        WHERE nspname = 'list_is_newest_first' AND relkind = 'r' AND attnum > 0 AND collname <> 'C'";
    assert_eq!(value(&icu, collations).await, "0");
    drop(icu);
    client
        .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await
        .unwrap();
}

/// The settings of a session are the store's, whatever the database has been set to.
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_the_database_are_not_those_of_the_store() {
    let Some(place) = Place::new() else { return };
    let client = place.by_hand().await;
    let set = |setting: &str| format!("ALTER DATABASE {} SET {setting}", place.name());
    for setting in [
        "default_transaction_isolation = 'serializable'",
        "search_path = 'nowhere'",
        "statement_timeout = '1ms'",
        "TimeZone = 'Pacific/Apia'",
        "DateStyle = 'German'",
    ] {
        client.batch_execute(&set(setting)).await.unwrap();
    }
    // The control: a session of anybody else has them.
    let (other, connection) = tokio_postgres::connect(&place.url(), NoTls).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    assert!(other.batch_execute("SELECT pg_sleep(1)").await.is_err());
    for case in [
        "race_of_writers_on_an_account_loses_no_update",
        "maximum_holds_under_parallel_inserts",
        "wallet_spenders_never_overdraw",
        "key_insert_keeps_every_field",
        "feed_skips_nothing_under_writers",
    ] {
        let store = patient().schema(case).connect(&place.url()).await.unwrap();
        Case::find(case).unwrap().run(Arc::new(store)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_does_not_work_is_explained_without_quoting_it() {
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let port = server.port();
    let cases = [
        (
            "postgres://app:hunter2@127.0.0.1:1/x?nonsense=1".to_owned(),
            "none of PostgreSQL",
        ),
        (
            "host=127.0.0.1 password=correct hunter2 staple".to_owned(),
            "none of PostgreSQL",
        ),
        (
            format!("postgres://postgres:hunter2@127.0.0.1:{port}/postgres"),
            "role or its password",
        ),
        (server.url("nowhere"), "no database of that name"),
        (
            "postgres://app:hunter2@127.0.0.1:1/x".to_owned(),
            "cannot be reached",
        ),
        (
            format!("postgres://app:hunter2@127.0.0.1:{port}/x?sslmode=require"),
            "asks for an encrypted connection",
        ),
    ];
    for (url, expected) in cases {
        let error = patient().connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{url}");
        assert!(error.to_string().contains(expected), "{url}: {error:?}");
        let mut said = format!("{error:?} {error}");
        let mut source = error.source();
        while let Some(below) = source {
            said.push_str(&format!(" {below:?} {below}"));
            source = below.source();
        }
        assert!(!said.contains("hunter2"), "{said}");
    }
    let store = patient().connect(&server.url("postgres")).await.unwrap();
    let password = server.url("postgres");
    let password = password.split([':', '@']).nth(2).unwrap();
    assert!(!format!("{store:?} {:?}", patient()).contains(password));
}
