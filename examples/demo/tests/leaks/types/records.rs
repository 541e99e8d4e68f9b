//! Of `ringyo_store` and the stores.

use std::time::Duration;

use ringyo::postgres::DurabilityRisk;
use ringyo::store::{
    AccountStore as _, ChangeFeed as _, ChangeSet, Changed, Cursor, EventQuery, EventStore as _,
    KeyQuery, KeyQuota, KeyStatus, KeyStore as _, NewDebit, NewEvent, OperationKind, Settlement,
    WalletOperation, WalletStore as _,
};
use ringyo::{
    AccountId, EventKind, KeyCursor, KeyFilter, MemoryStore, OperationId, OperationState, Outcome,
    PageSize, PostgresStore, Revision, StoreError, StoreErrorKind, Timestamp, parse_network,
};
use xtask::servers::for_tests;

use super::{PASSWORD, Stage};
use crate::shown::show;

pub(super) async fn show(stage: &mut Stage) {
    let key = stage.text();
    let record = stage.issued.record.clone();
    let at = record.created_at;
    let shown = &mut stage.shown;
    let store = MemoryStore::new();
    let account = ringyo::Account::new(record.account.clone(), "pro", at);
    let kind = EventKind::KeyIssued;
    let mut event = NewEvent::new(kind, record.account.clone(), "system", at);
    event.key = Some(record.id);
    store.insert_account(&account, &event).await.unwrap();
    store.insert_key(&record, None, &event).await.unwrap();
    let loaded = store.load_key(record.id).await.unwrap().unwrap();
    let mut query = KeyQuery::active_at(at);
    query.filter = KeyFilter::All;
    let page = store.list_keys(&query).await.unwrap();
    show!(
        shown,
        store,
        record,
        record.account,
        record.scopes,
        record.status
    );
    show!(
        shown,
        at,
        record.revision,
        Revision::NONE,
        loaded,
        query,
        page
    );
    show!(shown, KeyCursor::behind(&record), query.filter, query.size);
    show!(shown, record.state_at(at), KeyStatus::Active, kind, event);
    let quota = KeyQuota {
        per_minute: 1.try_into().unwrap(),
        burst: None,
    };
    show!(shown, quota);
    let query = EventQuery {
        account: None,
        key: Some(record.id),
        before: None,
        size: PageSize::MAX,
    };
    let events = store.list_events(&query).await.unwrap();
    show!(shown, query, events, events.items[0]);
    let changes = store.changes_since(None).await.unwrap();
    show!(shown, changes, changes.cursor, changes.changed);
    show!(
        shown,
        ChangeSet::Everything,
        Changed::Key(record.id),
        Cursor::new("1")
    );

    let operation = OperationId::new("op").unwrap();
    let grant = WalletOperation::grant(record.account.clone(), operation.clone(), 5, at);
    let receipt = store
        .grant(&record.account, &operation, 5, at)
        .await
        .unwrap();
    let debit = NewDebit {
        account: record.account.clone(),
        operation: OperationId::new("call").unwrap(),
        amount: 1,
        key: record.id,
        at,
        settlement: Settlement::Reserve,
    };
    show!(shown, operation, grant, receipt, debit, debit.settlement);
    show!(
        shown,
        OperationKind::Debit,
        OperationState::Committed,
        Outcome::Replayed
    );

    // A key where something else belongs.
    show!(shown, AccountId::new(format!("{key}\n")).unwrap_err());
    show!(shown, OperationId::new(format!("{key}\n")).unwrap_err());
    show!(shown, key.parse::<KeyCursor>().unwrap_err());
    show!(shown, key.parse::<Timestamp>().unwrap_err());
    show!(shown, parse_network(&key).unwrap_err());
    show!(shown, key.parse::<EventKind>().unwrap_err());
    show!(shown, key.parse::<KeyStatus>().unwrap_err());
    let again = store.insert_key(&record, None, &event).await.unwrap_err();
    show!(shown, again, again.kind());
    let cause = std::io::Error::other("gone");
    let unavailable = StoreErrorKind::Unavailable;
    show!(
        shown,
        StoreError::with_source(unavailable, "the store is gone", cause)
    );
    servers(stage).await;
}

/// Whose addresses have their passwords.
async fn servers(stage: &mut Stage) {
    let shown = &mut stage.shown;
    show!(shown, PostgresStore::options(), DurabilityRisk::FsyncOff);
    let options = PostgresStore::options().connect_timeout(Duration::from_millis(100));
    for address in [
        // Nobody listens there.
        format!("postgres://ringyo:{PASSWORD}@127.0.0.1:1/ringyo"),
        format!("postgres://ringyo:{PASSWORD}@127.0.0.1:port/ringyo"),
        format!("host=127.0.0.1 port=1 password={PASSWORD} sslmode={PASSWORD}"),
        PASSWORD.to_owned(),
    ] {
        show!(shown, options.connect(&address).await.unwrap_err());
    }
    let Some(database) = for_tests::database() else {
        return;
    };
    let address = database.url();
    let (_, rest) = address.split_once("postgres:").unwrap();
    let (_, rest) = rest.split_once(':').unwrap_or(("", rest));
    let (password, _) = rest.split_once('@').unwrap();
    stage.hidden.add_text(password);
    let store = PostgresStore::connect(&address).await.unwrap();
    show!(shown, store);
    let record = stage.issued.record.clone();
    let event = NewEvent::new(
        EventKind::KeyIssued,
        record.account.clone(),
        "system",
        record.created_at,
    );
    let orphan = store.insert_key(&record, None, &event).await.unwrap_err();
    show!(shown, orphan);
}
