//! The README adds keys to a service in a few lines, and they are all it takes.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use reqwest::Client;
use ringyo::{NewKey, PepperRing, Preset, Ringyo, SqliteStore};
use ringyo_example_checks::{Program, Surprise};

const README: &str = include_str!("../../../README.md");
const BEFORE: &str = include_str!("../src/bin/before.rs");
const AFTER: &str = include_str!("../src/bin/after.rs");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// How many lines may change, those of the manifest included.
const FEW: usize = 15;

#[test]
fn the_diff_is_short_and_makes_one_of_the_other() {
    let blocks = diffs(README);
    assert_eq!(proves(&blocks), Ok(()));

    // The controls: a line too many, a line that is not so any more.
    let [manifest, service] = blocks.as_slice() else {
        panic!("there are {} blocks", blocks.len());
    };
    let longer = manifest.replace("+ringyo", &format!("{}+ringyo", "+\n".repeat(FEW)));
    assert!(proves(&[longer, service.clone()]).is_err());
    let stale = service.replace("AuthLayer::new", "AuthLayer::of");
    assert!(proves(&[manifest.clone(), stale]).is_err());
    let elsewhere = service.replace("let app = ", "let application = ");
    assert!(proves(&[manifest.clone(), elsewhere]).is_err());
}

/// Whether the blocks are one line of a manifest, and what makes a service with keys.
fn proves(blocks: &[String]) -> Result<(), String> {
    let [manifest, service] = blocks else {
        return Err(format!("there are {} blocks", blocks.len()));
    };
    let changes: Vec<&str> = [manifest, service]
        .into_iter()
        .flat_map(|block| block.lines())
        .filter(|line| !line.starts_with("+++") && !line.starts_with("---"))
        .filter(|line| line.starts_with(['+', '-']))
        .collect();
    if changes.len() > FEW {
        return Err(format!("{} lines change", changes.len()));
    }
    let version = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap().0;
    let needed = format!(r#"+ringyo = {{ version = "{version}", features = ["axum"] }}"#);
    let added: Vec<&str> = manifest.lines().filter(|l| l.starts_with('+')).collect();
    if added != [needed] || !MANIFEST.contains(r#"features = ["axum"]"#) {
        return Err(format!("the manifest gets {added:?}"));
    }
    let patch = diffy::Patch::from_str(service).map_err(|error| error.to_string())?;
    let after = diffy::apply(BEFORE, &patch).map_err(|error| error.to_string())?;
    if after == AFTER {
        Ok(())
    } else {
        Err(diffy::create_patch(&after, AFTER).to_string())
    }
}

/// The blocks of the README that are diffs.
fn diffs(text: &str) -> Vec<String> {
    let blocks = text.split("```diff\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_lines_that_give_somebody_a_key_are_those_that_are_run_here() {
    let block = README.split("```rust,ignore\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let run = |line: &&str| include_str!("readme.rs").contains(&format!("    {line}\n"));
    let (run, shown): (Vec<&str>, Vec<&str>) = block.lines().partition(run);
    assert_eq!(run.len(), 3, "{run:?}");
    assert!(shown[0].starts_with("println!"), "{shown:?}");
}

#[tokio::test]
async fn before_everybody_gets_in_and_after_only_those_with_a_key() -> Result<(), Surprise> {
    let http = Client::new();
    let before = Program::start(env!("CARGO_BIN_EXE_before"))?;
    let open = http.get(format!("{}/agents", before.url)).send().await?;
    assert_eq!(open.status(), 200);

    let after = Program::start(env!("CARGO_BIN_EXE_after"))?;
    let url = format!("{}/agents", after.url);
    let shut = http.get(&url).send().await?;
    assert_eq!(shut.status(), 401);
    assert_eq!(
        shut.headers()["www-authenticate"],
        r#"Bearer realm="ringyo""#
    );

    // Somebody else manages keys on the same file.
    let place = after.place.path();
    let store = SqliteStore::open(place.join("keys.db")).await?;
    let peppers = PepperRing::from_file(place.join("keys.peppers"))?;
    let builder = Ringyo::builder(Preset::ringyo(), peppers).store(store);
    let ringyo = builder.build().await?;
    ringyo.accounts().create("acct_1", "pro").await?;
    let new = NewKey::live("acct_1", "Production").scopes(["agents:read"]);
    let issued = ringyo.keys().issue(new).await?;

    let listed = http.get(&url).bearer_auth(issued.key.expose());
    let listed = listed.send().await?;
    assert_eq!(listed.status(), 200);
    assert_eq!(listed.headers()["x-ratelimit-remaining"], "59");
    assert_eq!(listed.text().await?, "[]");
    let removed = http.delete(format!("{url}/agent_1"));
    let removed = removed.bearer_auth(issued.key.expose()).send().await?;
    assert_eq!(removed.status(), 403);
    Ok(())
}
