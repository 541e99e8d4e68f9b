//! A test that is told to do without says so, where the runner cannot swallow it.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;
use xtask::servers::debian::Program;
use xtask::servers::for_tests;

const NOWHERE: Program = Program {
    name: "nowhere",
    packages: &["no-such-package-anywhere"],
    binaries: &["no-such-binary"],
    folders: &[],
};

/// Whether this is the process that `alone` starts.
const ALONE: &str = "RINGYO_TEST_NOWHERE";

/// Run by the tests below in a process of its own; by itself it has nothing to ask.
#[test]
fn asks_for_what_is_nowhere() {
    if std::env::var_os(ALONE).is_some() && for_tests::program(&NOWHERE) {
        panic!("it was there");
    }
}

fn alone(without: &str, path: &str, skipped: &std::path::Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "without::asks_for_what_is_nowhere"])
        .env(ALONE, "1")
        .env(for_tests::WITHOUT, without)
        .env(for_tests::SKIPPED, skipped)
        .env("PATH", path)
        .output()
        .unwrap()
}

#[test]
fn a_test_that_does_without_says_so_and_passes() {
    let folder = TempDir::new().unwrap();
    let skipped = folder.path().join("skipped");
    let output = alone("valkey, nowhere", "", &skipped);
    assert!(output.status.success());
    let printed = String::from_utf8(output.stderr).unwrap();
    let why = "because nowhere is not to be had here\n";
    assert!(
        printed.starts_with("SKIPPED: ") && printed.ends_with(why),
        "{printed}"
    );
    assert!(printed.contains("tests/servers/without.rs:"), "{printed}");
    assert_eq!(fs::read_to_string(&skipped).unwrap(), printed);
}

#[test]
fn a_test_that_was_not_told_fails() {
    let folder = TempDir::new().unwrap();
    let skipped = folder.path().join("skipped");
    // No apt-get on this path.
    let output = alone("valkey", "", &skipped);
    assert!(!output.status.success());
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    let problem = "this test needs nowhere: nowhere is not installed and there is no apt-get here \
                   (install no-such-package-anywhere), or set RINGYO_TEST_WITHOUT=nowhere";
    assert!(printed.contains(problem), "{printed}");
    assert!(!skipped.exists());
}
