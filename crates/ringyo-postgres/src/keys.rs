//! The records of keys.

mod list;
mod row;

use async_trait::async_trait;
use ringyo_key::{KeyId, PepperId};
use ringyo_store::{
    AccountId, KeyQuery, KeyRecord, KeyStore, LoadedKey, NewEvent, Page, StoreError,
    StoreErrorKind, Timestamp,
};

use crate::PostgresStore;
use crate::call::Call;
use crate::call::Repeat::AfterLoss;
use crate::columns::{Columns, column};
use crate::failure::Failure;
use crate::moment::Moment;
use crate::{accounts, events};

/// The most times of use in one statement.
const CHUNK: usize = 2_000;

/// [`KeyRecord::is_current_at`] in SQL.
macro_rules! is_current {
    ($at:literal) => {
        concat!(
            "status IN ('active', 'disabled')",
            " AND (expires_at IS NULL OR expires_at > ",
            $at,
            ") AND (superseded_at IS NULL OR superseded_at > ",
            $at,
            ")",
        )
    };
}

#[async_trait]
impl KeyStore for PostgresStore {
    async fn insert_key(
        &self,
        key: &KeyRecord,
        max_keys: Option<u32>,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError> {
        self.database()
            .change(|call| async move { insert(&call, key, max_keys, event).await })
            .await
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.database()
            .ask(AfterLoss, |call| async move { find(&call, id).await })
            .await
    }

    async fn load_key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError> {
        self.database()
            .ask(AfterLoss, |call| async move { load(&call, id).await })
            .await
    }

    async fn update_key(&self, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, StoreError> {
        self.database()
            .change(|call| async move { update(&call, key, event).await })
            .await
    }

    async fn replace_key(
        &self,
        old: &KeyRecord,
        old_event: &NewEvent,
        new: &KeyRecord,
        new_event: &NewEvent,
        max_keys: Option<u32>,
    ) -> Result<(KeyRecord, KeyRecord), StoreError> {
        self.database()
            .change(|call| async move {
                replace(&call, (old, old_event), (new, new_event), max_keys).await
            })
            .await
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError> {
        self.database()
            .ask(
                AfterLoss,
                |call| async move { list::list(&call, query).await },
            )
            .await
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        for used in used.chunks(CHUNK) {
            let database = self.database();
            database
                .ask(AfterLoss, |call| async move { touch(&call, used).await })
                .await?;
        }
        Ok(())
    }

    async fn count_by_pepper(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(Option<PepperId>, u64)>, StoreError> {
        self.database()
            .ask(
                AfterLoss,
                |call| async move { count_by_pepper(&call, at).await },
            )
            .await
    }
}

async fn find(call: &Call, id: KeyId) -> Result<Option<KeyRecord>, Failure> {
    const FIND: &str = row::select!("" "WHERE keys.id = $1");
    let row = call.row(FIND, &[&id.as_str()]).await?;
    row.map(|row| row::decode(&mut Columns::of(&row)))
        .transpose()
}

/// The record with its row held until the transaction ends: the number of the event that follows
/// is taken after every earlier one about it.
async fn hold(call: &Call, id: KeyId) -> Result<KeyRecord, Failure> {
    const HOLD: &str = row::select!("" "WHERE keys.id = $1 FOR NO KEY UPDATE OF keys");
    let row = call.row(HOLD, &[&id.as_str()]).await?.ok_or(Failure::new(
        StoreErrorKind::NotFound,
        "there is no key of that id",
    ))?;
    row::decode(&mut Columns::of(&row))
}

async fn load(call: &Call, id: KeyId) -> Result<Option<LoadedKey>, Failure> {
    const LOAD: &str = row::select!(
        ", accounts.id, accounts.plan, accounts.created_at, accounts.revision"
        "JOIN accounts ON accounts.id = keys.account WHERE keys.id = $1"
    );
    let row = call.row(LOAD, &[&id.as_str()]).await?;
    row.map(|row| {
        let mut columns = Columns::of(&row);
        Ok(LoadedKey {
            key: row::decode(&mut columns)?,
            // The foreign key keeps every key's account.
            account: Some(accounts::columns(&mut columns)?),
        })
    })
    .transpose()
}

async fn insert(
    call: &Call,
    key: &KeyRecord,
    max_keys: Option<u32>,
    event: &NewEvent,
) -> Result<KeyRecord, Failure> {
    check_new(call, key).await?;
    if let Some(max) = max_keys {
        accounts::hold(call, &key.account).await?;
        let others = count_current(call, &key.account, event.at, None).await?;
        check_room(others, u64::from(max))?;
    }
    add(call, key, event).await
}

async fn update(call: &Call, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, Failure> {
    let stored = hold(call, key.id).await?;
    stored.check_write(key)?;
    change(call, stored, key, event).await
}

async fn replace(
    call: &Call,
    (old, old_event): (&KeyRecord, &NewEvent),
    (new, new_event): (&KeyRecord, &NewEvent),
    max_keys: Option<u32>,
) -> Result<(KeyRecord, KeyRecord), Failure> {
    let stored = hold(call, old.id).await?;
    stored.check_write(old)?;
    check_new(call, new).await?;
    if let Some(max) = max_keys {
        accounts::hold(call, &new.account).await?;
        let now = new_event.at;
        let others = count_current(call, &new.account, now, Some(old.id)).await?;
        let all = others + u64::from(old.is_current_at(now));
        check_room(all, u64::from(max) + 1)?;
    }
    let old = change(call, stored, old, old_event).await?;
    Ok((old, add(call, new, new_event).await?))
}

const TAKEN: Failure = Failure::new(
    StoreErrorKind::AlreadyExists,
    "the key id has been used before",
);

async fn check_new(call: &Call, key: &KeyRecord) -> Result<(), Failure> {
    if !accounts::exists(call, &key.account).await? {
        return Err(accounts::unknown());
    }
    let sql = "SELECT FROM keys WHERE id = $1";
    match call.row(sql, &[&key.id.as_str()]).await? {
        Some(_) => Err(TAKEN),
        None => Ok(()),
    }
}

/// How many keys of an account are current, one left out.
async fn count_current(
    call: &Call,
    account: &AccountId,
    now: Timestamp,
    besides: Option<KeyId>,
) -> Result<u64, Failure> {
    const COUNT: &str = concat!(
        "SELECT count(*) FROM keys WHERE account = $1 AND id IS DISTINCT FROM $3 AND ",
        is_current!("$2"),
    );
    let besides = besides.as_ref().map(KeyId::as_str);
    let row = call
        .row(COUNT, &[&account.as_str(), &Moment(now), &besides])
        .await;
    let row = row?;
    row.map_or(Ok(0), |row| Columns::of(&row).count(column!("count")))
}

fn check_room(count: u64, room: u64) -> Result<(), Failure> {
    if count >= room {
        return Err(Failure::new(
            StoreErrorKind::TooManyKeys,
            "the account has as many keys as it may have",
        ));
    }
    Ok(())
}

async fn add(call: &Call, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, Failure> {
    let key = KeyRecord {
        last_used_at: None,
        revision: events::record(call, event).await?,
        ..key.clone()
    };
    match row::insert(call, &key).await {
        // Somebody was faster.
        Err(failure) if failure.is_duplicate("keys_pkey") => Err(TAKEN),
        inserted => inserted.map(|()| key),
    }
}

async fn change(
    call: &Call,
    stored: KeyRecord,
    key: &KeyRecord,
    event: &NewEvent,
) -> Result<KeyRecord, Failure> {
    let revision = events::record(call, event).await?;
    let key = stored.written_over(key.clone(), revision);
    row::update(call, &key).await?;
    Ok(key)
}

/// In the order of keys, so that two nodes never wait for each other; and without waiting for the
/// disk, since times of use may be lost with the power.
async fn touch(call: &Call, used: &[(KeyId, Timestamp)]) -> Result<(), Failure> {
    const TOUCH: &str = "
        WITH fast AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
        INSERT INTO key_usage (key, last_used_at)
        SELECT keys.id, max(used.at)
        FROM fast
        CROSS JOIN unnest($1::text[], $2::timestamptz[]) AS used (key, at)
        JOIN keys ON keys.id = used.key
        GROUP BY keys.id
        ORDER BY keys.id
        ON CONFLICT (key) DO UPDATE SET last_used_at = excluded.last_used_at
        WHERE excluded.last_used_at > key_usage.last_used_at";
    let (keys, moments): (Vec<&str>, Vec<Moment>) = used
        .iter()
        .map(|(key, at)| (key.as_str(), Moment(*at)))
        .unzip();
    call.query(TOUCH, &[&keys, &moments]).await.map(|_| ())
}

async fn count_by_pepper(
    call: &Call,
    at: Timestamp,
) -> Result<Vec<(Option<PepperId>, u64)>, Failure> {
    const COUNT: &str = concat!(
        "SELECT pepper, count(*) FROM keys WHERE ",
        is_current!("$1"),
        " GROUP BY pepper ORDER BY pepper NULLS FIRST",
    );
    let rows = call.query(COUNT, &[&Moment(at)]).await?;
    let decode = |row| {
        let mut columns = Columns::of(row);
        let pepper = row::pepper(&mut columns)?;
        Ok((pepper, columns.count(column!("count"))?))
    };
    rows.iter().map(decode).collect()
}
