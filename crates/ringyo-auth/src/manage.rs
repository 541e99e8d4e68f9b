//! Managing keys and accounts: everything that changes a record, on whose behalf, within what
//! that somebody may hand out.

mod accounts;
mod actor;
mod error;
mod fields;
mod found_at;
mod import;
mod issue;
mod key_manager;
mod leak;
mod new_key;
mod regenerate;

pub use accounts::Accounts;
pub use actor::Actor;
pub use error::{FieldError, ManageError, Surplus};
pub use key_manager::{Edit, KeyManager, ListKeys};
pub use leak::{LeakPolicy, LeakResponse, LeakVerdict, LeakedKey};
pub use new_key::{IssuedKey, NewKey};
pub use regenerate::{Overlap, RegeneratedKey};
