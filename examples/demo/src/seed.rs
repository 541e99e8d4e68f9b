//! What an empty store gets, so that there is something to try.

use ringyo::{
    AccountId, Accounts, ApiKey, KeyFilter, ListKeys, ManageError, NewKey, OperationId, PageSize,
    Ringyo,
};

use crate::api::PhoneNumber;
use crate::documents::Documents;
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
/// answers the key if it was made now. Every step is done once however often this is called, so
/// that a start that was cut short is finished by the next.
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
    first_key(ringyo, SEEDS[0].account).await
}

async fn is_ours(accounts: &Accounts) -> Result<bool, StartError> {
    let found = accounts.list(None, SEEDS.len() + 1).await?;
    let is_seed = |id: &AccountId| SEEDS.iter().any(|seed| seed.account == id.as_str());
    Ok(found.iter().all(|account| is_seed(&account.id)))
}

async fn first_key(ringyo: &Ringyo, account: &str) -> Result<Option<ApiKey>, StartError> {
    let keys = ringyo.keys();
    let any = ListKeys {
        account: Some(AccountId::new(account)?),
        filter: KeyFilter::All,
        size: PageSize::new(1).unwrap_or(PageSize::DEFAULT),
        ..ListKeys::default()
    };
    if !keys.list(any).await?.items.is_empty() {
        return Ok(None);
    }
    let new = NewKey::test(account, "First key")
        .description("Made by the demo when it was started for the first time.")
        .scopes(["agents:read", "calls"]);
    Ok(Some(keys.issue(new).await?.key))
}
