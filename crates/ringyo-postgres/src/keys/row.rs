//! A record as a row.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;

use bytes::BytesMut;
use ringyo_key::{Digest, KeyId, PepperId};
use ringyo_store::{IpNet, KeyQuota, KeyRecord, parse_network};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::call::Call;
use crate::columns::{Columns, column, corrupt};
use crate::events;
use crate::failure::Failure;
use crate::moment::Moment;

/// A query for the columns that [`decode`] reads, then further ones, from what follows.
macro_rules! select {
    ($further:literal $what:literal) => {
        concat!(
            "SELECT keys.id, keys.account, keys.mode, keys.hint, keys.digest, keys.pepper, \
             keys.name, keys.description, keys.scopes, keys.quota_per_minute, keys.quota_burst, \
             keys.allowed_networks, keys.status, keys.created_at, keys.expires_at, \
             keys.revoked_at, keys.replaced_by, keys.superseded_at, key_usage.last_used_at, \
             keys.revision",
            $further,
            " FROM keys LEFT JOIN key_usage ON key_usage.key = keys.id ",
            $what
        )
    };
}
pub(super) use select;

pub(super) fn decode(columns: &mut Columns<'_>) -> Result<KeyRecord, Failure> {
    Ok(KeyRecord {
        id: columns.parse(column!("keys.id"))?,
        account: columns.parse(column!("keys.account"))?,
        mode: columns.parse(column!("keys.mode"))?,
        hint: columns.text(column!("keys.hint"))?.to_owned(),
        digest: digest(columns)?,
        pepper: pepper(columns)?,
        name: columns.text(column!("keys.name"))?.to_owned(),
        description: columns.value(column!("keys.description"))?,
        scopes: columns.parse(column!("keys.scopes"))?,
        quota: quota(columns)?,
        allowed_networks: networks(columns)?,
        status: columns.parse(column!("keys.status"))?,
        created_at: columns.moment(column!("keys.created_at"))?,
        expires_at: columns.optional_moment(column!("keys.expires_at"))?,
        revoked_at: columns.optional_moment(column!("keys.revoked_at"))?,
        replaced_by: columns.parse_optional(column!("keys.replaced_by"))?,
        superseded_at: columns.optional_moment(column!("keys.superseded_at"))?,
        last_used_at: columns.optional_moment(column!("key_usage.last_used_at"))?,
        revision: columns.revision(column!("keys.revision"))?,
    })
}

pub(super) async fn insert(call: &Call, key: &KeyRecord) -> Result<(), Failure> {
    const INSERT: &str = "
        INSERT INTO keys (
            id, account, mode, hint, digest, pepper, name, description, scopes,
            quota_per_minute, quota_burst, allowed_networks, status, created_at, expires_at,
            revoked_at, replaced_by, superseded_at, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
            $18, $19)";
    let KeyRecord {
        id,
        account,
        mode,
        hint,
        digest,
        pepper,
        name,
        description,
        scopes,
        quota,
        allowed_networks,
        status,
        created_at,
        expires_at,
        revoked_at,
        replaced_by,
        superseded_at,
        // In a table of its own.
        last_used_at: _,
        revision,
    } = key;
    let inserted = call
        .query(
            INSERT,
            &[
                &id.as_str(),
                &account.as_str(),
                &mode.as_str(),
                hint,
                &Unlogged(digest.to_hex()),
                &pepper.map(|pepper| i32::from(pepper.as_u16())),
                name,
                description,
                &scopes.to_string(),
                &per_minute(quota.as_ref()),
                &burst(quota.as_ref()),
                &joined(allowed_networks),
                &status.as_str(),
                &Moment(*created_at),
                &expires_at.map(Moment),
                &revoked_at.map(Moment),
                &replaced_by.as_ref().map(KeyId::as_str),
                &superseded_at.map(Moment),
                &events::number(*revision),
            ],
        )
        .await;
    inserted.map(|_| ())
}

/// Writes what may change.
pub(super) async fn update(call: &Call, key: &KeyRecord) -> Result<(), Failure> {
    const UPDATE: &str = "
        UPDATE keys
        SET name = $2, description = $3, scopes = $4, quota_per_minute = $5, quota_burst = $6,
            allowed_networks = $7, status = $8, expires_at = $9, revoked_at = $10,
            replaced_by = $11, superseded_at = $12, revision = $13
        WHERE id = $1";
    let updated = call
        .query(
            UPDATE,
            &[
                &key.id.as_str(),
                &key.name,
                &key.description,
                &key.scopes.to_string(),
                &per_minute(key.quota.as_ref()),
                &burst(key.quota.as_ref()),
                &joined(&key.allowed_networks),
                &key.status.as_str(),
                &key.expires_at.map(Moment),
                &key.revoked_at.map(Moment),
                &key.replaced_by.as_ref().map(KeyId::as_str),
                &key.superseded_at.map(Moment),
                &events::number(key.revision),
            ],
        )
        .await;
    updated.map(|_| ())
}

pub(super) fn pepper(columns: &mut Columns<'_>) -> Result<Option<PepperId>, Failure> {
    let context = column!("keys.pepper");
    let number: Option<i32> = columns.value(context)?;
    number
        .map(|number| {
            let number = u16::try_from(number).map_err(|_| corrupt(context))?;
            PepperId::try_from(number).map_err(|_| corrupt(context))
        })
        .transpose()
}

/// A text that is not logged: the driver logs parameters by their `Debug`, and the tag of a key can
/// be read off its digest.
struct Unlogged(String);

impl fmt::Debug for Unlogged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Unlogged {
    fn to_sql(
        &self,
        r#type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(r#type, out)
    }

    fn accepts(r#type: &Type) -> bool {
        <String as ToSql>::accepts(r#type)
    }

    to_sql_checked!();
}

fn digest(columns: &mut Columns<'_>) -> Result<Digest, Failure> {
    let context = column!("keys.digest");
    Digest::from_hex(columns.text(context)?).map_err(|_| corrupt(context))
}

fn quota(columns: &mut Columns<'_>) -> Result<Option<KeyQuota>, Failure> {
    let per_minute = number(columns, column!("keys.quota_per_minute"))?;
    let burst = number(columns, column!("keys.quota_burst"))?;
    Ok(per_minute.map(|per_minute| KeyQuota { per_minute, burst }))
}

fn number(columns: &mut Columns<'_>, context: &'static str) -> Result<Option<NonZeroU32>, Failure> {
    let number: Option<u32> = columns.optional_number(context)?;
    number
        .map(|number| NonZeroU32::new(number).ok_or(corrupt(context)))
        .transpose()
}

fn networks(columns: &mut Columns<'_>) -> Result<Vec<IpNet>, Failure> {
    let context = column!("keys.allowed_networks");
    let networks = columns.text(context)?.split_ascii_whitespace();
    networks
        .map(|network| parse_network(network).map_err(|_| corrupt(context)))
        .collect()
}

fn per_minute(quota: Option<&KeyQuota>) -> Option<i64> {
    quota.map(|quota| i64::from(quota.per_minute.get()))
}

fn burst(quota: Option<&KeyQuota>) -> Option<i64> {
    let burst = quota.and_then(|quota| quota.burst);
    burst.map(|burst| i64::from(burst.get()))
}

fn joined(networks: &[IpNet]) -> String {
    let texts: Vec<String> = networks.iter().map(IpNet::to_string).collect();
    texts.join(" ")
}
