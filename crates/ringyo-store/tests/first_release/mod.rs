//! What a store of the first release may hold: one of everything. The tests of the SQL stores keep
//! the rows that it has been since then.

use ringyo_key::{Digest, KeyId, Mode, PepperId};
use ringyo_store::{
    Account, AccountId, ChangeSet, Changed, Cursor, EventKind, EventQuery, KeyFilter, KeyQuery,
    KeyQuota, KeyRecord, KeyStatus, NewDebit, NewEvent, PageSize, Revision, Settlement, Store,
    StoreErrorKind, Timestamp,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_767_225_600_042 + second * 1_000)
}

fn account() -> AccountId {
    AccountId::new("acct_1").unwrap()
}

fn event(kind: EventKind, id: KeyId, second: i64) -> NewEvent {
    NewEvent {
        key: Some(id),
        ..NewEvent::new(kind, account(), "user:42", at(second))
    }
}

/// One with every field that may be missing.
fn full() -> KeyRecord {
    KeyRecord {
        id: "0a1B2c3D4e5F".parse().unwrap(),
        account: account(),
        mode: Mode::Live,
        hint: "rg_live_0a1B2c3D4e5F…".to_owned(),
        digest: Digest::from_bytes(std::array::from_fn(|place| 250 - place as u8)),
        pepper: Some(PepperId::new(65_535)),
        name: "O'Brien “Käse” 鍵".to_owned(),
        description: Some("first line\nsecond".to_owned()),
        scopes: "agents:read calls:read@call_7 read_only".parse().unwrap(),
        quota: Some(KeyQuota {
            per_minute: 60.try_into().unwrap(),
            burst: Some(5.try_into().unwrap()),
        }),
        allowed_networks: vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ],
        status: KeyStatus::Active,
        created_at: at(0),
        expires_at: Some(at(86_400)),
        revoked_at: None,
        replaced_by: None,
        superseded_at: None,
        last_used_at: None,
        revision: Revision::NONE,
    }
}

/// One without.
fn bare(id: &str, second: i64) -> KeyRecord {
    KeyRecord {
        id: id.parse().unwrap(),
        mode: Mode::Test,
        hint: format!("rg_test_{id}…"),
        digest: Digest::from_bytes([second as u8; Digest::LEN]),
        pepper: Some(PepperId::new(1)),
        name: format!("Key {second}"),
        description: None,
        scopes: "".parse().unwrap(),
        quota: None,
        allowed_networks: Vec::new(),
        created_at: at(second),
        expires_at: None,
        ..full()
    }
}

pub(crate) async fn fill(store: &dyn Store) {
    let opened = NewEvent::new(
        EventKind::AccountCreated,
        account(),
        "operator:alice",
        at(0),
    );
    let new = Account::new(account(), "trial", at(0));
    let mut changed = store.insert_account(&new, &opened).await.unwrap();
    changed.plan = "pro".to_owned();
    let event_of_plan = NewEvent {
        detail: "plan trial to pro".to_owned(),
        from: Some("192.0.2.7".parse().unwrap()),
        ..NewEvent::new(EventKind::AccountPlanChanged, account(), "system", at(1))
    };
    store
        .update_account(&changed, &event_of_plan)
        .await
        .unwrap();

    let issued = NewEvent {
        from: Some("2001:db8::7".parse().unwrap()),
        ..event(EventKind::KeyIssued, full().id, 2)
    };
    store.insert_key(&full(), None, &issued).await.unwrap();
    let imported = KeyRecord {
        pepper: None,
        hint: "acme_…eeff".to_owned(),
        ..bare("000000000001", 3)
    };
    for (key, status, kind) in [
        (imported, KeyStatus::Disabled, EventKind::KeyDisabled),
        (
            bare("zzzzzzzzzzzz", 4),
            KeyStatus::Revoked,
            EventKind::KeyLeaked,
        ),
    ] {
        let issued = event(EventKind::KeyIssued, key.id, 5);
        let key = store.insert_key(&key, None, &issued).await.unwrap();
        let revoked_at = (status == KeyStatus::Revoked).then(|| at(6));
        let key = KeyRecord {
            status,
            revoked_at,
            ..key
        };
        store
            .update_key(&key, &event(kind, key.id, 6))
            .await
            .unwrap();
    }
    let old = bare("AAAAAAAAAAAA", 7);
    let issued = event(EventKind::KeyIssued, old.id, 7);
    let old = store.insert_key(&old, None, &issued).await.unwrap();
    let new = bare("BBBBBBBBBBBB", 8);
    let old = KeyRecord {
        status: KeyStatus::Superseded,
        replaced_by: Some(new.id),
        superseded_at: Some(at(9)),
        ..old
    };
    let events = [old.id, new.id].map(|id| event(EventKind::KeyRegenerated, id, 8));
    let replaced = store.replace_key(&old, &events[0], &new, &events[1], None);
    replaced.await.unwrap();
    store.touch_keys(&[(full().id, at(99))]).await.unwrap();

    let whose = account();
    let order = "order 7".parse().unwrap();
    store.grant(&whose, &order, 100, at(10)).await.unwrap();
    for (operation, settlement) in OPERATIONS {
        let debit = debit(operation);
        store.debit(&debit).await.unwrap();
        if settlement != Settlement::Reserve {
            let settled = store.settle(&whose, &debit.operation, settlement, at(12));
            settled.await.unwrap();
        }
    }
}

const OPERATIONS: [(&str, Settlement); 3] = [
    ("call 1", Settlement::Reserve),
    ("call 2", Settlement::Commit),
    ("call 3", Settlement::Refund),
];

fn debit(operation: &str) -> NewDebit {
    NewDebit {
        account: account(),
        operation: operation.parse().unwrap(),
        amount: 3,
        key: full().id,
        at: at(11),
        settlement: Settlement::Reserve,
    }
}

/// That a node goes on with the tables that a later version has added to, from which this has come
/// as well: an event of a kind that it does not know, about the key that is [`full`].
pub(crate) async fn forgets_what_it_does_not_know(store: &dyn Store, before: &Cursor) {
    let changed = store.changes_since(Some(before)).await.unwrap().changed;
    assert!(
        matches!(&changed, ChangeSet::These(these) if these.contains(&Changed::Key(full().id))),
        "{changed:?}"
    );
    // An audit trail that leaves out what it does not know would be none.
    let list = store.list_events(&every_event()).await;
    assert_eq!(list.unwrap_err().kind(), StoreErrorKind::Corrupt);
    let new = bare("CCCCCCCCCCCC", 20);
    let issued = event(EventKind::KeyIssued, new.id, 20);
    let inserted = store.insert_key(&new, None, &issued).await.unwrap();
    let revoked = KeyRecord {
        status: KeyStatus::Revoked,
        revoked_at: Some(at(21)),
        ..inserted
    };
    let event = event(EventKind::KeyRevoked, new.id, 21);
    store.update_key(&revoked, &event).await.unwrap();
    let found = store.find_key(new.id).await.unwrap().unwrap();
    assert_eq!(found.status, KeyStatus::Revoked);
}

fn every_event() -> EventQuery {
    EventQuery {
        account: None,
        key: None,
        before: None,
        size: PageSize::MAX,
    }
}

/// All of it, as text. Asks for the operations once more, which changes nothing.
pub(crate) async fn everything(store: &dyn Store) -> String {
    let every_key = KeyQuery {
        filter: KeyFilter::All,
        size: PageSize::MAX,
        ..KeyQuery::active_at(at(0))
    };
    let keys = store.list_keys(&every_key).await.unwrap();
    let digests: Vec<String> = keys.items.iter().map(|key| key.digest.to_hex()).collect();
    let events = store.list_events(&every_event()).await.unwrap();
    let accounts = store.list_accounts(None, 100).await.unwrap();
    let mut operations = Vec::new();
    for (operation, _) in OPERATIONS {
        operations.push(store.debit(&debit(operation)).await.unwrap());
    }
    let balance = store.balance(&account()).await.unwrap();
    format!("{keys:#?}\n{digests:#?}\n{events:#?}\n{accounts:#?}\n{operations:#?}\n{balance:?}")
}
