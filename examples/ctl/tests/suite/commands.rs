//! Each command does what it says, and says what it did.

use std::fs;

use regex::Regex;
use serde_json::{Value, json};

use crate::support::{Place, id_of};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_new_key_is_alone_on_standard_output_and_works() {
    let place = Place::new();
    let words = "issue --account acct_1 --name Server --scope agents --scope calls:read";
    let issued = place.run(words);
    assert_eq!((issued.code, issued.out.len()), (0, 65), "{issued:?}");
    let key = issued.out.trim_end();
    // Without a word it costs nothing.
    assert!(key.starts_with("rg_test_"), "{key}");
    let id = id_of(key);
    let words = format!("test key {id} of acct_1 was made; it is shown this once\n");
    assert_eq!(issued.err, words);
    let verdict = place.run_with("verify", &issued.out);
    let said = format!("test key {id} of acct_1, Server on the plan pro: active\n");
    assert_eq!((verdict.code, verdict.out), (0, said), "{}", verdict.err);
}

/// Programs depend on these names; one that is taken away or changes its meaning breaks them.
#[test]
fn the_json_of_a_key_is_frozen() {
    let place = Place::new();
    let words = "issue --account acct_1 --name Server --mode live --scope agents,calls:read \
                 --description Main --expires-in 90days --per-minute 5 --network 192.0.2.0/24 --json";
    let issued = json(&place.run(words).done());
    let key = issued["key"].as_str().unwrap();
    let id = id_of(key);
    let text = |field: &str| issued[field].as_str().unwrap().to_owned();
    let time = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$").unwrap();
    assert!(time.is_match(&text("created_at")) && time.is_match(&text("expires_at")));
    let mut expected = json!({
        "id": id, "account": "acct_1", "name": "Server", "description": "Main", "mode": "live",
        "scopes": ["agents", "calls:read"], "hint": format!("rg_live_{id}…"), "state": "active",
        "created_at": text("created_at"), "last_used_at": null, "expires_at": text("expires_at"),
        "revoked_at": null, "superseded_at": null, "replaced_by": null, "quota_per_minute": 5,
        "allowed_networks": ["192.0.2.0/24"], "pepper": 1, "key": key,
    });
    assert_eq!(issued, expected);
    // Everywhere else the same without the key.
    expected.as_object_mut().unwrap().remove("key");
    assert_eq!(place.show(id), expected);
    assert_eq!(json(&place.run("list --json").done()), json!([expected]));
    let verdict = place
        .run_with("verify --client 192.0.2.7 --json", key)
        .done();
    let expected = json!({ "key": expected, "plan": "pro", "refused": null });
    assert_eq!(json(&verdict), expected);
}

#[test]
fn every_change_is_in_the_audit_trail_with_the_operator() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    let state = || place.show(id)["state"].as_str().unwrap().to_owned();
    place.run(&format!("rename {id} Production")).done();
    assert_eq!(place.show(id)["name"], "Production");
    place.run(&format!("disable {id} --actor bob")).done();
    assert_eq!(state(), "disabled");
    place.run(&format!("enable {id}")).done();
    assert_eq!(state(), "active");
    let next = place.run(&format!("regenerate {id} --overlap 24h")).done();
    assert_eq!(place.show(id)["replaced_by"], id_of(&next));
    assert_eq!(state(), "active");
    place.run(&format!("revoke {id} --yes")).done();
    assert_eq!(state(), "revoked");

    let events = json(&place.run(&format!("events {id} --json")).done());
    let story: Vec<[&str; 2]> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| ["kind", "actor"].map(|field| event[field].as_str().unwrap()))
        .collect();
    let expected = [
        ["key.revoked", "operator:alice"],
        ["key.regenerated", "operator:alice"],
        ["key.enabled", "operator:alice"],
        ["key.disabled", "operator:bob"],
        ["key.renamed", "operator:alice"],
        ["key.issued", "operator:alice"],
    ];
    assert_eq!(story, expected);
    let fields: Vec<&String> = events[0].as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["actor", "at", "detail", "from", "kind", "revision"]
    );
    let newest = json(&place.run(&format!("events {id} --limit 2 --json")).done());
    assert_eq!(
        newest.as_array().unwrap()[..],
        events.as_array().unwrap()[..2]
    );
}

#[test]
fn what_cannot_be_undone_needs_a_word_where_nobody_can_be_asked() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    for command in ["revoke", "regenerate"] {
        let before = place.show(id);
        let said = place.run(&format!("{command} {id}")).failed(2);
        assert!(said.contains("cannot be undone\nsay --yes"), "{said}");
        assert_eq!(place.show(id), before);
    }
    let next = place.run(&format!("regenerate {id} --yes")).done();
    assert_eq!(place.show(id)["state"], "superseded");
    let next = id_of(&next);
    place.run(&format!("revoke {next} --yes")).done();
    assert_eq!(place.show(next)["state"], "revoked");
    // Again is no failure.
    place.run(&format!("revoke {next} --yes")).done();
}

#[test]
fn exit_codes_tell_refusals_from_nonsense_and_from_no_answer() {
    let place = Place::new();
    let key = place.issue();
    let revoked = id_of(&key);
    let other = place.issue();
    let (active, long) = (id_of(&other), "n".repeat(101));
    place.run(&format!("revoke {revoked} --yes")).done();
    for (code, words, said) in [
        (
            1,
            "show 0a1B2c3D4e5F",
            "there is no key 0a1B2c3D4e5F\n`ringyoctl list --all`",
        ),
        (
            1,
            "account credits acct_9",
            "there is no account acct_9\n`ringyoctl account list`",
        ),
        (1, "list --account acct_9", "there is no account acct_9"),
        (
            1,
            &format!("enable {revoked}"),
            "is revoked\nonly a key in use",
        ),
        (
            1,
            "issue --account acct_9 --name a --scope agents",
            "there is no account acct_9",
        ),
        (
            1,
            "issue --account acct_1 --name a --scope agnts",
            "--scope unknown: agnts\npermissions are agents, calls, ",
        ),
        (
            1,
            "account set-plan acct_1 gold",
            "the plans are agency, pro, starter, trial",
        ),
        (
            1,
            "account create acct_1 --plan pro",
            "an account of that id exists\n",
        ),
        (
            2,
            "account create a/b --plan pro",
            "an account id is 1 to 128 characters",
        ),
        (
            1,
            &format!("rename {active} {long}"),
            "name must have 1 to 100 characters",
        ),
        (
            1,
            &format!("regenerate {active} --overlap 31days"),
            "--overlap must be at most 30 days",
        ),
        (2, "list --limit 0", "number would be zero"),
        (2, "show 0a1B", "a key id is 12 characters"),
        (2, "issue --account acct_1", "required arguments"),
        (2, "lst", "unrecognized subcommand"),
        (
            2,
            "list --store memory",
            "in memory nobody else can manage\nname it with --store",
        ),
        (2, "list --store keys.db", "a store is `sqlite:PATH`"),
        (
            3,
            "list --store sqlite:none.db",
            "there is no store none.db\nname the service's",
        ),
        (
            3,
            "mint --pepper-file none",
            "there is no pepper file none\nname the service's",
        ),
    ] {
        let told = place.run(words).failed(code);
        assert!(told.contains(said), "{words}: {told}");
    }
    let starter = place.run("account create acct_2 --plan starter");
    assert_eq!(starter.code, 0);
    let refused = place
        .run("issue --account acct_2 --name a --scope agents")
        .failed(1);
    assert!(
        refused.contains("no API access\n`ringyoctl account set-plan`"),
        "{refused}"
    );
    assert!(!place.path().join("none.db").exists());

    // A file that is no store is left as it is.
    fs::write(
        place.path().join("text.db"),
        "this is not a database, but it is long",
    )
    .unwrap();
    let told = place.run("list --store sqlite:text.db").failed(3);
    assert!(told.contains("text.db could not be opened: "), "{told}");
}

#[test]
fn an_account_is_what_a_new_store_begins_with() {
    let place = Place::empty();
    let store = place.path().join("keys.db");
    let told = place.run("account create acct_1 --plan gold").failed(1);
    assert!(told.contains("there is no plan \"gold\""), "{told}");
    assert!(!store.exists());
    let made = place.run("account create acct_1 --plan pro");
    assert_eq!(
        (made.out.as_str(), made.err.as_str()),
        ("acct_1 is on the plan pro\n", "keys.db is a new store\n")
    );
    assert_eq!(place.run("account create acct_2 --plan pro").err, "");
    assert!(store.exists());
    let said = place.run("account set-plan acct_1 agency").done();
    assert_eq!(said, "acct_1 is on the plan agency\n");
    let list = json(&place.run("account list --json").done());
    assert_eq!(
        (&list[0]["id"], &list[0]["plan"]),
        (&json!("acct_1"), &json!("agency"))
    );
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[test]
fn credits_are_added_once_under_one_name() {
    let place = Place::new();
    let credits = |words: &str| place.run(&format!("account credits acct_1{words}")).done();
    assert_eq!(credits(""), "acct_1 has 0 credits\n");
    for _ in 0..2 {
        let said = credits(" --add 5 --operation invoice-1");
        assert_eq!(said, "acct_1 has 5 credits\n");
    }
    // Without a name each is another.
    credits(" --add 1");
    assert_eq!(
        json(&credits(" --add 1 --json")),
        json!({ "account": "acct_1", "credits": 7 })
    );
    let other = "account credits acct_1 --add 6 --operation invoice-1";
    let told = place.run(other).failed(1);
    assert!(told.contains("used for something else"), "{told}");
    let too_many = format!("account credits acct_1 --add {}", i64::MAX as u64 - 6);
    let told = place.run(&too_many).failed(1);
    assert!(
        told.contains(
            "acct_1 has 7 credits, and no account can have more than 9223372036854775807"
        ),
        "{told}"
    );
    place
        .run(&format!(
            "account credits acct_1 --add {}",
            i64::MAX as u64 - 7
        ))
        .done();
}

#[test]
fn verify_says_why_a_key_would_be_refused() {
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    place.run(&format!("disable {id}")).done();
    let verdict = place.run_with("verify", &key);
    assert_eq!(verdict.code, 1);
    assert!(verdict.out.ends_with(": disabled\n"), "{}", verdict.out);
    assert_eq!(
        verdict.err,
        format!("ringyoctl: it would be refused: key {id} is disabled\n")
    );
    let verdict = place.run_with("verify --json", &key);
    assert_eq!(json(&verdict.out)["refused"], "api_key_disabled");
    place.run(&format!("enable {id}")).done();
    place.run_with("verify", &key).done();

    let bound = "issue --account acct_1 --name a --scope agents --network 192.0.2.0/24";
    let bound = place.run(bound).done();
    let verdict = place.run_with("verify", &bound);
    assert_eq!(verdict.code, 1);
    assert!(verdict.err.contains("--client says"), "{}", verdict.err);
    place.run_with("verify --client 192.0.2.1", &bound).done();

    let mut mistyped = key.clone();
    mistyped.replace_range(30..31, if &key[30..31] == "a" { "b" } else { "a" });
    let told = place.run_with("verify", &mistyped).failed(1);
    assert!(told.contains("checksum"), "{told}");
    assert!(place.run_with("verify", "").failed(1).contains("brand"));
    // Looking is no use of a key.
    assert_eq!(place.show(id)["last_used_at"], Value::Null);
}

#[test]
fn the_regular_expression_finds_keys() {
    let place = Place::new();
    let regex = place.run("regex").done();
    assert_eq!(json(&place.run("regex --json").done()), regex.trim_end());
    let finds = Regex::new(regex.trim_end()).unwrap();
    let key = place.issue();
    assert_eq!(
        finds.find(&format!("key = \"{key}\"")).unwrap().as_str(),
        key
    );
    assert!(!finds.is_match(&key[..60]));
}

#[test]
fn shells_can_complete_commands() {
    let place = Place::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&format!("completions {shell}")).done();
        for word in ["regenerate", "set-plan", "pepper-file"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert!(place.run("completions none").failed(2).contains("bash"));
}
