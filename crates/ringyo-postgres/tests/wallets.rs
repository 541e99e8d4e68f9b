//! Credits under many spenders, on several nodes, with sessions that end in between; and what it
//! is worth that changes of one wallet go together.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fixture::{Place, account_id, at, insert_account, key_id, operation_id, patient, value};
use ringyo_postgres::PostgresStore;
use ringyo_store::{
    Credits, NewDebit, Outcome, Settlement, StoreError, StoreErrorKind, WalletReceipt, WalletStore,
};
use tokio_postgres::Client;
use xtask::servers::{PostgresOptions, for_tests};

fn debit(operation: &str, amount: Credits) -> NewDebit {
    NewDebit {
        account: account_id(),
        operation: operation_id(operation),
        amount,
        key: key_id(1),
        at: at(2),
        settlement: Settlement::Commit,
    }
}

async fn grant(store: &PostgresStore, operation: &str, amount: Credits) {
    let (account, operation) = (account_id(), operation_id(operation));
    store
        .grant(&account, &operation, amount, at(1))
        .await
        .unwrap();
}

async fn spend(store: PostgresStore, operation: String) -> Result<WalletReceipt, StoreError> {
    store.debit(&debit(&operation, 1)).await
}

/// What the wallet's row says, and what its ledger adds up to.
async fn books(client: &Client) -> (String, String) {
    let ledger = "SELECT coalesce(sum(CASE WHEN kind = 'grant' THEN amount
                                           WHEN state = 'refunded' THEN 0 ELSE -amount END), 0)
                  FROM wallet_operations WHERE account = 'acct_1'";
    let balance = "SELECT balance FROM wallets WHERE account = 'acct_1'";
    (value(client, balance).await, value(client, ledger).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn spenders_on_three_nodes_spend_what_is_there_and_no_more() {
    const SPENDERS: usize = 200;
    let Some(place) = Place::new() else { return };
    let nodes = [place.open().await, place.open().await, place.open().await];
    insert_account(&nodes[0]).await;
    let client = place.by_hand().await;
    for (round, credits) in [0u64, 1, 57, 137, 199, 200, 201]
        .into_iter()
        .cycle()
        .take(30)
        .enumerate()
    {
        grant(&nodes[round % 3], &format!("grant {round}"), credits).await;
        let spenders: Vec<_> = (0..SPENDERS)
            .map(|spender| {
                let node = nodes[spender % 3].clone();
                tokio::spawn(spend(node, format!("{round} {spender}")))
            })
            .collect();
        let mut balances = Vec::new();
        for spender in spenders {
            match spender.await.unwrap() {
                Ok(receipt) => {
                    assert_eq!(receipt.outcome, Outcome::Done);
                    balances.push(receipt.balance);
                }
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::InsufficientCredits),
            }
        }
        let spent = credits.min(SPENDERS as u64);
        assert_eq!(balances.len() as u64, spent, "of {credits} credits");
        balances.sort_unstable();
        let each: Vec<u64> = (credits - spent..credits).collect();
        assert_eq!(balances, each, "each charge has a balance of its own");
        let (balance, ledger) = books(&client).await;
        assert_eq!(balance, ledger, "round {round}");
        assert_eq!(balance, (credits - spent).to_string());
        if credits > spent {
            nodes[0]
                .debit(&debit(&format!("rest {round}"), credits - spent))
                .await
                .unwrap();
        }
    }
    // The control: the comparison notices a credit from nowhere.
    client
        .batch_execute("UPDATE wallets SET balance = balance + 1")
        .await
        .unwrap();
    let (balance, ledger) = books(&client).await;
    assert_ne!(balance, ledger);
}

/// In one line wait those that can be paid, those that cannot, repetitions of each, and those
/// whose id means something else.
#[tokio::test(flavor = "multi_thread")]
async fn each_caller_in_line_gets_the_answer_to_its_own_operation() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    grant(&store, "start", 10).await;
    store.debit(&debit("known", 3)).await.unwrap();
    // While the row is held everybody comes into line behind the first.
    let client = place.by_hand().await;
    client
        .batch_execute("BEGIN; SELECT FROM wallets FOR UPDATE")
        .await
        .unwrap();
    let mut line = Vec::new();
    let mut join = async |operation: &str, amount: Credits| {
        let (store, debit) = (store.clone(), debit(operation, amount));
        line.push(tokio::spawn(async move { store.debit(&debit).await }));
        // One after the other, so that the order is known.
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    for (operation, amount) in [
        ("first", 1),
        ("a", 2),
        ("known", 3),
        ("known", 4),
        ("too much", 100),
        ("b", 1),
        ("a", 2),
        ("a", 1),
        ("c", u64::MAX),
        ("d", 3),
        ("e", 1),
    ] {
        join(operation, amount).await;
    }
    client.batch_execute("COMMIT").await.unwrap();
    let mut answers = Vec::new();
    for caller in line {
        answers.push(match caller.await.unwrap() {
            Ok(receipt) => format!("{:?} {}", receipt.outcome, receipt.balance),
            Err(error) => format!("{:?}", error.kind()),
        });
    }
    // 7 are left; the second "a" waits for the answer to the first, and so do all behind it.
    assert_eq!(
        answers,
        [
            "Done 6",
            "Done 4",
            "Replayed 4",
            "Conflict",
            "InsufficientCredits",
            "Done 3",
            "Replayed 3",
            "Conflict",
            "InsufficientCredits",
            "Done 0",
            "InsufficientCredits",
        ]
    );
    let (balance, ledger) = books(&client).await;
    assert_eq!((balance.as_str(), ledger.as_str()), ("0", "0"));
}

/// More than go in one call.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_line_is_served_to_its_end() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    grant(&store, "start", 1_500).await;
    let client = place.by_hand().await;
    client
        .batch_execute("BEGIN; SELECT FROM wallets FOR UPDATE")
        .await
        .unwrap();
    let callers: Vec<_> = (0..1_700)
        .map(|caller| tokio::spawn(spend(store.clone(), format!("{caller}"))))
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    client.batch_execute("COMMIT").await.unwrap();
    let mut done = 0;
    for caller in callers {
        match caller.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::InsufficientCredits),
        }
    }
    assert_eq!(done, 1_500);
    let (balance, ledger) = books(&client).await;
    assert_eq!((balance.as_str(), ledger.as_str()), ("0", "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_go_away_tear_nothing_from_the_others() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    grant(&store, "start", 10_000).await;
    let client = place.by_hand().await;
    let mut done = 0;
    for round in 0..20 {
        let callers: Vec<_> = (0..60)
            .map(|caller| tokio::spawn(spend(store.clone(), format!("{round} {caller}"))))
            .collect();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        for (place, caller) in callers.into_iter().enumerate() {
            if place % 3 == 0 {
                caller.abort();
                continue;
            }
            caller.await.unwrap().unwrap();
            done += 1;
        }
    }
    assert_eq!(done, 20 * 40, "whoever stayed was answered");
    let (balance, ledger) = books(&client).await;
    assert_eq!(balance, ledger);
    let left: usize = balance.parse().unwrap();
    assert!(
        (10_000 - 20 * 60..=10_000 - done).contains(&left),
        "{left} left"
    );
}

/// Sessions end in the middle of whatever they are doing. An answer that was given holds; one that
/// was not is unknown; and no credit comes from nowhere or goes nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_in_the_middle_create_no_credit() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    grant(&store, "start", 1_000_000).await;
    let client = place.by_hand().await;
    let going = Arc::new(AtomicBool::new(true));
    let spenders: Vec<_> = (0..32)
        .map(|spender| {
            let (store, going) = (store.clone(), going.clone());
            tokio::spawn(async move {
                let (mut done, mut unknown) = (Vec::new(), Vec::new());
                for number in 0.. {
                    if !going.load(Ordering::Relaxed) {
                        break;
                    }
                    let operation = format!("{spender} {number}");
                    match spend(store.clone(), operation.clone()).await {
                        Ok(_) => done.push(operation),
                        Err(error) => {
                            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
                            unknown.push(operation);
                        }
                    }
                }
                (done, unknown)
            })
        })
        .collect();
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE application_name = 'ringyo' AND datname = current_database()
                       AND state = 'active'";
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        client.batch_execute(terminate).await.unwrap();
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    going.store(false, Ordering::Relaxed);
    let (mut done, mut unknown) = (Vec::new(), Vec::new());
    for spender in spenders {
        let (more_done, more_unknown) = spender.await.unwrap();
        done.extend(more_done);
        unknown.extend(more_unknown);
    }
    assert!(!unknown.is_empty(), "no call was hit: nothing was tested");
    let (balance, ledger) = books(&client).await;
    assert_eq!(
        balance,
        ledger,
        "{} done, {} unknown",
        done.len(),
        unknown.len()
    );
    for operation in &done {
        let again = spend(store.clone(), operation.clone()).await.unwrap();
        assert_eq!(
            again.outcome,
            Outcome::Replayed,
            "{operation} was answered as done"
        );
    }
    // Asked for again, what is unknown becomes known, and is charged once.
    for operation in &unknown {
        spend(store.clone(), operation.clone()).await.unwrap();
    }
    let left = 1_000_000 - done.len() - unknown.len();
    assert_eq!(
        store.balance(&account_id()).await.unwrap(),
        Some(left as u64)
    );
}

/// So many callers, each with one operation after the other.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    callers: usize,
    operation: impl Fn(usize, usize) -> F + Send + Sync + Clone + 'static,
) -> f64 {
    let (start, count) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let until = start + Duration::from_secs(2);
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let (operation, count) = (operation.clone(), count.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while Instant::now() < until {
                    operation(caller, number).await;
                    number += 1;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// On a server that waits for its disk, as one that matters does.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_wallet_that_go_together_are_faster() {
    const CALLERS: usize = 32;
    let Some(server) = for_tests::postgres(PostgresOptions::new().fsync()) else {
        return;
    };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    grant(&store, "start", 1 << 40).await;
    // The same change, ledger included, by as many sessions as there are callers.
    let mut sessions = Vec::new();
    for _ in 0..CALLERS {
        let session = fixture::by_hand(&url).await;
        let statement = "SELECT outcome FROM wallet_begin('acct_1', ARRAY[$1], '{debit}', '{1}',
                             '{committed}', '{000000000001}', ARRAY[now()])";
        let statement = session.prepare(statement).await.unwrap();
        sessions.push((session, statement));
    }
    let sessions = Arc::new(sessions);
    let plain = rate(CALLERS, move |caller, number| {
        let sessions = sessions.clone();
        async move {
            let (session, statement) = &sessions[caller];
            let operation = format!("plain {caller} {number}");
            session.query_one(statement, &[&operation]).await.unwrap();
        }
    })
    .await;
    let together = {
        let store = store.clone();
        rate(CALLERS, move |caller, number| {
            let spending = spend(store.clone(), format!("together {caller} {number}"));
            async move { drop(spending.await.unwrap()) }
        })
        .await
    };
    println!(
        "{CALLERS} callers on one wallet: {plain:.0}/s one by one, {together:.0}/s together, \
         {:.1} times as many",
        together / plain
    );
    assert!(
        together > plain,
        "{together:.0}/s together, {plain:.0}/s one by one"
    );
    let client = fixture::by_hand(&url).await;
    let (balance, ledger) = books(&client).await;
    assert_eq!(balance, ledger);
}
