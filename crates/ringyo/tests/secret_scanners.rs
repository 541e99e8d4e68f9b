//! Real scanners for secrets find keys by the rules in `docs/secret-scanners`, and those that can
//! check a checksum report nothing else. `cargo xtask scanners` installs them and runs this.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringyo::{Brand, KeyFormat, Mode, Pepper, PepperId, PepperRing};
use serde_json::Value;
use tempfile::TempDir;

/// Keys in each of the files.
const KEYS: usize = 1_000;

const RULES: [&str; 4] = [
    "gitleaks.toml",
    "kingfisher.yml",
    "trufflehog.yml",
    "ringyo_api_key.py",
];

/// Where keys end up: the name of the file, and what stands around the key on its line.
const PLACES: [(&str, &str, &str); 6] = [
    ("client.py", "client = Client(api_key=\"", "\")  # for now"),
    ("main.rs", "const KEY: &str = \"", "\";"),
    ("settings.json", "{ \"ringyo\": { \"token\": \"", "\" } }"),
    (".env", "RINGYO_API_KEY=", ""),
    (
        "deploy.sh",
        "curl -H 'Authorization: Bearer ",
        "' https://api.example.com/v1/agents",
    ),
    (
        "service.log",
        "2026-01-01T00:00:00.000Z DEBUG request{authorization=\"Bearer ",
        "\"} status=200",
    ),
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/secret-scanners")
}

fn rules(name: &str) -> String {
    fs::read_to_string(docs().join(name)).unwrap()
}

fn format() -> KeyFormat {
    KeyFormat::new(Brand::new("rg").unwrap())
}

/// Keys of either mode, fresh ones each time.
fn keys() -> Vec<String> {
    let peppers = PepperRing::from(Pepper::generate(PepperId::new(1)));
    let mint = |number| {
        let mode = if number % 2 == 0 {
            Mode::Live
        } else {
            Mode::Test
        };
        format().mint(mode, &peppers).key.expose().to_owned()
    };
    (0..KEYS).map(mint).collect()
}

/// The same with one digit changed: one of the checksum, or one of what it is made of.
fn misspelt(keys: &[String]) -> Vec<String> {
    let change = |(number, key): (usize, &String)| {
        let mut key = key.clone().into_bytes();
        let position = 8 + number % 56;
        key[position] = if key[position] == b'x' { b'y' } else { b'x' };
        String::from_utf8(key).unwrap()
    };
    keys.iter().enumerate().map(change).collect()
}

/// A folder in which every place has each of the keys, one on a line.
fn leak(keys: &[String]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, before, behind) in PLACES {
        let lines = keys.iter().map(|key| format!("{before}{key}{behind}\n"));
        fs::write(folder.path().join(name), lines.collect::<String>()).unwrap();
    }
    folder
}

/// File and line, counted from one, of what was found.
type Found = BTreeSet<(String, u64)>;

fn everything() -> Found {
    let lines = |(name, ..): (&str, &str, &str)| {
        let name = name.to_owned();
        (1..=KEYS as u64).map(move |line| (name.clone(), line))
    };
    PLACES.into_iter().flat_map(lines).collect()
}

fn found<'a>(
    findings: impl Iterator<Item = &'a Value>,
    place: impl Fn(&Value) -> (&Value, &Value),
) -> Found {
    let read = |finding| {
        let (path, line) = place(finding);
        let name = Path::new(path.as_str().unwrap()).file_name().unwrap();
        (name.to_str().unwrap().to_owned(), line.as_u64().unwrap())
    };
    findings.map(read).collect()
}

/// Says how many there are, and where, and does not print thousands of lines.
fn assert_finds(found: &Found, expected: &Found) {
    let first = found.symmetric_difference(expected).next();
    assert_eq!(first, None, "{} of {}", found.len(), expected.len());
}

fn scanner(name: &str) -> Command {
    let folder = env::var_os("RINGYO_TEST_SCANNERS").expect("run `cargo xtask scanners`");
    Command::new(Path::new(&folder).join(name))
}

/// What Kingfisher reports by these rules, in a file of this name.
fn by_kingfisher(place: &Path, name: &str, rules: &str) -> Found {
    let home = tempfile::tempdir().unwrap();
    let (file, report) = (home.path().join(name), home.path().join("report"));
    fs::write(&file, rules).unwrap();
    let output = scanner("kingfisher")
        .env("HOME", home.path())
        .args(["scan", "--load-builtins", "false", "--no-rule-cache"])
        // Nobody is asked whether a key works.
        .args(["--no-update-check", "--no-validate", "--no-dedup"])
        .args(["--format", "json", "--output"])
        .arg(&report)
        .arg("--rules-path")
        .arg(&file)
        .arg(place)
        .output()
        .unwrap();
    // 200 says that there are findings.
    assert!(matches!(output.status.code(), Some(0 | 200)), "{output:?}");
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    found(findings.iter(), |found| {
        (&found["finding"]["path"], &found["finding"]["line"])
    })
}

/// What the documentation tells to switch off.
const INDIRECT: &str = "detect_secrets.filters.heuristic.is_indirect_reference";

/// What detect-secrets reports by this plugin.
fn by_detect_secrets(place: &Path, plugin: &str) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringyo_api_key.py");
    fs::write(&file, plugin).unwrap();
    let output = scanner("detect-secrets")
        .current_dir(place)
        .args(["scan", "--all-files", "--no-verify"])
        // It passes over whatever is given to a call.
        .args(["--disable-filter", INDIRECT, "--plugin"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = report["results"].as_object().unwrap().values();
    let findings = files.flat_map(|found| found.as_array().unwrap());
    let own = findings.filter(|finding| finding["type"] == "Ringyo API key");
    found(own, |found| (&found["filename"], &found["line_number"]))
}

#[test]
fn the_rules_hold_the_expression_of_the_library() {
    let expression = format().scanner_regex();
    let bare = expression.trim_start_matches(r"\b").trim_end_matches(r"\b");
    let (brand_and_mode, _) = bare.split_once("[0-9A-Za-z]").unwrap();
    for name in RULES {
        let rules = rules(name);
        assert!(rules.contains(brand_and_mode), "{name}: {brand_and_mode}");
        // Where the checksum is a group of its own the two add up to as many.
        let is_whole = rules.contains(bare);
        let is_split = rules.contains("{50})(?P<checksum>[0-9A-Za-z]{6})");
        assert!(is_whole != is_split && bare.ends_with("{56}"), "{name}");
    }
}

#[test]
fn the_examples_in_the_rules_are_keys() {
    let rules = rules("kingfisher.yml");
    let lines = rules.lines().map(str::trim);
    let examples: Vec<String> = lines
        .filter_map(|line| line.strip_prefix("- "))
        .filter(|line| line.starts_with("rg_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(examples.len(), 2);
    for (example, misspelt) in examples.iter().zip(misspelt(&examples)) {
        assert!(format().parse(example.as_bytes()).is_ok(), "{example}");
        assert!(format().parse(misspelt.as_bytes()).is_err(), "{misspelt}");
    }
}

#[test]
#[ignore = "needs Kingfisher: cargo xtask scanners"]
fn kingfisher_finds_every_key_and_nothing_with_a_wrong_checksum() {
    let keys = keys();
    let (real, wrong) = (leak(&keys), leak(&misspelt(&keys)));
    let rules = rules("kingfisher.yml");
    let scan = |place: &TempDir, rules: &str| by_kingfisher(place.path(), "rules.yml", rules);
    assert_finds(&scan(&real, &rules), &everything());
    assert_finds(&scan(&wrong, &rules), &Found::new());

    // The control: without its check of the checksum it reports those as well.
    let (before, rest) = rules.split_once("    pattern_requirements:").unwrap();
    let (_, behind) = rest.split_once("    examples:").unwrap();
    let unchecked = format!("{before}    examples:{behind}");
    assert_finds(&scan(&wrong, &unchecked), &everything());

    let check = scanner("kingfisher")
        .args(["rules", "check", "--no-update-check"])
        .args(["--load-builtins", "false", "--rules-path"])
        .arg(docs().join("kingfisher.yml"))
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
}

/// It reads rules in this form, too. They cannot say how a checksum is made.
#[test]
#[ignore = "needs Kingfisher: cargo xtask scanners"]
fn the_rules_for_gitleaks_find_every_key() {
    let keys = keys();
    let (real, wrong) = (leak(&keys), leak(&misspelt(&keys)));
    let rules = rules("gitleaks.toml");
    let scan = |place: &TempDir, rules: &str| by_kingfisher(place.path(), "rules.toml", rules);
    assert_finds(&scan(&real, &rules), &everything());
    assert_finds(&scan(&wrong, &rules), &everything());
    // The control: an expression that is a digit too long.
    let spoilt = rules.replace("{56}", "{57}");
    assert_ne!(rules, spoilt);
    assert_finds(&scan(&real, &spoilt), &Found::new());
}

#[test]
#[ignore = "needs detect-secrets: cargo xtask scanners"]
fn detect_secrets_finds_every_key_and_nothing_with_a_wrong_checksum() {
    let keys = keys();
    let (real, wrong) = (leak(&keys), leak(&misspelt(&keys)));
    let plugin = rules("ringyo_api_key.py");
    assert_finds(&by_detect_secrets(real.path(), &plugin), &everything());
    assert_finds(&by_detect_secrets(wrong.path(), &plugin), &Found::new());
    let page = fs::read_to_string(docs().with_extension("md")).unwrap();
    assert!(page.contains(INDIRECT));

    // The control: without its check of the checksum it reports those as well.
    let unchecked = plugin.replace("if checksum(key[:-6]) == key[-6:]:", "if key:");
    assert_ne!(unchecked, plugin);
    assert_finds(&by_detect_secrets(wrong.path(), &unchecked), &everything());
}
