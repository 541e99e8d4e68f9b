//! Lists of many keys.

use std::collections::HashSet;
use std::io::Read as _;
use std::process::Stdio;

use ringyo::{NewKey, Pepper, PepperId, Preset, Ringyo, SqliteStore};
use serde_json::Value;

use crate::support::{Place, id_of};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A store with so many keys of `acct_1`: faster than a process for each.
async fn with_keys(count: usize) -> Place {
    let place = Place::new();
    let store = SqliteStore::open(place.path().join("keys.db"))
        .await
        .unwrap();
    let pepper = Pepper::generate(PepperId::new(1));
    let builder = Ringyo::builder(Preset::ringyo(), pepper).store(store.clone());
    let ringyo = builder.build().await.unwrap();
    for number in 0..count {
        let new = NewKey::test("acct_1", format!("Key {number}")).scopes(["agents"]);
        ringyo.keys().issue(new).await.unwrap();
    }
    ringyo.shutdown().await.unwrap();
    store.close().await.unwrap();
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_over_pages_and_shows_what_was_asked_for() {
    let place = with_keys(230).await;
    let live = place.issue();
    let live = id_of(&live);
    let names = |words: &str| -> Vec<String> {
        let list = json(&place.run(&format!("list --json{words}")).done());
        let name = |key: &Value| key["name"].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(name).collect()
    };
    let all = names("");
    assert_eq!((all.len(), all[0].as_str()), (231, "Server"));
    assert_eq!(all[1..].iter().collect::<HashSet<_>>().len(), 230);
    assert_eq!(names(" --limit 120")[..], all[..120]);
    assert_eq!(names(" --mode live"), ["Server"]);
    assert_eq!(names(" --name serv"), ["Server"]);
    assert_eq!(names(" --account acct_1").len(), 231);
    place.run(&format!("disable {live}")).done();
    assert_eq!(names("").len(), 230);
    assert_eq!(names(" --all").len(), 231);
    // One head over all of its pages, and columns that go on.
    let table = place.run("list --all").done();
    assert_eq!(table.lines().count(), 232);
    assert_eq!(table.matches("ACCOUNT").count(), 1);
    let starts: HashSet<Option<usize>> = table
        .lines()
        .skip(1)
        .map(|line| line.find("acct_1"))
        .collect();
    assert_eq!(starts.len(), 1, "{table}");
    let table = place.run("list --all --limit 1").done();
    let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words[..4], [live, "acct_1", "Server", "live"], "{table}");
    assert!(table.contains("disabled"), "{table}");
    let none = place.run("list --name nothing");
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    assert!(none.err.contains("--all shows the others"), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_printed_while_it_is_read() {
    // Three pages, of which two do not fit into a pipe.
    let place = with_keys(230).await;
    let all = json(&place.run("list --json").done());
    let all = all.as_array().unwrap();
    let oldest = all.last().unwrap()["id"].as_str().unwrap();
    let list = || {
        let mut command = place.command();
        command.args(["list", "--json"]).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut child = list();
    let mut out = child.stdout.take().unwrap();
    let mut text = vec![0];
    out.read_exact(&mut text).unwrap();
    // The program waits for room in the pipe, and has not read the last page yet.
    place.run(&format!("disable {oldest}")).done();
    out.read_to_end(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let printed = json(&String::from_utf8(text).unwrap());
    assert_eq!(printed.as_array().unwrap()[..], all[..229]);
    // Who has read enough does not wait for the rest.
    let mut child = list();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
