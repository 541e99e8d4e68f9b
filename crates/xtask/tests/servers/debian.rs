//! Programs are found, and what cannot be installed is said to be so.

use xtask::servers::debian::{POSTGRESQL, Program};
use xtask::servers::for_tests;

#[test]
fn a_program_is_found_in_its_folder_before_the_path() {
    if !for_tests::program(&POSTGRESQL) {
        return;
    }
    // Debian puts a wrapper for `psql` on the path.
    let server = POSTGRESQL.find("postgres").unwrap();
    let client = POSTGRESQL.find("psql").unwrap();
    assert_eq!(server.parent(), client.parent());
    assert!(POSTGRESQL.is_installed());
    // All must be there, not one of them.
    let more = Program {
        binaries: &["psql", "no-such-binary"],
        ..POSTGRESQL
    };
    assert!(!more.is_installed());
}

#[test]
fn what_is_installed_is_not_installed_again() {
    let shell = Program {
        name: "shell",
        packages: &["no-such-package"],
        binaries: &["sh"],
        folders: &[],
    };
    let mut out = Vec::new();
    shell.install(&mut out).unwrap();
    assert_eq!(out, b"");
}
