//! A store with one fault.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use ringyo_key::KeyId;
use ringyo_store::{
    Account, AccountId, KeyCursor, KeyFilter, KeyQuery, KeyRecord, KeyStore, MemoryStore,
    OperationId, PageSize, StoreErrorKind, Timestamp,
};

/// What is wrong with a [`Faulty`] store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    // Records.
    CutsDescriptions,
    DropsEmptyDescriptions,
    CutsMilliseconds,
    CutsHostBits,
    FillsBurst,
    FoldsKeyIds,
    MakesMissingAccounts,
    OverwritesOnInsert,
    InsertsOnUpdate,
    UpdateForgetsScopes,
    UpdateMovesAccounts,
    IgnoresRevisions,
    ReadsLagBehind,
    LoadsInTwoReads,
    CachesAccounts,
    CountsRevokedPeppers,
    // Revoking.
    ResurrectsRevoked,
    FreesRevokedIds,
    LooksBeforeItWrites,
    // Times of use.
    LastUseFallsBack,
    LastUseIsReadThenWritten,
    UseMakesUnknownKeys,
    UseIsARevision,
    UpdateWritesLastUse,
    // Maximum and replacement.
    CountsBeforeInserting,
    CountsActiveKeysOnly,
    CountsExpiredKeys,
    ReplaceAsksTheMaximum,
    ReplaceForgetsTheMaximum,
    ReplaceForgetsTheOldKey,
    ReplacesInTwoSteps,
    ReplaceAddsBeforeItChecks,
    // Lists.
    ListSkipsTies,
    ListRepeatsTies,
    ListGoesByOffset,
    ListEndsLate,
    ListIsLateByAMillisecond,
    ListForgetsMode,
    ListFoldsAccounts,
    NameIsAPattern,
    NameFoldsUnicode,
    NameKeepsCase,
    // Accounts.
    TrimsPlans,
    FoldsAccountIds,
    OverwritesAccounts,
    InsertsAccountsOnUpdate,
    IgnoresAccountRevisions,
    ListsAccountsByLetters,
    // Wallets.
    GivesACredit,
    ReceiptLags,
    ReadsThenWritesBalance,
    ChargesReplays,
    ChargesRacingReplays,
    TakesOtherContent,
    FoldsOperationIds,
    SettlesBothWays,
    RefundsSpentCredits,
    NotesUnpaidDebits,
    CapsTheBalance,
    // Events and feed.
    ForgetsEvents,
    ForgetsAddresses,
    LogsRefusals,
    RepeatsEventsOnPaging,
    FeedStartsAtTheBeginning,
    FeedLeavesOutAccounts,
    FeedLeavesOutOneOfMany,
    FeedCursorRunsAhead,
    FeedTellsUse,
    FeedTrustsAnyCursor,
    NeverWakes,
    AlwaysWakes,
    NeverReady,
}

/// A [`MemoryStore`] that hands every call on, but for its fault.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    fault: Option<Fault>,
    notes: Mutex<Notes>,
}

/// What faults remember.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Shown in place of the stored record.
    pub(crate) keys: HashMap<KeyId, KeyRecord>,
    pub(crate) used: HashMap<KeyId, Timestamp>,
    pub(crate) accounts: HashMap<AccountId, Account>,
    pub(crate) operations: HashSet<(AccountId, OperationId)>,
    pub(crate) offsets: HashMap<KeyId, usize>,
    pub(crate) counter: usize,
}

impl Faulty {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self {
            inner: MemoryStore::new(),
            fault,
            notes: Mutex::default(),
        }
    }

    pub(crate) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// A number that was not given before, for names behind the suite's back.
    pub(crate) fn fresh_number(&self) -> usize {
        let mut notes = self.notes();
        notes.counter += 1;
        notes.counter
    }

    /// All keys as they are stored.
    pub(crate) async fn all_keys(&self) -> Vec<KeyRecord> {
        let mut query = KeyQuery {
            filter: KeyFilter::All,
            size: PageSize::MAX,
            ..KeyQuery::active_at(Timestamp::MIN)
        };
        let mut keys = Vec::new();
        loop {
            let page = self.inner.list_keys(&query).await.unwrap();
            keys.extend(page.items);
            query.after = match page.next {
                None => return keys,
                next => next,
            };
        }
    }
}

/// Gives others the time to come between.
pub(crate) async fn gap() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

pub(crate) fn is_kind<T>(
    result: &Result<T, ringyo_store::StoreError>,
    expected: StoreErrorKind,
) -> bool {
    matches!(result, Err(error) if error.kind() == expected)
}

pub(crate) fn place(key: &KeyRecord) -> (Timestamp, KeyId) {
    let KeyCursor { created_at, id } = KeyCursor::behind(key);
    (created_at, id)
}
