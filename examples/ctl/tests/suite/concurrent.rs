//! Several operators at once.

use std::fs;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::{Place, Ran, id_of};

const AT_ONCE: usize = 8;

fn start(place: &Place, words: &str) -> Child {
    let mut command = place.command();
    command.args(words.split(' '));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn all_at_once(place: &Place, words: impl Fn(usize) -> String) -> Vec<Ran> {
    let started: Vec<Child> = (0..AT_ONCE).map(|n| start(place, &words(n))).collect();
    let end = |child: Child| Ran::from(child.wait_with_output().unwrap());
    started.into_iter().map(end).collect()
}

fn list(place: &Place, words: &str) -> Vec<Value> {
    let list = place.run(&format!("list --json{words}")).done();
    serde_json::from_str(&list).unwrap()
}

#[test]
fn of_many_who_regenerate_a_key_one_does() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    let ran = all_at_once(&place, |_| format!("regenerate {id} --yes"));
    let (done, refused): (Vec<Ran>, Vec<Ran>) = ran.into_iter().partition(|ran| ran.code == 0);
    assert_eq!((done.len(), refused.len()), (1, AT_ONCE - 1));
    for ran in refused {
        assert!(ran.failed(1).contains("is superseded"));
    }
    let active = list(&place, "");
    assert_eq!(active.len(), 1);
    assert_eq!(active[0]["id"], id_of(&done[0].out));
    place.run_with("verify", &done[0].out).done();
}

#[test]
fn everybody_gets_a_key_and_a_revoked_one_stays_revoked() {
    let place = Place::new();
    let words = "issue --account acct_1 --name Server --scope agents";
    let keys = all_at_once(&place, |_| words.to_owned());
    let keys: Vec<String> = keys.into_iter().map(Ran::done).collect();
    assert_eq!(list(&place, "").len(), AT_ONCE);
    for key in &keys {
        place.run_with("verify", key).done();
    }
    let id = id_of(&keys[0]);
    let ran = all_at_once(&place, |n| match n {
        0 => format!("revoke {id} --yes"),
        n if n % 2 == 0 => format!("disable {id}"),
        _ => format!("enable {id}"),
    });
    assert!(ran.iter().all(|ran| ran.code <= 1), "{ran:?}");
    assert_eq!(ran[0].code, 0, "{}", ran[0].err);
    assert_eq!(place.show(id)["state"], "revoked");
    assert_eq!(list(&place, "").len(), AT_ONCE - 1);
}

#[test]
fn of_many_who_rotate_peppers_each_makes_one_of_its_own_or_none() {
    let place = Place::new();
    let file = place.path().join("keys.db.peppers");
    let mut peppers = 1;
    for _ in 0..20 {
        let ran = all_at_once(&place, |_| "pepper new --write".to_owned());
        let (done, kept_out): (Vec<Ran>, Vec<Ran>) = ran.into_iter().partition(|ran| ran.code == 0);
        assert!(!done.is_empty());
        for ran in kept_out {
            let told = ran.failed(3);
            assert!(told.contains("somebody else is about to change"), "{told}");
        }
        peppers += done.len();
        let ring = fs::read_to_string(&file).unwrap();
        assert_eq!(ring.lines().count(), peppers);
        place.run("mint").done();
    }
    // One that is there twice is found out.
    let ring = fs::read_to_string(&file).unwrap();
    let first = ring.lines().next().unwrap();
    fs::write(&file, format!("{first}\n{ring}")).unwrap();
    let told = place.run("mint").failed(3);
    assert!(told.contains("listed twice"), "{told}");
}
