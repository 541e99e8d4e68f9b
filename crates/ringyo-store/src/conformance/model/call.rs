//! Making calls, and what was answered as text.

use std::fmt::Debug;
use std::num::NonZeroU32;

use ringyo_key::{KeyId, Mode, PepperId};

use super::super::fixture::{account_id, at, operation_id};
use super::super::record_fixture;
use super::draw::{ACCOUNTS, FOLLOWERS, KEYS, Kind};
use crate::{
    Account, AccountId, ChangeSet, Cursor, EventKind, EventQuery, KeyCursor, KeyFilter, KeyQuery,
    KeyQuota, KeyRecord, KeyStatus, NewDebit, NewEvent, OperationId, PageSize, Revision, Store,
    StoreError, Timestamp,
};

/// Who makes the calls of a series, and goes on where they have stopped.
pub(super) struct Caller<'a> {
    store: &'a dyn Store,
    followers: [Option<Cursor>; FOLLOWERS],
    page: Option<KeyCursor>,
}

impl<'a> Caller<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self {
            store,
            followers: [const { None }; FOLLOWERS],
            page: None,
        }
    }

    pub(super) async fn make(&mut self, call: &Kind) -> String {
        match *call {
            Kind::Follow { follower } => self.follow(follower).await,
            Kind::NextPage { size } => self.next_page(size).await,
            _ => answer(self.store, call).await,
        }
    }

    /// What has changed, in no order and each thing once: a store may tell it as it likes.
    async fn follow(&mut self, follower: usize) -> String {
        let cursor = &mut self.followers[follower];
        let answer = self.store.changes_since(cursor.as_ref()).await;
        said(answer.map(|changes| {
            *cursor = Some(changes.cursor);
            match changes.changed {
                ChangeSet::Everything => vec!["everything".to_owned()],
                ChangeSet::These(changed) => {
                    let mut texts: Vec<_> = changed.iter().map(|c| format!("{c:?}")).collect();
                    texts.sort_unstable();
                    texts.dedup();
                    texts
                }
            }
        }))
    }

    async fn next_page(&mut self, size: usize) -> String {
        let query = KeyQuery {
            filter: KeyFilter::All,
            after: self.page,
            size: size_of(size),
            ..KeyQuery::active_at(at(0))
        };
        let answer = self.store.list_keys(&query).await;
        if let Ok(page) = &answer {
            self.page = page.next;
        }
        said(answer)
    }
}

/// All that can be read.
pub(super) async fn everything(store: &dyn Store) -> Vec<String> {
    let mut texts = vec![said(store.list_accounts(None, 10).await)];
    for number in 0..ACCOUNTS {
        texts.push(said(store.balance(&account(number)).await));
    }
    for number in 0..KEYS {
        texts.push(said(store.load_key(key_id(number)).await));
    }
    texts.push(said(store.count_by_pepper(Timestamp::MIN).await));
    let mut query = EventQuery {
        account: None,
        key: None,
        before: None,
        size: PageSize::MAX,
    };
    loop {
        let page = store.list_events(&query).await;
        query.before = page.as_ref().ok().and_then(|page| page.next);
        texts.push(said(page));
        if query.before.is_none() {
            return texts;
        }
    }
}

async fn answer(store: &dyn Store, call: &Kind) -> String {
    match *call {
        Kind::Account { account: number } => {
            let new = Account::new(account(number), " pro ", at(0));
            let event = event(EventKind::AccountCreated, &new.id);
            said(store.insert_account(&new, &event).await)
        }
        Kind::Plan {
            account: number,
            behind,
        } => {
            let id = account(number);
            let found = store.find_account(&id).await.expect("an account is sought");
            let mut changed = found.unwrap_or(Account::new(id, "pro", at(0)));
            changed.plan.push('+');
            changed.created_at = at(9);
            changed.revision = shifted(changed.revision, behind);
            let event = event(EventKind::AccountPlanChanged, &changed.id);
            said(store.update_account(&changed, &event).await)
        }
        Kind::Accounts { after, limit } => {
            let after = after.map(account);
            said(store.list_accounts(after.as_ref(), limit).await)
        }
        Kind::Issue {
            key: number,
            account,
            max,
        } => {
            let new = key(number, account);
            let event = key_event(EventKind::KeyIssued, &new);
            said(store.insert_key(&new, max, &event).await)
        }
        Kind::Change {
            key: number,
            status,
            expires,
            behind,
        } => {
            let mut changed = found(store, number).await;
            changed.status = status;
            changed.expires_at = expires.map(at);
            changed.name.push('+');
            changed.scopes = record_fixture::scopes("calls read_only");
            changed.hint = "not to be written".to_owned();
            changed.last_used_at = Some(at(99));
            changed.revision = shifted(changed.revision, behind);
            let kind = match status {
                KeyStatus::Revoked => EventKind::KeyRevoked,
                KeyStatus::Disabled => EventKind::KeyDisabled,
                KeyStatus::Active | KeyStatus::Superseded => EventKind::KeyRenamed,
            };
            let event = key_event(kind, &changed);
            said(store.update_key(&changed, &event).await)
        }
        Kind::Replace {
            old,
            new,
            overlap,
            max,
            behind,
        } => {
            let mut old = found(store, old).await;
            let new = KeyRecord {
                account: old.account.clone(),
                ..key(new, 0)
            };
            old.replaced_by = Some(new.id);
            old.superseded_at = Some(overlap.map_or(at(NOW), by_a_millisecond));
            if overlap.is_none() {
                old.status = KeyStatus::Superseded;
            }
            old.revision = shifted(old.revision, behind);
            let old_event = key_event(EventKind::KeyRegenerated, &old);
            let new_event = key_event(EventKind::KeyIssued, &new);
            let replaced = store.replace_key(&old, &old_event, &new, &new_event, max);
            said(replaced.await)
        }
        Kind::Touch(ref used) => {
            let used: Vec<_> = used.iter().map(|(k, s)| (key_id(*k), at(*s))).collect();
            said(store.touch_keys(&used).await)
        }
        Kind::Read { key } => {
            let id = key_id(key);
            said(store.find_key(id).await) + &said(store.load_key(id).await)
        }
        Kind::Peppers { at: moment } => said(store.count_by_pepper(at(moment)).await),
        Kind::List { .. } => said(store.list_keys(&query(call)).await),
        Kind::Grant {
            account: owner,
            operation: name,
            amount,
        } => {
            let (owner, name) = (account(owner), operation(name));
            said(store.grant(&owner, &name, amount, at(1)).await)
        }
        Kind::Debit {
            account: owner,
            operation: name,
            amount,
            settlement,
        } => {
            let debit = NewDebit {
                account: account(owner),
                operation: operation(name),
                amount,
                key: key_id(1),
                at: at(2),
                settlement,
            };
            said(store.debit(&debit).await)
        }
        Kind::Settle {
            account: owner,
            operation: name,
            settlement,
        } => {
            let (owner, name) = (account(owner), operation(name));
            said(store.settle(&owner, &name, settlement, at(3)).await)
        }
        Kind::Balance { account: number } => said(store.balance(&account(number)).await),
        Kind::Events {
            account: owner,
            key,
            before,
            size,
        } => {
            let query = EventQuery {
                account: owner.map(account),
                key: key.map(key_id),
                before: before.map(Revision::new),
                size: size_of(size),
            };
            said(store.list_events(&query).await)
        }
        Kind::FollowFromNowhere => {
            let nowhere = Cursor::new("given by nobody");
            let changes = store.changes_since(Some(&nowhere)).await;
            said(changes.map(|changes| changes.changed))
        }
        Kind::Follow { .. } | Kind::NextPage { .. } => {
            unreachable!("a caller goes on by itself")
        }
    }
}

fn query(call: &Kind) -> KeyQuery {
    let &Kind::List {
        account: owner,
        filter,
        live,
        name,
        at: moment,
        size,
        after,
    } = call
    else {
        unreachable!("only lists are asked for with a query")
    };
    KeyQuery {
        account: owner.map(account),
        filter,
        mode: live.map(mode),
        name_contains: name.map(str::to_owned),
        after: after.map(|(created, id)| KeyCursor {
            created_at: at(created),
            id: key_id(id),
        }),
        size: size_of(size),
        at: at(moment),
    }
}

/// The second at which everything is changed.
const NOW: i64 = 5;

/// A second, or a millisecond before it.
fn by_a_millisecond(second: i64) -> Timestamp {
    Timestamp::from_unix_millis(at(second).as_unix_millis() - second % 2)
}

/// What was answered, as text; of an error its kind.
fn said<T: Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// The key as it is stored, or one that is not.
async fn found(store: &dyn Store, number: usize) -> KeyRecord {
    let found = store.find_key(key_id(number)).await;
    let found = found.expect("a key is sought");
    found.unwrap_or_else(|| key(number, 0))
}

fn account(number: usize) -> AccountId {
    account_id(["acct_a", "acct_B", "acct_b"][number])
}

fn operation(number: usize) -> OperationId {
    operation_id(["op 0", "op 1", "OP 1", "op 2"][number])
}

fn event(kind: EventKind, account: &AccountId) -> NewEvent {
    NewEvent {
        from: Some("192.0.2.1".parse().expect("an address")),
        ..NewEvent::new(kind, account.clone(), "user:1", at(NOW))
    }
}

fn key_event(kind: EventKind, key: &KeyRecord) -> NewEvent {
    NewEvent {
        key: Some(key.id),
        ..event(kind, &key.account)
    }
}

/// Two that differ in case alone among them.
fn key_id(number: usize) -> KeyId {
    match number {
        4 => "0000000000aB".parse().expect("an id"),
        5 => "0000000000Ab".parse().expect("an id"),
        _ => super::super::fixture::key_id(number),
    }
}

fn key(number: usize, owner: usize) -> KeyRecord {
    let (account, id) = (account(owner), key_id(number));
    let plain = match number {
        5 => KeyRecord {
            status: KeyStatus::Active,
            expires_at: None,
            superseded_at: None,
            ..record_fixture::odd_key(&account, id)
        },
        4 => KeyRecord {
            description: Some(String::new()),
            quota: Some(KeyQuota {
                per_minute: NonZeroU32::MIN,
                burst: None,
            }),
            ..record_fixture::key_of(&account, id, number)
        },
        _ => record_fixture::key_of(&account, id, number),
    };
    KeyRecord {
        // Two of a moment, so that ids decide.
        created_at: at(number as i64 / 2),
        mode: mode(number % 4 != 1),
        pepper: [None, Some(PepperId::new(1)), Some(PepperId::new(2))][number % 3],
        name: format!("{} key", ["Live", "live é", "TEST_%"][number % 3]),
        ..plain
    }
}

const fn mode(is_live: bool) -> Mode {
    if is_live { Mode::Live } else { Mode::Test }
}

fn size_of(entries: usize) -> PageSize {
    PageSize::new(entries).expect("a series asks for possible pages")
}

/// A revision as it is, or some way off.
fn shifted(revision: Revision, by: i64) -> Revision {
    Revision::new(revision.as_u64().saturating_add_signed(by))
}
