//! Commands about accounts.

use std::process;

use ringyo::{AccountId, OperationId, WalletError};
use serde::Serialize;

use crate::cli::AccountCommand;
use crate::failure::Failure;
use crate::output::{List, Output};
use crate::place::{IfMissing, Peppers, Place, Session};
use crate::preset;
use crate::view::AccountView;

/// Accounts that are read at a time.
const PAGE: usize = 1_000;

/// More than that no store keeps.
const MAX_BALANCE: u64 = (1 << 63) - 1;

pub(crate) async fn run(
    command: AccountCommand,
    place: &Place,
    output: Output,
) -> Result<(), Failure> {
    let if_missing = match command {
        AccountCommand::Create { .. } => IfMissing::Create,
        _ => IfMissing::Refuse,
    };
    if let AccountCommand::Create { plan, .. } = &command
        && !preset().plans.contains(plan)
    {
        // Before a store is made for nothing.
        return Err(Failure::no_plan(plan));
    }
    let session = place.open_or(Peppers::NotNeeded, if_missing).await?;
    let done = perform(command, &session, output).await;
    let closed = session.close().await;
    done.and(closed)
}

async fn perform(
    command: AccountCommand,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    match command {
        AccountCommand::Create { account, plan } => {
            let accounts = session.accounts_to_change()?;
            let view = AccountView::of(accounts.create(account.as_str(), &plan).await?);
            output.answer(&view, || view.sentence())
        }
        AccountCommand::List => {
            let mut list = List::new(output, &AccountView::HEAD);
            let mut after: Option<AccountId> = None;
            loop {
                let page = session.accounts().list(after.as_ref(), PAGE).await?;
                let is_last = page.len() < PAGE;
                after = page.last().map(|account| account.id.clone());
                let views: Vec<AccountView> = page.into_iter().map(AccountView::of).collect();
                list.add(&views, |view| view.cells(session.now()))?;
                if is_last {
                    return list.end("there is no account");
                }
            }
        }
        AccountCommand::SetPlan { account, plan } => {
            let set = session
                .accounts_to_change()?
                .set_plan(&account, &plan)
                .await;
            let set = set.map_err(|error| Failure::about_account(&account, error))?;
            let view = AccountView::of(set);
            output.answer(&view, || view.sentence())
        }
        AccountCommand::Credits {
            account,
            add,
            operation,
        } => credits(account, add, operation, session, output).await,
    }
}

async fn credits(
    account: AccountId,
    add: Option<u64>,
    operation: Option<OperationId>,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Credits {
        account: AccountId,
        credits: u64,
    }

    let wallet = session.ringyo.wallet();
    let credits = match add {
        None => wallet.balance(&account).await,
        Some(amount) => {
            let operation = match operation {
                Some(operation) => operation,
                None => own_operation(session)?,
            };
            match wallet.grant(&account, amount, &operation).await {
                Ok(_) => {}
                Err(error @ WalletError::Unavailable(_)) => {
                    return Err(return_to(operation.as_str(), error.into()));
                }
                Err(WalletError::Conflict) => {
                    return Err(about_conflict(&account, amount, session).await?);
                }
                Err(error) => return Err(about_wallet(&account, error)),
            }
            wallet.balance(&account).await
        }
    };
    let credits = credits.map_err(|error| about_wallet(&account, error))?;
    let answer = Credits { account, credits };
    output.answer(&answer, || {
        format!("{} has {} credits", answer.account, answer.credits)
    })
}

/// A name that no other addition has.
fn own_operation(session: &Session) -> Result<OperationId, Failure> {
    let (now, process) = (session.now(), process::id());
    OperationId::new(format!("ringyoctl:{now}:{process}"))
        .map_err(|error| Failure::because("no name for the addition", &error))
}

fn return_to(operation: &str, failure: Failure) -> Failure {
    failure.advice(format!(
        "whether they were added is not known; the same command with --operation '{operation}' \
         adds them once"
    ))
}

/// Which of the two it is: the operation is another's, or the balance would be too large.
async fn about_conflict(
    account: &AccountId,
    amount: u64,
    session: &Session,
) -> Result<Failure, Failure> {
    let balance = session.ringyo.wallet().balance(account).await;
    let balance = balance.map_err(|error| about_wallet(account, error))?;
    Ok(if amount > MAX_BALANCE.saturating_sub(balance) {
        Failure::refused(format!(
            "{account} has {balance} credits, and no account can have more than {MAX_BALANCE}"
        ))
    } else {
        WalletError::Conflict.into()
    })
}

fn about_wallet(account: &AccountId, error: WalletError) -> Failure {
    match error {
        WalletError::NotFound => Failure::no_account(account),
        other => other.into(),
    }
}
