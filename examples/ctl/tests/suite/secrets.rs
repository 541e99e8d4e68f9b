//! Secrets stay where they belong, also when something goes wrong.

use std::process::{Command, Stdio};

use serde_json::Value;

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
    // What is shown of a key for good is no secret, and finds it.
    let id = id_of(&key);
    let shown = place.show(id);
    let hint = shown["hint"].as_str().unwrap();
    for name in [hint, &key[..20], &format!("rg_test_{id}")] {
        assert_eq!(place.show(name), shown);
    }
    for nonsense in ["rg_live_", "rg_live_…", "sk_live_0a1B2c3D4e5F", &key[..21]] {
        let told = place.run(&format!("show {nonsense}")).failed(2);
        assert!(told.contains("a key id is 12 characters"), "{told}");
    }
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
    let into_full = |words: &str| {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = place.command();
        command.args(words.split(' ')).stdout(full.unwrap());
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, 3, "{}", ran.err);
        let list: Value = serde_json::from_str(&place.run("list --json").done()).unwrap();
        let id = list[0]["id"].as_str().unwrap().to_owned();
        let lost = format!("key {id} was made, and could not be shown to anybody: No space left");
        assert!(ran.err.contains(&lost), "{}", ran.err);
        (id, ran.err)
    };
    for json in ["", " --json"] {
        let words = format!("issue --account acct_1 --name Lost --scope agents{json}");
        let (id, told) = into_full(&words);
        let advice = format!("\nrevoke it: `ringyoctl revoke {id} --yes`\n");
        assert!(told.ends_with(&advice), "{told}");
    }
    // Of one in place of another there is nothing else left.
    for overlap in ["--yes", "--overlap 24h"] {
        let key = place.issue();
        let (id, told) = into_full(&format!("regenerate {} {overlap}", id_of(&key)));
        let command = format!("regenerate {id} --yes");
        let advice = format!("\nmake another in its place: `ringyoctl {command}`\n");
        assert!(told.ends_with(&advice), "{told}");
        let next = place.run(&command).done();
        place.run_with("verify", &next).done();
    }
}

#[test]
fn a_key_is_not_made_where_nobody_could_read_it() {
    let place = Place::new();
    let key = place.issue();
    let before = place.run("list --all --json").done();
    let program = env!("CARGO_BIN_EXE_ringyoctl");
    let in_shell = |words: &str, out: &str| {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("{program} {words} {out}")])
            .current_dir(place.path())
            .env_clear()
            .env("USER", "alice")
            .env("RINGYO_STORE", "sqlite:keys.db");
        Ran::from(shell.output().unwrap())
    };
    let issue = "issue --account acct_1 --name Lost --scope agents";
    let regenerate = format!("regenerate {} --yes", id_of(&key));
    for words in [issue, &regenerate] {
        for out in [">&-", "> /dev/null"] {
            let told = in_shell(words, out).failed(2);
            assert!(told.contains("nobody could read it"), "{told}");
        }
    }
    assert_eq!(place.run("list --all --json").done(), before);
    // Of a file it is not said.
    in_shell(issue, "> new.key").done();
    let new = std::fs::read_to_string(place.path().join("new.key")).unwrap();
    place.run_with("verify", &new).done();
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
