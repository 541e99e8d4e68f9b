//! Peppers: made, rotated, counted; and keys that are minted under them alone.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::{Place, id_of};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn minted_keys_are_proven_under_the_pepper_file_and_known_to_nobody() {
    let place = Place::new();
    let minted = place.run("mint --count 500 --mode live").done();
    let keys: HashSet<&str> = minted.lines().collect();
    assert_eq!(keys.len(), 500);
    assert!(
        keys.iter()
            .all(|key| key.starts_with("rg_live_") && key.len() == 64)
    );
    let key = minted.lines().next().unwrap();
    let told = place.run_with("verify", key).failed(1);
    assert!(
        told.contains("minted under a pepper of this service, and there is no record"),
        "{told}"
    );
    // One that is known, under the same peppers.
    place.run_with("verify", &place.issue()).done();
    // Under other peppers they prove nothing.
    let others = Place::new();
    let peppers = others.path().join("keys.db.peppers");
    let words = format!("verify --pepper-file {}", peppers.display());
    let told = place.run_with(&words, key).failed(1);
    assert!(told.contains("not made under a pepper"), "{told}");
    // It needs no store.
    let beside = Place::empty();
    let peppers = place.path().join("keys.db.peppers");
    let words = format!("mint --count 2 --json --pepper-file {}", peppers.display());
    let minted = json(&beside.run(&words).done());
    assert_eq!(minted.as_array().unwrap().len(), 2);
    for item in minted.as_array().unwrap() {
        let key = item["key"].as_str().unwrap();
        assert_eq!(
            item,
            &json!({ "id": id_of(key), "mode": "test", "key": key })
        );
        assert!(
            place
                .run_with("verify", key)
                .failed(1)
                .contains("no record")
        );
    }
    assert_eq!(json(&place.run("mint --count 0 --json").done()), json!([]));
    assert!(!beside.path().join("keys.db").exists());
}

#[test]
fn a_new_pepper_goes_first_and_the_old_ones_stay() {
    let place = Place::new();
    let file = place.path().join("keys.db.peppers");
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    let old = fs::read_to_string(&file).unwrap();
    assert_eq!(mode(), 0o600);
    let key = place.issue();
    // The file may be a link, and may be somebody else's to read.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("keys.db.peppers", place.path().join("link")).unwrap();

    // Printed, it changes nothing.
    let printed = place.run("pepper new").done();
    assert!(
        printed.starts_with("2:") && printed.len() == 47,
        "{printed}"
    );
    let as_json = json(&place.run("pepper new --json").done());
    assert_eq!(as_json["id"], 2);
    assert!(as_json["pepper"].as_str().unwrap().starts_with("2:"));
    assert_eq!(fs::read_to_string(&file).unwrap(), old);

    place.run("pepper new --write --pepper-file link").done();
    let new = fs::read_to_string(&file).unwrap();
    assert!(
        new.starts_with("2:") && new.ends_with(&format!("\n{old}")),
        "lines: {}",
        new.lines().count()
    );
    assert_eq!(mode(), 0o640);
    assert!(place.path().join("link").is_symlink());
    let next = place.issue();
    assert_eq!(place.show(id_of(&next))["pepper"], 2);
    for key in [&key, &next] {
        place.run_with("verify", key).done();
    }

    let usage = json(&place.run("pepper usage --json").done());
    let expected = json!([
        { "pepper": 1, "keys": 1, "ring": "previous" },
        { "pepper": 2, "keys": 1, "ring": "active" },
    ]);
    assert_eq!(usage, expected);
    place.run(&format!("revoke {} --yes", id_of(&key))).done();
    let table = place.run("pepper usage").done();
    assert_eq!(
        table,
        "PEPPER  KEYS  RING\n1       0     previous\n2       1     active\n"
    );
    // Taken out of the ring while a key is left under it.
    fs::write(&file, &old).unwrap();
    let table = place.run("pepper usage").done();
    assert!(
        table.contains("2       1     missing: its keys are refused"),
        "{table}"
    );
    // Its number stands for it as long as there is such a key.
    assert_eq!(json(&place.run("pepper new --json").done())["id"], 3);
    let new = json(&place.run("pepper new --write --json").done());
    assert_eq!(new["id"], 3);
    place.run(&format!("revoke {} --yes", id_of(&next))).done();
    fs::write(&file, &old).unwrap();
    assert_eq!(json(&place.run("pepper new --json").done())["id"], 2);
}

#[test]
fn whoever_rotates_at_the_same_time_is_kept_out() {
    let place = Place::new();
    let file = place.path().join("keys.db.peppers");
    let old = fs::read_to_string(&file).unwrap();
    let draft = place.path().join("keys.db.peppers.new");
    fs::write(&draft, "another's").unwrap();
    // Before the ring is read: it may be about to change.
    for content in [old.as_str(), "spoilt"] {
        fs::write(&file, content).unwrap();
        let told = place.run("pepper new --write").failed(3);
        assert!(told.contains("could not be written"), "{told}");
        let advice = format!("interrupted, and {} can be removed", draft.display());
        assert!(told.contains(&advice), "{told}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
        assert_eq!(fs::read_to_string(&draft).unwrap(), "another's");
    }
    fs::remove_file(&draft).unwrap();
    let told = place.run("pepper new --write").failed(3);
    assert!(told.contains("the peppers cannot be read"), "{told}");
    assert!(!draft.exists());
    fs::write(&file, old).unwrap();
    place.run("pepper new --write").done();
    assert!(!draft.exists());
}

#[test]
fn usage_says_why_it_does_not_know_the_ring() {
    let place = Place::new();
    place.issue();
    let file = place.path().join("keys.db.peppers");
    let known = place.run("pepper usage");
    assert!(known.out.contains("1       1     active"), "{}", known.out);
    assert_eq!((known.code, known.err.as_str()), (0, ""));
    fs::write(&file, "spoilt").unwrap();
    let spoilt = place.run("pepper usage");
    assert!(
        spoilt.err.contains("the peppers cannot be read"),
        "{spoilt:?}"
    );
    fs::remove_file(&file).unwrap();
    let missing = place.run("pepper usage");
    assert!(
        missing.err.contains("there is no pepper file"),
        "{missing:?}"
    );
    for unknown in [spoilt, missing] {
        assert_eq!(unknown.done(), "PEPPER  KEYS  RING\n1       1\n");
    }
}

#[test]
fn the_variable_wins_over_the_file() {
    let place = Place::new();
    let pepper = place.run("pepper new").done();
    let with_variable = |words: &str| {
        let mut command = place.command();
        command.env("RINGYO_PEPPER", pepper.trim_end());
        command.args(words.split(' ')).output().unwrap()
    };
    let words = "issue --account acct_1 --name Server --scope agents";
    let issued = with_variable(words);
    let key = String::from_utf8(issued.stdout).unwrap();
    assert_eq!(place.show(id_of(&key))["pepper"], 2);
    assert!(
        place
            .run_with("verify", &key)
            .failed(1)
            .contains("not made under a pepper")
    );
    let refused = with_variable("pepper new --write");
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("RINGYO_PEPPER holds the peppers"), "{told}");
}

#[test]
fn keys_are_managed_without_peppers_but_not_made() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    fs::remove_file(place.path().join("keys.db.peppers")).unwrap();
    place.run(&format!("disable {id}")).done();
    place.run(&format!("enable {id}")).done();
    let told = place
        .run("issue --account acct_1 --name a --scope agents")
        .failed(3);
    assert!(
        told.contains("there is no pepper file keys.db.peppers"),
        "{told}"
    );
    // A new one would turn every key into a forged one.
    for words in ["pepper new --write", "pepper new"] {
        let told = place.run(words).failed(1);
        assert!(told.contains("keys in use (1)"), "{told}");
    }
    assert!(!place.path().join("keys.db.peppers").exists());
    place.run_with("verify", &key).failed(3);
    place.run(&format!("regenerate {id} --yes")).failed(3);
    assert_eq!(place.show(id)["state"], "active");
    place.run(&format!("revoke {id} --yes")).done();
    let usage = json(&place.run("pepper usage --json").done());
    assert_eq!(usage, json!([]));
    // Now there is nothing to lose.
    let new = json(&place.run("pepper new --write --json").done());
    assert_eq!(new, json!({ "id": 1, "pepper": null }));
}
