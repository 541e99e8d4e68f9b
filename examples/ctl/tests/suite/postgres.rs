//! The same commands on a PostgreSQL database.

use serde_json::Value;
use xtask::servers::{PostgresOptions, for_tests};

use crate::support::{Place, id_of};

#[test]
fn keys_in_a_database_are_managed_like_those_in_a_file() {
    let Some(database) = for_tests::database() else {
        return;
    };
    let place = Place::with_store(database.url());
    // Which peppers those nodes have that share it, nobody can guess.
    for words in ["pepper new", "pepper new --write", "mint"] {
        let told = place.run(words).failed(2);
        assert!(told.contains("has to be said"), "{told}");
    }
    let with_peppers = |words: &str| format!("{words} --pepper-file shared.peppers");
    place.run(&with_peppers("pepper new --write")).done();
    place.run("account create acct_1 --plan pro").done();
    let issue = with_peppers("issue --account acct_1 --name Server --scope agents:read");
    let key = place.run(&issue).done().trim_end().to_owned();
    let verify = || place.run_with(&with_peppers("verify"), &key);
    let told = verify().done();
    assert!(told.contains("Server on the plan pro: active"), "{told}");

    // To revoke one takes no pepper.
    let id = id_of(&key);
    place.run(&format!("revoke {id} --yes")).done();
    let refused = verify();
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("revoked"), "{refused:?}");
    let events = place.run(&format!("events {id} --json")).done();
    let events: Value = serde_json::from_str(&events).unwrap();
    let actors = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["actor"]);
    assert!(actors.eq(["operator:alice"; 2]), "{events}");

    // Keys in use keep their pepper.
    place.run(&issue).done();
    let told = place.run("pepper new --write --pepper-file other.peppers");
    let told = told.failed(1);
    assert!(told.contains("forged"), "{told}");
}

#[test]
fn the_password_of_a_database_is_not_shown() {
    // A server of its own: this one asks for a password.
    let Some(postgres) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let right = postgres.url("postgres");
    let (before, _) = right.rsplit_once('@').unwrap();
    let (_, password) = before.rsplit_once(':').unwrap();
    let wrong = right.replace(password, "hunter2");
    for (address, password, is_let_in) in [(&right, password, true), (&wrong, "hunter2", false)] {
        let place = Place::with_store(address);
        for words in ["list", "show 0a1B2c3D4e5F", "account list --json"] {
            let ran = place.run(words);
            assert!(!format!("{ran:?}").contains(password), "{words}");
            // The control: it did use it.
            let is_refused = ran.err.contains("the database could not be opened");
            assert_eq!(is_refused, !is_let_in, "{ran:?}");
        }
        assert!(!place.run("--help").done().contains(password));
    }
}
