//! Secrets stay where they belong, also when something goes wrong.

use std::process::Stdio;

use crate::support::{Place, Ran, id_of};

#[test]
fn a_key_in_the_arguments_is_refused_and_not_repeated() {
    let place = Place::new();
    let key = place.issue();
    // Most of a key is as good as all of it to whoever reads it.
    for secret in [
        &key[..],
        &key[..60],
        &format!("--name={key}"),
        &format!("Bearer {key}"),
    ] {
        for words in [
            vec!["verify"],
            vec!["revoke"],
            vec!["show"],
            vec!["rename", "a"],
            vec![],
        ] {
            let mut command = place.command();
            let ran: Ran = command.args(words).arg(secret).output().unwrap().into();
            let told = ran.failed(2);
            assert!(told.contains("an argument holds a whole key"), "{told}");
            assert!(!told.contains(&key[20..52]), "{told}");
        }
    }
    // What is shown of a key for good is none.
    let hint = place.show(id_of(&key))["hint"].as_str().unwrap().to_owned();
    let told = place.run(&format!("show {hint}")).failed(2);
    assert!(told.contains("a key id is 12 characters"), "{told}");
}

#[test]
fn what_is_wrong_is_not_repeated_where_it_may_be_a_secret() {
    let place = Place::new();
    let told = place.run("revoke hunter2hunter2 --yes").failed(2);
    assert!(!told.contains("hunter2"), "{told}");
    for (store, code, said) in [
        ("postgres://alice:hunter2@127.0.0.1:1/keys", 3, "refused"),
        ("postgres://alice:hunter2@127.0.0.1:port/keys", 3, "the URL"),
        ("postgres:alice:hunter2@db/keys", 2, "`postgres://…`"),
        ("mysql://alice:hunter2@db/keys", 2, "`postgres://…`"),
    ] {
        let mut command = place.command();
        let ran: Ran = command
            .env("RINGYO_STORE", store)
            .arg("list")
            .output()
            .unwrap()
            .into();
        let told = ran.failed(code);
        assert!(told.contains(said) && !told.contains("hunter2"), "{told}");
    }
    let mut help = place.command();
    let help = help
        .env("RINGYO_STORE", "postgres://alice:hunter2@db")
        .arg("--help");
    let help = String::from_utf8(help.output().unwrap().stdout).unwrap();
    assert!(
        help.contains("RINGYO_STORE") && !help.contains("hunter2"),
        "{help}"
    );
    let mut command = place.command();
    command.env("RINGYO_PEPPER", "1:hunter2").arg("mint");
    let told = Ran::from(command.output().unwrap()).failed(3);
    assert!(
        told.contains("pepper 1") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn a_key_is_nowhere_but_in_the_answer_that_makes_it() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    let secret = &key[20..52];
    for words in [
        "list",
        "list --json",
        &format!("show {id}"),
        &format!("events {id} --json"),
    ] {
        let ran = place.run(words);
        assert!(!format!("{ran:?}").contains(secret), "{ran:?}");
    }
    for words in ["verify", "verify --json"] {
        let ran = place.run_with(words, &key);
        assert_eq!(ran.code, 0);
        assert!(!format!("{ran:?}").contains(secret), "{ran:?}");
    }
    // The search finds it where it is.
    let made = place.run(&format!("regenerate {id} --yes --json"));
    let key = serde_json::from_str::<serde_json::Value>(&made.out).unwrap();
    let secret = &key["key"].as_str().unwrap()[20..52];
    assert!(format!("{made:?}").contains(secret));
    assert!(!made.err.contains(secret));
}

#[test]
fn a_key_that_could_not_be_shown_is_named() {
    let place = Place::new();
    let words = "issue --account acct_1 --name Lost --scope agents";
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ran = place
        .command()
        .args(words.split(' '))
        .stdout(full)
        .output()
        .unwrap();
    let ran = Ran::from(ran);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let list = place.run("list --json").done();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let id = list[0]["id"].as_str().unwrap();
    let told = format!(
        "key {id} was made, and could not be shown to anybody\nrevoke it: `ringyoctl revoke {id} --yes`\n"
    );
    assert!(ran.err.ends_with(&told), "{}", ran.err);
}

#[test]
fn a_reader_that_leaves_is_no_failure_unless_a_key_is_lost() {
    let place = Place::new();
    let into_nothing = |words: &str| {
        let mut command = place.command();
        command.args(words.split(' '));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Nobody will read.
        drop(child.stdout.take());
        Ran::from(child.wait_with_output().unwrap())
    };
    let ran = into_nothing("mint --count 20000");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let ran = into_nothing("issue --account acct_1 --name Lost --scope agents");
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("could not be shown"), "{}", ran.err);
}
