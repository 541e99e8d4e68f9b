//! Programs are found, and what cannot be installed is said to be so.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
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

const CONJURED: Program = Program {
    name: "conjured",
    packages: &["conjured-package"],
    binaries: &["conjured-binary"],
    folders: &[],
};

/// An `apt-get` that knows our package once it has updated its lists, takes its time to install
/// it, and notes what it was asked for; and a `sudo` that lets everybody do everything.
const APT_GET: &str = r#"#!/bin/sh
here=$(dirname "$0")
[ "$1" = --version ] && exit
echo "$*" >> "$here/asked"
case "$*" in
*update*) touch "$here/lists" ;;
*conjured-package*)
    [ -e "$here/lists" ] || { echo "E: Unable to locate package" >&2; exit 100; }
    sleep 0.5
    cp "$0" "$here/conjured-binary" ;;
esac
"#;
const SUDO: &str = "#!/bin/sh\n[ \"$1\" = -n ] && shift\nexec \"$@\"\n";

/// Whether this is a process that `install` starts, and where it is to do so.
const ALONE: &str = "RINGYO_TEST_CONJURED";

/// Run by the test below in processes of their own; by itself it has nothing to install.
#[test]
fn installs_what_is_conjured() {
    if std::env::var_os(ALONE).is_some() {
        CONJURED.install(&mut std::io::stderr()).unwrap();
        assert!(CONJURED.is_installed());
    }
}

fn install(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "debian::installs_what_is_conjured"])
        .env(ALONE, "1")
        .env("TMPDIR", folder)
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn of_many_who_need_a_program_one_installs_it() {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("apt-get", APT_GET), ("sudo", SUDO)] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let started: Vec<Child> = (0..4).map(|_| install(folder.path())).collect();
    let mut installed = 0;
    for child in started {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        installed += said.matches("\ninstalled conjured-package\n").count();
    }
    assert_eq!(installed, 1);
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    let is = |line: &str, word: &str| line.split(' ').any(|other| other == word);
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(is(asked[0], "install") && is(asked[1], "update") && is(asked[2], "install"));

    // Without lists to be had it says what apt-get said.
    for made in ["conjured-binary", "lists"] {
        fs::remove_file(folder.path().join(made)).unwrap();
    }
    let forgetful = APT_GET.replace("touch", "rm -f");
    fs::write(folder.path().join("apt-get"), forgetful).unwrap();
    let output = install(folder.path()).wait_with_output().unwrap();
    assert!(!output.status.success());
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    let why = "conjured is not installed and apt-get install failed: E: Unable to locate package \
               (install conjured-package)";
    assert!(printed.contains(why), "{printed}");
}
