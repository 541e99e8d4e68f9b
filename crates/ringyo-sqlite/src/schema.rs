//! The tables, and how a file gets them.

use ringyo_store::StoreErrorKind;
use rusqlite::{Connection, TransactionBehavior};

use crate::failure::Failure;

/// The steps from an empty file to the newest schema. The place in the list, counted from 1, is
/// the `user_version` of a file after the step. A step is never changed once it has been released:
/// files that took it would be of another schema than files that will.
const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_foundation.sql")];

/// `rgyo` in ASCII: the `application_id` in the header of every file of this library.
const APPLICATION_ID: i64 = 0x7267_796F;

/// What the header of a file says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// Nothing yet.
    New,
    /// A store, so many migrations old.
    Store { steps: usize },
}

/// Refuses a file that is not ours to touch, before anything in it is changed.
pub(crate) fn check_identity(database: &Connection) -> Result<(), Failure> {
    // One moment for all that is asked: somebody else may be making the tables just now.
    let snapshot = database.unchecked_transaction()?;
    identify(&snapshot).map(|_| ())
}

/// Brings a file to the newest schema. Several processes may do it at once: the steps are one
/// transaction, and whoever comes second finds nothing left to do.
pub(crate) fn migrate(database: &mut Connection) -> Result<(), Failure> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = match identify(&transaction)? {
        Identity::New => 0,
        Identity::Store { steps } => steps,
    };
    if done < MIGRATIONS.len() {
        for step in &MIGRATIONS[done..] {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    }
    transaction.commit()?;
    Ok(())
}

fn identify(database: &Connection) -> Result<Identity, Failure> {
    let number = |pragma: &str| database.pragma_query_value(None, pragma, |row| row.get(0));
    let (application, version): (i64, i64) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, usize::try_from(version)) {
        (0, Ok(0)) if tables == 0 => Ok(Identity::New),
        (APPLICATION_ID, Ok(steps @ 1..)) if steps <= MIGRATIONS.len() => {
            Ok(Identity::Store { steps })
        }
        (APPLICATION_ID, Ok(1..)) => Err(Failure::new(
            StoreErrorKind::NewerSchema,
            "the file was written by a newer version of this library",
        )),
        _ => Err(Failure::new(
            StoreErrorKind::Corrupt,
            "the file is not a store of this library",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    /// Files in the field have taken these steps as they are. Whoever wants another schema adds a
    /// step, and a line here.
    const FROZEN: &[&str] = &["be78e7b644f0b58133cee3cf758b61952b8bbe6bd0dc7aa2bf342f02f9804aa0"];

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

    #[test]
    fn a_failed_step_leaves_nothing() {
        let mut database = Connection::open_in_memory().unwrap();
        // The first index on the keys finds this table in the place of theirs.
        database
            .execute_batch("CREATE TEMP TABLE keys (x)")
            .unwrap();
        assert!(migrate(&mut database).is_err());
        assert_eq!(identify(&database).unwrap(), Identity::New);
        database.execute_batch("DROP TABLE temp.keys").unwrap();
        migrate(&mut database).unwrap();
        assert_eq!(identify(&database).unwrap(), Identity::Store { steps: 1 });
        migrate(&mut database).unwrap();
    }
}
