//! Commands about accounts.

use std::process;

use ringyo::{AccountId, OperationId, WalletError};
use serde::Serialize;

use crate::cli::AccountCommand;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::{IfMissing, Peppers, Place, Session};
use crate::preset;
use crate::view::AccountView;

/// Accounts that are read at a time.
const PAGE: usize = 1_000;

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
        return Err(about_plan(Failure::refused(format!(
            "there is no plan {plan:?}"
        ))));
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
    let accounts = session.accounts();
    match command {
        AccountCommand::Create { account, plan } => {
            let made = accounts.create(&account, &plan).await;
            let view = AccountView::of(made.map_err(|error| about_plan(error.into()))?);
            output.answer(&view, || view.sentence())
        }
        AccountCommand::List => {
            let mut views = Vec::new();
            let mut after: Option<AccountId> = None;
            loop {
                let page = accounts.list(after.as_ref(), PAGE).await?;
                let is_last = page.len() < PAGE;
                after = page.last().map(|account| account.id.clone());
                views.extend(page.into_iter().map(AccountView::of));
                if is_last {
                    break;
                }
            }
            output.list(&views, "there is no account", |views| {
                AccountView::table(views, session.now())
            })
        }
        AccountCommand::SetPlan { account, plan } => {
            let set = accounts.set_plan(&account, &plan).await;
            let set = set.map_err(|error| about_plan(Failure::about_account(&account, error)))?;
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
            let granted = wallet.grant(&account, amount, &operation).await;
            granted.map_err(|error| match error {
                WalletError::Unavailable(_) => return_to(operation.as_str(), error.into()),
                other => about_wallet(&account, other),
            })?;
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

fn about_wallet(account: &AccountId, error: WalletError) -> Failure {
    match error {
        WalletError::NotFound => Failure::no_account(account),
        other => other.into(),
    }
}

fn about_plan(failure: Failure) -> Failure {
    let preset = preset();
    let mut plans: Vec<&str> = preset.plans.iter().map(|plan| plan.name.as_str()).collect();
    plans.sort_unstable();
    failure.advice_unless_any(format!("the plans are {}", plans.join(", ")))
}
