//! Whatever is called in whatever order, a store answers what a plain model of the contract does.
//!
//! The model is [`SimpleStore`], which shares no rule with the stores that it is compared with: not
//! what a revoked key refuses, not which keys a list holds, not what a wallet says to a second
//! charge. A store that is right by those rules and not by the contract is found out.
//!
//! ```
//! use proptest::prelude::*;
//! use ringyo_store::MemoryStore;
//! use ringyo_store::conformance::model;
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { cases: 5, ..ProptestConfig::default() })]
//!     # /*
//!     #[test]
//!     # */
//!     fn answers_are_the_same(calls in model::calls()) {
//!         let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//!         runtime.block_on(model::agree(&MemoryStore::new(), &calls))?;
//!     }
//! }
//! # fn main() { answers_are_the_same() }
//! ```

mod call;
mod draw;
mod simple;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::Store;

use self::call::{Caller, everything};
use self::draw::{Kind, kind};

pub use self::simple::SimpleStore;

/// One call of a series. Small numbers stand in the place of ids, so that calls meet.
///
/// Every method of the store is among them: keys are issued, changed, revoked, replaced with an
/// overlap or without one, used, counted, read and listed page by page; plans change; credits are
/// granted, held, spent and given back; two followers read the change feed.
#[derive(Debug, Clone)]
pub struct Call(Kind);

/// A series of 1–119 calls, as an input of a test with `proptest`.
pub fn calls() -> impl Strategy<Value = Vec<Call>> {
    vec(kind().prop_map(Call), 1..120)
}

/// Makes the calls of a series in a store that is empty, and in a model. Gives the model back.
///
/// # Errors
///
/// At the first answer that is another, or when the two hold something else in the end.
pub async fn agree(store: &dyn Store, calls: &[Call]) -> Result<SimpleStore, TestCaseError> {
    let model = SimpleStore::default();
    let (mut asks_model, mut asks_store) = (Caller::new(&model), Caller::new(store));
    for Call(call) in calls {
        let (expected, got) = (asks_model.make(call).await, asks_store.make(call).await);
        prop_assert_eq!(got, expected, "{:?}", call);
    }
    hold_the_same(store, &model).await?;
    Ok(model)
}

/// Compares all that can be read from two stores: from one and the same that was closed and
/// opened again, for one.
///
/// # Errors
///
/// When they differ.
pub async fn hold_the_same(store: &dyn Store, other: &dyn Store) -> Result<(), TestCaseError> {
    prop_assert_eq!(everything(store).await, everything(other).await);
    Ok(())
}
