//! What an empty store gets, so that there is something to try.

use ringyo::{AccountId, Accounts, ApiKey, ManageError, NewKey, OperationId, Ringyo};
use serde::{Deserialize, Serialize};

use crate::api::PhoneNumber;
use crate::documents::{Document, Documents};
use crate::service::StartError;

struct Seed {
    account: &'static str,
    plan: &'static str,
    credits: u64,
    phone_numbers: [&'static str; 2],
}

const SEEDS: [Seed; 3] = [
    Seed {
        account: "acct_pro",
        plan: "pro",
        credits: 100,
        phone_numbers: ["+14155550101", "+14155550102"],
    },
    Seed {
        account: "acct_agency",
        plan: "agency",
        credits: 1_000,
        phone_numbers: ["+14155550111", "+14155550112"],
    },
    Seed {
        account: "acct_starter",
        plan: "starter",
        credits: 100,
        phone_numbers: ["+14155550121", "+14155550122"],
    },
];

/// Brings accounts, credits, phone numbers and one test key into a store that has nothing else;
/// answers the key if it is to be shown. Every step is done once however often this is called, so
/// that a start that was cut short is finished by the next; the key, which nobody could see again,
/// is made anew until [`note_shown`] says that it has been shown.
pub(crate) async fn plant(
    ringyo: &Ringyo,
    documents: &Documents,
) -> Result<Option<ApiKey>, StartError> {
    let accounts = ringyo.accounts();
    if !is_ours(&accounts).await? {
        tracing::info!("the store has accounts of its own, so it gets none of the demo's");
        return Ok(None);
    }
    for seed in &SEEDS {
        match accounts.create(seed.account, seed.plan).await {
            Ok(_) | Err(ManageError::AlreadyExists) => {}
            Err(error) => return Err(error.into()),
        }
        let id = AccountId::new(seed.account)?;
        let operation = OperationId::new("demo:opening-balance")?;
        ringyo.wallet().grant(&id, seed.credits, &operation).await?;
        let numbers = seed.phone_numbers.map(PhoneNumber::new);
        documents.insert_unless_any(&id, numbers.into()).await?;
    }
    first_key(ringyo, documents, SEEDS[0].account).await
}

async fn is_ours(accounts: &Accounts) -> Result<bool, StartError> {
    let found = accounts.list(None, SEEDS.len() + 1).await?;
    let is_seed = |id: &AccountId| SEEDS.iter().any(|seed| seed.account == id.as_str());
    Ok(found.iter().all(|account| is_seed(&account.id)))
}

/// That the first key has been shown.
#[derive(Debug, Serialize, Deserialize)]
struct Shown;

const SHOWN: &str = "first_key_shown";

impl Document for Shown {
    const KIND: &'static str = "note";
    fn id(&self) -> &str {
        SHOWN
    }
}

pub(crate) async fn note_shown(documents: &Documents) -> Result<(), StartError> {
    let account = AccountId::new(SEEDS[0].account)?;
    documents.insert(&account, Shown).await?;
    Ok(())
}

async fn first_key(
    ringyo: &Ringyo,
    documents: &Documents,
    account: &str,
) -> Result<Option<ApiKey>, StartError> {
    let keys = ringyo.keys();
    let owner = AccountId::new(account)?;
    if documents.find::<Shown>(&owner, SHOWN).await?.is_some() {
        return Ok(None);
    }
    let new = NewKey::test(account, "First key")
        .description("Made by the demo when it was started for the first time.")
        .scopes(["agents:read", "calls"]);
    Ok(Some(keys.issue(new).await?.key))
}
