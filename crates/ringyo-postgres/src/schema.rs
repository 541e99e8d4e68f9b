//! The tables, and how a database gets them.

use std::time::Duration;

use ringyo_store::{StoreError, StoreErrorKind};

use crate::call::Repeat::AfterLoss;
use crate::call::{Call, Database};
use crate::columns::{Columns, column, corrupt};
use crate::failure::Failure;

/// The steps from an empty schema to the newest one. The place in the list, counted from 1, is the
/// `schema_version` of a database after the step. A step is never changed once it has been
/// released: databases that took it would be of another schema than databases that will.
const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_foundation.sql")];

/// How long a node waits for others that migrate, and for its own steps.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first half of the advisory lock that migrating nodes take, `rgyo` in ASCII; the other half
/// is the schema's name.
const LOCK: i32 = 0x7267_796F;

/// Brings a database to the newest schema. Several nodes may do it at once: the steps are one
/// transaction under a lock, and whoever comes second finds nothing left to do. On a database that
/// is up to date nothing is locked and no right to create anything is needed.
pub(crate) async fn migrate(database: &Database, schema: &str) -> Result<(), StoreError> {
    let steps = database.ask(
        AfterLoss,
        |call| async move { steps_done(&call, schema).await },
    );
    if steps.await? < MIGRATIONS.len() {
        let migrated =
            database.change_slowly(
                PATIENCE,
                |call| async move { take_steps(&call, schema).await },
            );
        migrated.await?;
    }
    Ok(())
}

async fn take_steps(call: &Call, schema: &str) -> Result<(), Failure> {
    let lock = "SELECT pg_advisory_xact_lock($1, hashtext($2))";
    call.query(lock, &[&LOCK, &schema]).await?;
    let done = steps_done(call, schema).await?;
    if done == MIGRATIONS.len() {
        return Ok(());
    }
    let there = "SELECT FROM pg_namespace WHERE nspname = $1";
    if call.row(there, &[&schema]).await?.is_none() {
        call.execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    for step in &MIGRATIONS[done..] {
        call.execute(step).await?;
    }
    let note = "INSERT INTO meta (name, value) VALUES ('schema_version', $1)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    call.query(note, &[&MIGRATIONS.len().to_string()]).await?;
    Ok(())
}

/// How many steps a database has taken; none if the schema or its tables are missing.
async fn steps_done(call: &Call, schema: &str) -> Result<usize, Failure> {
    let there = "SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                 WHERE nspname = $1 AND relname = 'meta'";
    if call.row(there, &[&schema]).await?.is_none() {
        return Ok(0);
    }
    // By its full name: without the right to use the schema it would seem not to be there.
    let version = format!("SELECT value FROM \"{schema}\".meta WHERE name = 'schema_version'");
    let row = call.row(&version, &[]).await?;
    let row = row.ok_or(corrupt(
        "the schema holds tables that are not of this library",
    ))?;
    let steps: usize = Columns::of(&row).parse(column!("meta.value"))?;
    if steps > MIGRATIONS.len() {
        return Err(Failure::new(
            StoreErrorKind::NewerSchema,
            "the schema was written by a newer version of this library",
        ));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    /// Databases in the field have taken these steps as they are. Whoever wants another schema
    /// adds a step, and a line here.
    const FROZEN: &[&str] = &["6aac34628e92b1ebafc0b4f1775f5a8dd91ac4cc230b323e33c4f5db85783ab0"];

    fn hash(text: &str) -> String {
        let digest: [u8; 32] = Sha256::digest(text).into();
        ringyo_key::Digest::from_bytes(digest).to_hex()
    }

    #[test]
    fn migrations_are_frozen() {
        let hashes: Vec<String> = MIGRATIONS.iter().map(|step| hash(step)).collect();
        assert_eq!(hashes, FROZEN);
        // The control: one character more is another hash.
        assert_ne!(hash(&format!("{} ", MIGRATIONS[0])), FROZEN[0]);
    }
}
