//! What is changed, by whom, and what is asked before.

use serde_json::{Value, json};

use crate::support::{Place, Ran, id_of};

#[test]
fn who_changes_something_has_a_name_and_who_looks_needs_none() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    let nobody = |words: &str| -> Ran {
        let mut command = place.command();
        command.env_remove("USER").args(words.split(' '));
        command.output().unwrap().into()
    };
    for words in [
        "list",
        &format!("show {id}"),
        &format!("events {id}"),
        "account list",
        "account credits acct_1",
        "pepper usage",
    ] {
        nobody(words).done();
    }
    let before = place.show(id);
    for words in [
        "issue --account acct_1 --name a --scope agents",
        &format!("rename {id} Other"),
        &format!("disable {id}"),
        &format!("enable {id}"),
        &format!("revoke {id}"),
        &format!("revoke {id} --yes"),
        &format!("regenerate {id}"),
        &format!("regenerate {id} --yes"),
        "account create acct_2 --plan pro",
        "account set-plan acct_1 agency",
        "account create acct_1 --plan pro --store sqlite:none.db",
    ] {
        let said = nobody(words).failed(2);
        assert!(said.contains("--actor"), "{words}: {said}");
    }
    assert_eq!(place.show(id), before);
    assert!(!place.path().join("none.db").exists());
    // With a name it is done.
    nobody(&format!("rename {id} Other --actor bob")).done();
    assert_eq!(place.show(id)["name"], "Other");
}

#[test]
fn a_short_overlap_is_asked_about_and_a_long_one_said_as_it_is() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    let before = place.show(id);
    for (overlap, end) in [
        ("0s", "at once"),
        ("1ns", "in 1 second"),
        ("59s", "in 59 seconds"),
    ] {
        let words = format!("regenerate {id} --overlap {overlap}");
        let said = place.run(&words).failed(2);
        let asked = format!("ending live key {id} of acct_1 (Server) {end} cannot be undone");
        assert!(said.contains(&asked), "{said}");
        assert_eq!(place.show(id), before);
    }
    let made = place.run(&format!("regenerate {id} --overlap 47h"));
    assert!(
        made.err.contains("which ends in 1 day 23 hours;"),
        "{}",
        made.err
    );
    let shown = place.run(&format!("show {id}")).done();
    assert!(
        shown.contains("superseded   in 1 day 23 hours  ("),
        "{shown}"
    );
    let new = id_of(&made.out);
    let made = place.run(&format!("regenerate {new} --overlap 60s"));
    assert!(made.err.contains("which ends in 1 minute;"), "{}", made.err);
    made.done();
}

#[test]
fn a_description_is_changed_with_the_name_or_without() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    let rename = |words: &[&str]| {
        let mut command = place.command();
        command.args(["rename", id]).args(words);
        let said = Ran::from(command.output().unwrap()).done();
        let shown = place.show(id);
        (said, shown["name"].clone(), shown["description"].clone())
    };
    let (said, name, description) = rename(&["--description", "Runs the calls"]);
    assert_eq!(
        said,
        format!("live key {id} of acct_1 is called Server, described as Runs the calls\n")
    );
    assert_eq!(
        (name, description),
        (json!("Server"), json!("Runs the calls"))
    );
    let (_, name, description) = rename(&["Production"]);
    assert_eq!(
        (name, description),
        (json!("Production"), json!("Runs the calls"))
    );
    let (said, name, description) = rename(&["Server", "--description", ""]);
    assert!(
        said.ends_with("is called Server, without a description\n"),
        "{said}"
    );
    assert_eq!((name, description), (json!("Server"), Value::Null));
    place.run(&format!("rename {id}")).failed(2);
}

#[test]
fn a_network_may_be_a_single_address() {
    let place = Place::new();
    let words = "issue --account acct_1 --name a --scope agents --json --network ";
    let networks = |text: &str| {
        serde_json::from_str::<Value>(&place.run(&format!("{words}{text}")).done()).unwrap()
    };
    assert_eq!(
        networks("10.0.0.1,2001:db8::7,192.0.2.0/24")["allowed_networks"],
        json!(["10.0.0.1/32", "2001:db8::7/128", "192.0.2.0/24"])
    );
    let told = place.run(&format!("{words}10.0.0.256")).failed(2);
    assert!(
        told.contains("a network is an address and a length"),
        "{told}"
    );
}
