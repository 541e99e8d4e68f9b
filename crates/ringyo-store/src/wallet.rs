use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ringyo_key::KeyId;

use crate::{AccountId, StoreError, StoreErrorKind, Timestamp};

/// A number of credits, 0 to 2⁶³ − 1. What one is worth is the service's business.
pub type Credits = u64;

/// The name of one change to a wallet, chosen by whoever asks for it: 1–200 printable ASCII
/// characters. The same name asked for again is the same change, done once.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(Arc<str>);

impl OperationId {
    /// The most characters a name has.
    pub const MAX_LEN: usize = 200;

    /// Checks and keeps a name.
    ///
    /// # Errors
    ///
    /// [`OperationIdError`] when the length or a character is outside the rule.
    pub fn new(text: impl AsRef<str>) -> Result<Self, OperationIdError> {
        let text = text.as_ref();
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.is_empty() || text.len() > Self::MAX_LEN || !printable {
            return Err(OperationIdError);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not an [`OperationId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an operation id is 1 to 200 printable ASCII characters")]
pub struct OperationIdError;

impl FromStr for OperationId {
    type Err = OperationIdError;
    fn from_str(text: &str) -> Result<Self, OperationIdError> {
        Self::new(text)
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperationId({})", self.0)
    }
}

/// A debit that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDebit {
    /// Whose wallet.
    pub account: AccountId,
    /// Its name.
    pub operation: OperationId,
    /// How many credits.
    pub amount: Credits,
    /// The key that spends them.
    pub key: KeyId,
    /// When.
    pub at: Timestamp,
    /// Held until it is settled, or spent at once.
    pub settlement: Settlement,
}

/// What a debit becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// Taken off the balance, but may still be given back.
    Reserve,
    /// Spent.
    Commit,
    /// Given back.
    Refund,
}

/// An entry of a wallet's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletOperation {
    /// Whose wallet.
    pub account: AccountId,
    /// Its name, once in an account.
    pub id: OperationId,
    /// Credits in or out.
    pub kind: OperationKind,
    /// How many.
    pub amount: Credits,
    /// What became of it.
    pub state: OperationState,
    /// The key that spent them.
    pub key: Option<KeyId>,
    /// When it was first asked for.
    pub at: Timestamp,
}

impl NewDebit {
    /// The ledger entry that is asked for.
    ///
    /// # Errors
    ///
    /// `Conflict` for a debit that would begin as refunded.
    pub fn to_operation(&self) -> Result<WalletOperation, StoreError> {
        if self.settlement == Settlement::Refund {
            return Err(conflict("a new debit is reserved or committed"));
        }
        Ok(WalletOperation {
            account: self.account.clone(),
            id: self.operation.clone(),
            kind: OperationKind::Debit,
            amount: self.amount,
            state: self.settlement.into(),
            key: Some(self.key),
            at: self.at,
        })
    }
}

/// The rules of the ledger, the same in every store.
impl WalletOperation {
    /// The ledger entry of a grant.
    #[must_use]
    pub const fn grant(
        account: AccountId,
        id: OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Self {
        Self {
            account,
            id,
            kind: OperationKind::Grant,
            amount,
            state: OperationState::Committed,
            key: None,
            at,
        }
    }

    /// The balance once this entry, which is new, is in the ledger.
    ///
    /// # Errors
    ///
    /// `InsufficientCredits`; `Conflict` above 2⁶³ − 1.
    pub fn balance_after(&self, before: Credits) -> Result<Credits, StoreError> {
        match self.kind {
            OperationKind::Grant => raised(before, self.amount),
            OperationKind::Debit => before.checked_sub(self.amount).ok_or(StoreError::new(
                StoreErrorKind::InsufficientCredits,
                "the balance is smaller than the amount",
            )),
        }
    }

    /// The answer when this entry is in the ledger and `asked` comes under the same id.
    ///
    /// # Errors
    ///
    /// `Conflict` if what is asked for is something else.
    pub fn replayed(self, asked: &Self, balance: Credits) -> Result<WalletReceipt, StoreError> {
        if (self.kind, self.amount) != (asked.kind, asked.amount) {
            return Err(conflict(
                "the operation id has been used for something else",
            ));
        }
        Ok(self.receipt(balance, Outcome::Replayed))
    }

    /// The answer when this debit is settled; to be written if it is
    /// [`Done`](Outcome::Done).
    ///
    /// # Errors
    ///
    /// `Conflict` for [`Settlement::Reserve`], if it has been settled the other way, or if the
    /// refund would raise the balance above 2⁶³ − 1.
    pub fn settled(
        self,
        settlement: Settlement,
        balance: Credits,
    ) -> Result<WalletReceipt, StoreError> {
        let state = OperationState::from(settlement);
        match self.state {
            _ if settlement == Settlement::Reserve => {
                Err(conflict("a held debit is committed or refunded"))
            }
            OperationState::Reserved => {
                let balance = match settlement {
                    // What was taken may have been granted again since.
                    Settlement::Refund => raised(balance, self.amount)?,
                    Settlement::Commit | Settlement::Reserve => balance,
                };
                Ok(Self { state, ..self }.receipt(balance, Outcome::Done))
            }
            settled if settled == state => Ok(self.receipt(balance, Outcome::Replayed)),
            _ => Err(conflict("the debit has been settled the other way")),
        }
    }

    /// The answer about this entry.
    #[must_use]
    pub const fn receipt(self, balance: Credits, outcome: Outcome) -> WalletReceipt {
        WalletReceipt {
            operation: self,
            balance,
            outcome,
        }
    }
}

const MAX_BALANCE: Credits = i64::MAX as Credits;

fn raised(balance: Credits, amount: Credits) -> Result<Credits, StoreError> {
    balance
        .checked_add(amount)
        .filter(|&balance| balance <= MAX_BALANCE)
        .ok_or(conflict("the balance would be too large"))
}

const fn conflict(context: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, context)
}

/// Whether credits come or go. Stored as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// Put into the wallet.
    Grant,
    /// Taken out of it.
    Debit,
}

impl OperationKind {
    /// `grant` or `debit`, frozen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Debit => "debit",
        }
    }
}

/// What became of an operation. Stored as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// A debit that is held: off the balance, not yet spent.
    Reserved,
    /// Done for good.
    Committed,
    /// A debit that was given back.
    Refunded,
}

impl OperationState {
    /// `reserved`, `committed` or `refunded`, frozen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Committed => "committed",
            Self::Refunded => "refunded",
        }
    }
}

impl From<Settlement> for OperationState {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Reserve => Self::Reserved,
            Settlement::Commit => Self::Committed,
            Settlement::Refund => Self::Refunded,
        }
    }
}

/// The answer to a change of a wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletReceipt {
    /// The ledger entry as it stands now.
    pub operation: WalletOperation,
    /// The balance after it.
    pub balance: Credits,
    /// Whether this call did it.
    pub outcome: Outcome,
}

/// Whether a call changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// This call did it.
    Done,
    /// It had been done before; nothing changed.
    Replayed,
}
