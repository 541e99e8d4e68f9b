//! A record as a row.

use std::num::NonZeroU32;

use ringyo_key::{Digest, PepperId};
use ringyo_store::{IpNet, KeyQuota, KeyRecord, Timestamp, parse_network};
use rusqlite::{Connection, params};

use crate::columns::{Columns, column, corrupt};
use crate::failure::Failure;

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
        description: columns
            .optional_text(column!("keys.description"))?
            .map(str::to_owned),
        scopes: columns.parse(column!("keys.scopes"))?,
        quota: quota(columns)?,
        allowed_networks: networks(columns)?,
        status: columns.parse(column!("keys.status"))?,
        created_at: columns.parse(column!("keys.created_at"))?,
        expires_at: columns.parse_optional(column!("keys.expires_at"))?,
        revoked_at: columns.parse_optional(column!("keys.revoked_at"))?,
        replaced_by: columns.parse_optional(column!("keys.replaced_by"))?,
        superseded_at: columns.parse_optional(column!("keys.superseded_at"))?,
        last_used_at: columns.parse_optional(column!("key_usage.last_used_at"))?,
        revision: columns.revision(column!("keys.revision"))?,
    })
}

pub(super) fn insert(database: &Connection, key: &KeyRecord) -> Result<(), Failure> {
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
    database
        .prepare_cached(
            "INSERT INTO keys (
                 id, account, mode, hint, digest, pepper, name, description, scopes,
                 quota_per_minute, quota_burst, allowed_networks, status, created_at, expires_at,
                 revoked_at, replaced_by, superseded_at, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19)",
        )?
        .execute(params![
            id.as_str(),
            account.as_str(),
            mode.as_str(),
            hint,
            digest.to_hex(),
            pepper.map(PepperId::as_u16),
            name,
            description,
            scopes.to_string(),
            quota.map(|quota| quota.per_minute.get()),
            burst(quota.as_ref()),
            joined(allowed_networks),
            status.as_str(),
            created_at.to_string(),
            text(*expires_at),
            text(*revoked_at),
            replaced_by.as_ref().map(|id| id.as_str()),
            text(*superseded_at),
            revision.as_u64() as i64,
        ])?;
    Ok(())
}

/// Writes what may change.
pub(super) fn update(database: &Connection, key: &KeyRecord) -> Result<(), Failure> {
    database
        .prepare_cached(
            "UPDATE keys
             SET name = ?2, description = ?3, scopes = ?4, quota_per_minute = ?5,
                 quota_burst = ?6, allowed_networks = ?7, status = ?8, expires_at = ?9,
                 revoked_at = ?10, replaced_by = ?11, superseded_at = ?12, revision = ?13
             WHERE id = ?1",
        )?
        .execute(params![
            key.id.as_str(),
            key.name,
            key.description,
            key.scopes.to_string(),
            key.quota.map(|quota| quota.per_minute.get()),
            burst(key.quota.as_ref()),
            joined(&key.allowed_networks),
            key.status.as_str(),
            text(key.expires_at),
            text(key.revoked_at),
            key.replaced_by.as_ref().map(|id| id.as_str()),
            text(key.superseded_at),
            key.revision.as_u64() as i64,
        ])?;
    Ok(())
}

pub(super) fn pepper(columns: &mut Columns<'_>) -> Result<Option<PepperId>, Failure> {
    let context = column!("keys.pepper");
    let number: Option<u16> = columns.number(context)?;
    number
        .map(|number| PepperId::try_from(number).map_err(|_| corrupt(context)))
        .transpose()
}

fn digest(columns: &mut Columns<'_>) -> Result<Digest, Failure> {
    let context = column!("keys.digest");
    Digest::from_hex(columns.text(context)?).map_err(|_| corrupt(context))
}

fn quota(columns: &mut Columns<'_>) -> Result<Option<KeyQuota>, Failure> {
    let per_minute: Option<NonZeroU32> = columns.number(column!("keys.quota_per_minute"))?;
    let burst = columns.number(column!("keys.quota_burst"))?;
    Ok(per_minute.map(|per_minute| KeyQuota { per_minute, burst }))
}

fn networks(columns: &mut Columns<'_>) -> Result<Vec<IpNet>, Failure> {
    let context = column!("keys.allowed_networks");
    let networks = columns.text(context)?.split_ascii_whitespace();
    networks
        .map(|network| parse_network(network).map_err(|_| corrupt(context)))
        .collect()
}

fn burst(quota: Option<&KeyQuota>) -> Option<u32> {
    quota.and_then(|quota| quota.burst).map(NonZeroU32::get)
}

fn joined(networks: &[IpNet]) -> String {
    let texts: Vec<String> = networks.iter().map(IpNet::to_string).collect();
    texts.join(" ")
}

fn text(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|moment| moment.to_string())
}
