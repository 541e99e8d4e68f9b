//! The checks of the rounds notice what they are there for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rusqlite::Connection;

use crate::callers::{self, Caller};
use crate::managers::{self, Manager};
use crate::service::{Demo, Place, new_place};
use crate::{ACCOUNT, file, open_line, work_until_killed};

#[tokio::test]
async fn a_key_that_came_back_and_a_credit_that_went_are_noticed() {
    let mut rng = StdRng::seed_from_u64(1);
    let (_directory, path) = new_place();
    let (mut managers, mut callers) = ([Manager::new(0)], [Caller::new(0)]);
    let mut demo = Demo::start(Place::File(&path));
    let line = open_line(&demo).await;
    for left in (0..10).rev() {
        work_until_killed(
            &mut demo,
            Duration::from_secs(1),
            &line,
            &mut managers,
            &mut callers,
            &mut rng,
        )
        .await;
        demo = Demo::start(Place::File(&path));
        let visitor = demo.log_in(ACCOUNT).await;
        managers::check(&mut managers, &visitor, &demo, &mut rng).await;
        callers::check_ledger(&callers, &path, 1_000);
        callers[0].settle(&demo, &line).await;
        if managers[0].has_revoked() {
            break;
        }
        assert!(left > 0, "nobody revokes a key");
    }
    assert!(demo.stop().success());

    let database = Connection::open(&path).unwrap();
    file::drop_triggers(&database);
    let credit = "INSERT INTO wallet_operations (account, operation, kind, amount, state, at)
        VALUES ('acct_agency', 'stray', 'debit', 1, 'committed', '2026-01-02T03:04:05.678Z')";
    assert_eq!(database.execute(credit, []).unwrap(), 1);
    let ledger = || callers::check_ledger(&callers, &path, 1_000);
    assert!(
        catch_unwind(AssertUnwindSafe(ledger)).is_err(),
        "the balance does not fit the ledger"
    );
    let pay = "UPDATE wallets SET balance = balance - 1 WHERE account = ?1";
    assert_eq!(database.execute(pay, [ACCOUNT]).unwrap(), 1);
    assert!(
        catch_unwind(AssertUnwindSafe(ledger)).is_err(),
        "no call has that name"
    );

    let revive = "UPDATE keys SET status = 'active', revoked_at = NULL
        WHERE id = (SELECT id FROM keys WHERE status = 'revoked' LIMIT 1)";
    assert_eq!(database.execute(revive, []).unwrap(), 1);
    drop(database);
    let check = tokio::spawn(async move {
        let demo = Demo::start(Place::File(&path));
        let visitor = demo.log_in(ACCOUNT).await;
        managers::check(&mut managers, &visitor, &demo, &mut rng).await;
    });
    assert!(check.await.is_err(), "a revoked key is active");
}
