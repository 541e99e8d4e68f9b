//! The suite that every store must pass.
//!
//! It asks for no more than the documentation of [`Store`] and its parts promises, and leaves nothing out for anybody: there are no capability flags. A
//! store that passes may stand wherever another one does.
//!
//! One line gives a test for every case, named after it:
//!
//! ```
//! async fn new_store() -> (ringyo_store::MemoryStore, ()) {
//!     (ringyo_store::MemoryStore::new(), ())
//! }
//!
//! ringyo_store::conformance_tests!(new_store);
//! # fn main() {}
//! ```
//!
//! The factory gives a fresh, empty store and a guard, which is dropped after the store: the
//! temporary directory or database that it lives in, or `()`. A factory that needs a server which
//! is not to be had may give [nothing](NewStore). The tests run on tokio, so the crate that holds
//! them depends on it with `macros` and `rt-multi-thread`.
//!
//! Without tests of their own, all cases can be run in one go:
//!
//! ```
//! # #[tokio::main] async fn main() {
//! use ringyo_store::{MemoryStore, conformance};
//!
//! conformance::run_all(async || (MemoryStore::new(), ())).await;
//! # }
//! ```
//!
//! # Vocabulary
//!
//! * **case**: one promise and the calls that try to break it ([`Case`]). A case panics, with what
//!   it expected and what it got, when the promise is broken.
//! * **racing**: calls released at one moment from tasks of their own. The races of the suite run
//!   on any tokio runtime but only bite on one with several threads.
//!
//! # Contents
//!
//! [`CASES`] lists all cases with what each is about · [`conformance_tests!`](crate::conformance_tests)
//! makes tests of them · [`run_all`] and [`run_one`] run them · `model`, with the feature of that
//! name, compares a store with a plain model of the contract, under series of calls that are drawn.

mod accounts;
mod events;
mod feed;
mod fixture;
mod follower;
mod keys;
mod lists;
mod maximum;
#[cfg(feature = "model")]
pub mod model;
mod races;
mod record_fixture;
mod replace;
mod revoked;
mod usage;
mod wallet_races;
mod wallets;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::Store;

type Run = fn(Arc<dyn Store>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// One promise of a store, and the calls that try to break it.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it is called: the name of its test as well.
    pub name: &'static str,
    /// What must hold, in one sentence.
    pub about: &'static str,
    run: Run,
}

impl Case {
    /// The case of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }

    /// How long a case may take; on any healthy store it is a matter of seconds.
    pub const LIMIT: Duration = Duration::from_mins(5);

    /// Runs it on a store that is empty and that nobody else uses, within a tokio runtime that
    /// has its timer enabled.
    ///
    /// # Panics
    ///
    /// When the store breaks the promise, or after [`LIMIT`](Self::LIMIT).
    pub async fn run(&self, store: Arc<dyn Store>) {
        let limited = tokio::time::timeout(Self::LIMIT, (self.run)(store));
        assert!(
            limited.await.is_ok(),
            "`{}` has not ended within {:?}",
            self.name,
            Self::LIMIT
        );
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

/// What a factory gives: an empty store and a guard that is dropped after it, or, as an `Option`,
/// nothing. Nothing is for a store whose server is not to be had where the tests run: there is
/// nothing to test then, and the factory must have said so where somebody sees it.
pub trait NewStore {
    /// The store.
    type Store: Store + 'static;

    /// What must live as long as it does.
    type Guard;

    /// Both.
    fn into_parts(self) -> Option<(Self::Store, Self::Guard)>;
}

impl<S: Store + 'static, G> NewStore for (S, G) {
    type Store = S;
    type Guard = G;

    fn into_parts(self) -> Option<(S, G)> {
        Some(self)
    }
}

impl<S: Store + 'static, G> NewStore for Option<(S, G)> {
    type Store = S;
    type Guard = G;

    fn into_parts(self) -> Self {
        self
    }
}

/// Runs every case, each on a store of its own, to the last even if one fails.
///
/// # Panics
///
/// When a case failed; the message names all that did.
pub async fn run_all<N: NewStore>(new_store: impl AsyncFn() -> N) {
    let mut failed = Vec::new();
    for case in CASES {
        let Some((store, guard)) = new_store().await.into_parts() else {
            return;
        };
        let run = tokio::spawn(case.run(Arc::new(store)));
        if run.await.is_err() {
            failed.push(case.name);
        }
        drop(guard);
    }
    assert!(
        failed.is_empty(),
        "the store fails {} of {} cases: {}",
        failed.len(),
        CASES.len(),
        failed.join(", ")
    );
}

/// Runs the case of that name on the store that the factory gives; what the tests of
/// [`conformance_tests!`](crate::conformance_tests) do.
///
/// # Panics
///
/// When the store breaks the promise, or when no case has that name.
pub async fn run_one<N: NewStore>(name: &str, new_store: impl AsyncFnOnce() -> N) {
    let Some(case) = Case::find(name) else {
        panic!("no case is called `{name}`");
    };
    let Some((store, guard)) = new_store().await.into_parts() else {
        return;
    };
    case.run(Arc::new(store)).await;
    drop(guard);
}

/// Makes the list of cases and the macro that makes tests of them, so that neither can lack one.
macro_rules! cases {
    ($d:tt $($noun:ident { $($name:ident: $about:literal,)+ })+) => {
        /// Every case, by subject.
        pub const CASES: &[Case] = &[
            $($(
                Case {
                    name: stringify!($name),
                    about: $about,
                    run: |store| Box::pin($noun::$name(store)),
                },
            )+)+
        ];

        /// Makes a test of every [case](crate::conformance::CASES), named after it.
        ///
        /// Takes a factory: an `async fn() -> (store, guard)` that gives a fresh, empty store,
        /// and whatever must live as long as it does. The tests run on tokio with several
        /// threads. See [`conformance`](crate::conformance).
        #[macro_export]
        macro_rules! conformance_tests {
            ($d new_store:expr $d(,)?) => {
                $($(
                    #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
                    async fn $name() {
                        $crate::conformance::run_one(stringify!($name), $d new_store).await;
                    }
                )+)+
            };
        }
    };
}

cases! { $
    keys {
        key_insert_keeps_every_field: "a record comes back as it was inserted, whichever way it is read",
        key_insert_keeps_every_combination: "what is absent stays absent and what is present stays present, in every combination",
        key_insert_needs_an_account: "a key cannot belong to an account that does not exist",
        key_insert_takes_an_id_once: "an id that was ever used is refused, and the refused insert changes nothing",
        key_unknown_id_is_not_found: "reading an unknown id gives nothing, writing to it fails",
        key_ids_keep_their_case: "ids that differ in case only are different keys",
        key_update_keeps_every_field: "every field that may change is written, and read back as written",
        key_update_leaves_fixed_fields: "fields that never change stay as they were inserted",
        key_update_needs_the_current_revision: "a write that did not read the newest revision is refused",
        key_load_brings_the_account: "loading a key gives its account as it is now",
        key_count_by_pepper: "keys that are active or disabled are counted by pepper",
    }
    revoked {
        revoked_key_takes_no_write: "a revoked key cannot be written, whatever revision and status the write carries",
        revoked_key_keeps_its_id: "the id of a revoked key cannot be inserted again",
        revoked_key_survives_racing_writes: "once a revoke has returned, no racing write brings the key back",
    }
    usage {
        used_times_move_forward: "an older time of use never replaces a newer one",
        used_times_pass_over_unknown_ids: "unknown ids among the used keys disturb nothing",
        used_times_are_no_change: "noting a use makes no revision, no event and no entry in the feed",
        used_times_stand_apart: "inserting and updating a record leave its time of use alone",
        used_times_race_to_the_latest: "of racing uses the latest stays",
    }
    maximum {
        maximum_counts_current_keys: "active and disabled keys count towards the maximum, others do not",
        maximum_holds_under_parallel_inserts: "64 inserts at once leave exactly the maximum",
        maximum_leaves_one_more_for_a_successor: "a successor may be one key more than the maximum",
    }
    replace {
        replace_writes_both_keys: "the old key is changed and the new one added, each with its event",
        replace_refused_changes_nothing: "a refused replacement leaves both keys and the events alone",
        replace_racing_has_one_winner: "of 32 replacements at once one wins, and there is one new key",
    }
    races {
        race_for_one_id_has_one_winner: "of 32 inserts of one id at once one wins",
        race_of_writers_loses_no_update: "64 writers on one record lose no update",
        race_of_writers_on_an_account_loses_no_update: "32 writers on one account lose no update",
        race_of_readers_sees_finished_writes: "a reading that starts after a write has returned sees it, beside other writers",
        race_of_loads_sees_single_moments: "a key is loaded with its account as both were at one moment",
        race_with_dropped_futures_tears_nothing: "a call that is given up happened whole or not at all",
    }
    lists {
        list_is_newest_first: "keys are listed by time of creation, then id, both falling",
        list_pages_are_stable_under_inserts: "paging shows every key that was there once, whatever is inserted meanwhile",
        list_ends_at_the_last_page: "the last page says so, also when it is full",
        list_filters_by_state: "the active list shows what may be used at its moment, the full list everything",
        list_filters_by_mode_and_account: "a list of one mode or one account holds no other",
        list_name_filter_is_literal: "names are searched for text, never for a pattern, ASCII letters in either case",
    }
    accounts {
        account_keeps_every_field: "an account comes back as it was inserted and as it was updated",
        account_id_is_taken_once: "a second account of one id is refused",
        account_unknown_id_is_not_found: "reading an unknown account gives nothing, writing to it fails",
        account_ids_keep_their_case: "account ids that differ in case only are different accounts",
        account_update_needs_the_current_revision: "a write that did not read the newest revision is refused",
        account_list_goes_by_id: "accounts are listed in byte order of their ids, from a place on, up to a limit",
    }
    wallets {
        wallet_starts_empty: "a new account has no credits, an unknown one no wallet",
        wallet_grants_and_charges: "receipts and balances say what was granted and charged",
        wallet_operation_is_done_once: "the same operation asked for again changes nothing and says so",
        wallet_operation_id_means_one_thing: "an operation id with other content is a conflict",
        wallet_operation_ids_belong_to_an_account: "two accounts may use one operation id, and case tells ids apart",
        wallet_reserved_debit_is_settled_once: "a held debit is committed or refunded, once, and not both",
        wallet_settles_debits_only: "what is not a held debit cannot be settled",
        wallet_insufficient_debit_notes_nothing: "a debit that cannot be paid leaves its id free",
        wallet_balance_has_a_ceiling: "a balance above 2^63 - 1 is refused",
    }
    wallet_races {
        wallet_spenders_never_overdraw: "200 spenders at once spend what is there and no more",
        wallet_racing_replays_charge_once: "50 calls of one operation at once charge once",
        wallet_racing_settlements_agree: "of a commit and a refund at once one wins, and the balance agrees",
    }
    events {
        event_keeps_every_field: "events come back as they were handed over, newest first",
        event_of_every_change: "each change leaves exactly its event, under the revision of what it changed",
        event_of_no_refused_change: "a refused change leaves no event",
        event_pages_and_filters: "events are paged by revision and filtered by account and key",
    }
    feed {
        feed_starts_at_now: "without a cursor the feed gives the cursor of now and nothing else",
        feed_shows_every_change: "every change of a key or account is behind the cursor taken before it",
        feed_leaves_out_use_and_credits: "times of use and wallets are no changes",
        feed_forgets_everything_for_a_foreign_cursor: "a cursor that the store did not give means everything",
        feed_wakes_for_a_change: "waiting returns at once when behind, soon after a change, and not without one",
        feed_store_is_ready: "a store that works says that it is ready",
    }
    follower {
        feed_skips_nothing_under_writers: "a follower sees every change that was committed before it asked",
    }
}
