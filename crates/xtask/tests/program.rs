//! The program itself, run in small workspaces: one that is sound, and its twins with one fault.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const MANIFEST: &str = "\
[workspace]
resolver = \"3\"
members = [\"crates/*\"]
";

const SCOPE_MANIFEST: &str = "\
[package]
name = \"ringyo-scope\"
version = \"0.1.0\"
edition = \"2024\"

[lints]
workspace = true
";

const SCOPE: &str = "\
//! Doubles a number.
//!
//! ```
//! assert_eq!(ringyo_scope::double(2), 4);
//! ```

/// Twice `n`.
pub fn double(n: u8) -> u8 {
    n * 2
}
";

const SCOPE_TEST: &str = "\
#[test]
fn doubles() {
    assert_eq!(ringyo_scope::double(3), 6);
}
";

fn planted() -> TempDir {
    let root = TempDir::new().unwrap();
    let manifest = format!("{MANIFEST}\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n");
    write(root.path(), "Cargo.toml", &manifest);
    write(
        root.path(),
        "crates/ringyo-scope/Cargo.toml",
        SCOPE_MANIFEST,
    );
    write(root.path(), "crates/ringyo-scope/src/lib.rs", SCOPE);
    write(
        root.path(),
        "crates/ringyo-scope/tests/double.rs",
        SCOPE_TEST,
    );
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The exit code, and all that was printed.
fn xtask(root: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .current_dir(root)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&printed).into_owned(),
    )
}

#[test]
fn a_sound_workspace_passes_all_its_tests() {
    let root = planted();
    let (code, printed) = xtask(root.path(), &["test", "--runner", "cargo"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("test doubles ... ok"), "{printed}");
    assert!(printed.contains("(line 3) ... ok"), "{printed}");
    assert!(printed.contains("PASSED in"), "{printed}");
    let skipped: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("SKIPPED: "))
        .collect();
    assert_eq!(
        skipped,
        [
            "SKIPPED: python because there is no crates/xtask/src/servers here",
            "SKIPPED: postgresql because there is no crates/xtask/src/servers here",
            "SKIPPED: redis because there is no crates/xtask/src/servers here",
            "SKIPPED: valkey because there is no crates/xtask/src/servers here",
            "SKIPPED: chromium because there is no examples/demo/tests/browser here",
            "SKIPPED: axe-core because there is no examples/demo/tests/browser here",
            "SKIPPED: fuzz because there is no examples/demo/examples/fuzz here",
            "SKIPPED: scanners because there is no crates/ringyo/tests/secret_scanners.rs here",
            "SKIPPED: tests on valkey because there is no crates/ringyo-redis here",
        ]
    );
}

#[test]
fn fuzzing_without_python_is_skipped_loudly() {
    let root = planted();
    write(root.path(), "examples/demo/examples/fuzz/main.rs", "");
    // The toolchain and nothing else.
    let toolchain = Path::new(env!("CARGO")).parent().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["fuzz", "--seed", "7"])
        .current_dir(root.path())
        .env("PATH", toolchain)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("cargo xtask fuzz --seed 7"), "{printed}");
    let why = "SKIPPED: fuzz because python is not installed and there is no apt-get here";
    assert!(printed.contains(why), "{printed}");
    assert!(printed.contains("PASSED in"), "{printed}");
    assert!(printed.contains(", SKIPPED: fuzz\n"), "{printed}");
}

#[test]
fn a_program_that_cannot_be_installed_is_skipped_loudly() {
    let root = planted();
    let toolchain = Path::new(env!("CARGO")).parent().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("features")
        .current_dir(root.path())
        .env("PATH", toolchain)
        // Cargo looks there for programs as well, and for what it has downloaded.
        .env("CARGO_HOME", root.path().join("home"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", root.path().join("target"))
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let install = "cargo-hack: `cargo install --locked cargo-hack@";
    assert!(printed.contains(install), "{printed}");
    let why = "SKIPPED: features because cargo-hack is not installed and could not be: exit status";
    assert!(printed.contains(why), "{printed}");
    assert!(printed.contains(", SKIPPED: features\n"), "{printed}");
}

/// A workspace that needs servers, and a test of it that needs one which is nowhere.
fn planted_with_servers() -> TempDir {
    let root = planted();
    write(root.path(), "crates/xtask/src/servers/mod.rs", "");
    let manifest = SCOPE_MANIFEST.replace("ringyo-scope", "xtask");
    write(root.path(), "crates/xtask/Cargo.toml", &manifest);
    write(root.path(), "crates/xtask/src/lib.rs", SCOPE);
    let test = "\
#[test]
fn does_without() {
    let without = std::env::var(\"RINGYO_TEST_WITHOUT\").unwrap();
    assert_eq!(without, \"redis,chromium,postgresql,valkey,python\");
    let skipped = std::env::var(\"RINGYO_TEST_SKIPPED\").unwrap();
    std::fs::write(skipped, \"SKIPPED: does_without because it must\\n\").unwrap();
}
";
    write(root.path(), "crates/ringyo-scope/tests/double.rs", test);
    root
}

#[test]
fn what_is_not_to_be_had_is_skipped_and_the_tests_are_told() {
    let root = planted_with_servers();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("test")
        .current_dir(root.path())
        .env("CARGO_TARGET_DIR", root.path().join("target"))
        .env("CARGO_NET_OFFLINE", "true")
        .env(
            "RINGYO_TEST_WITHOUT",
            "redis, chromium,postgresql,valkey,python",
        )
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["python", "postgresql", "redis", "valkey"] {
        let why = format!("SKIPPED: {name} because RINGYO_TEST_WITHOUT says so\n");
        assert!(printed.contains(&why), "{printed}");
    }
    // Also where the runner shows nothing of what a passing test prints.
    let line = "\nSKIPPED: does_without because it must\n";
    assert!(printed.contains(line), "{printed}");
    assert!(printed.contains("tests: passed"), "{printed}");
    let verdict =
        ", SKIPPED: python, postgresql, redis, valkey, chromium, axe-core, fuzz, scanners";
    assert!(printed.contains(verdict), "{printed}");
}

#[test]
fn a_browser_that_is_not_to_be_had_is_skipped_and_its_tests_are_told() {
    let root = planted();
    let manifest = MANIFEST.replace("crates/*", "examples/*");
    let manifest = format!("{manifest}\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n");
    write(root.path(), "Cargo.toml", &manifest);
    let manifest = SCOPE_MANIFEST.replace("ringyo-scope", "ringyo-demo");
    write(root.path(), "examples/demo/Cargo.toml", &manifest);
    write(root.path(), "examples/demo/src/lib.rs", SCOPE);
    let test = "\
#[test]
fn does_without() {
    let without = std::env::var(\"RINGYO_TEST_WITHOUT\").unwrap();
    assert_eq!(without, \"chromium,axe-core\");
}
";
    write(root.path(), "examples/demo/tests/browser/main.rs", test);
    // The toolchain and a linker, which brings no browser, no npm and no apt-get.
    let path = root.path().join("bin");
    fs::create_dir(&path).unwrap();
    for program in ["cc", "ld"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(program))
            .find(|program| program.is_file());
        std::os::unix::fs::symlink(found.unwrap(), path.join(program)).unwrap();
    }
    let toolchain = Path::new(env!("CARGO")).parent().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["browser", "--runner", "cargo"])
        .current_dir(root.path())
        .env("CARGO_TARGET_DIR", root.path().join("target"))
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("RUSTFLAGS")
        // What this run has to do without is another matter.
        .env_remove("RINGYO_TEST_WITHOUT")
        .env("PATH", std::env::join_paths([toolchain, &path]).unwrap())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    for why in [
        "SKIPPED: chromium because chromium is not installed and there is no apt-get here \
         (install chromium chromium-driver fonts-liberation)\n",
        "SKIPPED: axe-core because npm is not installed and there is no apt-get here \
         (install npm)\n",
        "browser tests: passed",
        ", SKIPPED: chromium, axe-core",
    ] {
        assert!(printed.contains(why), "{why}: {printed}");
    }
    assert!(output.status.success(), "{printed}");
}

#[test]
fn servers_are_handed_to_a_command() {
    let root = planted_with_servers();
    let run = |script: &str| {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["servers", "sh", "-c", script])
            .current_dir(root.path())
            .env("RINGYO_TEST_WITHOUT", "postgresql, redis,valkey,python")
            .output()
            .unwrap()
    };
    let output = run(r#"test "$RINGYO_TEST_WITHOUT" = postgresql,redis,valkey,python"#);
    assert!(output.status.success(), "{output:?}");
    let output = run(r#"test "$RINGYO_TEST_WITHOUT" = """#);
    assert!(!output.status.success(), "{output:?}");
}

#[test]
fn the_installed_runner_runs_the_tests() {
    let root = planted();
    let (code, printed) = xtask(root.path(), &["test"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("doubles"), "{printed}");

    write(
        root.path(),
        "crates/ringyo-scope/tests/double.rs",
        &SCOPE_TEST.replace('6', "7"),
    );
    let (code, printed) = xtask(root.path(), &["test"]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("FAILED: tests ("), "{printed}");
}

#[test]
fn a_failing_test_is_named_and_the_doctests_still_run() {
    let root = planted();
    write(
        root.path(),
        "crates/ringyo-scope/tests/double.rs",
        &SCOPE_TEST.replace('6', "7"),
    );
    let (code, printed) = xtask(root.path(), &["test", "--runner", "cargo"]);
    assert_eq!(code, 1, "{printed}");
    assert!(
        printed.contains(
            "run it alone with: cargo test --workspace --all-features --tests --no-fail-fast\n"
        ),
        "{printed}"
    );
    assert!(printed.contains("(line 3) ... ok"), "{printed}");
}

#[test]
fn a_failing_doctest_is_named() {
    let root = planted();
    write(
        root.path(),
        "crates/ringyo-scope/src/lib.rs",
        &SCOPE.replace("(2), 4", "(2), 5"),
    );
    let (code, printed) = xtask(root.path(), &["test", "--runner", "cargo"]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("FAILED: doctests ("), "{printed}");
    assert!(!printed.contains("FAILED: tests ("), "{printed}");
}

#[test]
fn a_test_that_does_not_compile_fails_the_build_and_skips_the_rest() {
    let root = planted();
    write(
        root.path(),
        "crates/ringyo-scope/tests/double.rs",
        "no rust",
    );
    let (code, printed) = xtask(root.path(), &["test", "--runner", "cargo"]);
    assert_eq!(code, 1, "{printed}");
    assert!(
        printed.contains("SKIPPED: doctests because build failed\n"),
        "{printed}"
    );
    assert!(printed.contains("FAILED: build ("), "{printed}");
}

#[test]
fn structure_passes_a_sound_workspace_and_names_a_planted_fault() {
    let root = planted();
    let (code, printed) = xtask(root.path(), &["structure"]);
    assert_eq!(code, 0, "{printed}");

    write(
        root.path(),
        "crates/ringyo-scope/src/age.rs",
        "//! Age.\n\nfn f() {\n    std::time::Instant::now();\n}\n",
    );
    write(root.path(), "docs/notes.md", "");
    let (code, printed) = xtask(root.path(), &["structure"]);
    assert_eq!(code, 1, "{printed}");
    assert!(
        printed.contains("crates/ringyo-scope/src/age.rs:4: clock: "),
        "{printed}"
    );
    assert!(printed.contains("docs: top-level: "), "{printed}");
    assert!(
        printed.contains(
            "FAILED: structure (2 violations); run it alone with: cargo xtask structure\n"
        ),
        "{printed}"
    );
}

#[test]
fn ci_passes_a_sound_workspace_and_finds_one_fault_of_each_check() {
    let root = planted();
    let (code, printed) = xtask(root.path(), &["ci", "--runner", "cargo"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("[17/19] doctests: passed"), "{printed}");

    // Badly formatted, a clippy warning, a broken link, and no page.
    write(
        root.path(),
        "crates/ringyo-scope/src/lib.rs",
        "/// See [`Nothing`].\npub fn double(n: u8) -> u8 { return n * 2; }\n",
    );
    let (code, printed) = xtask(root.path(), &["ci", "--runner", "cargo"]);
    assert_eq!(code, 1, "{printed}");
    for (name, optional) in [
        ("format", true),
        ("clippy", true),
        ("documentation", false),
        ("structure", false),
    ] {
        // rustfmt and clippy are components that a bare toolchain lacks.
        let skipped = optional && printed.contains(&format!("SKIPPED: {name} because"));
        assert!(
            skipped || printed.contains(&format!("FAILED: {name} (")),
            "{name}: {printed}"
        );
    }
    assert!(!printed.contains("FAILED: tests ("), "{printed}");
}

#[test]
fn wrong_arguments_are_refused_with_the_usage() {
    let root = planted();
    for (arguments, problem) in [
        (&[][..], "expected a task\n"),
        (&["tset"], "expected a task, found `tset`"),
        (
            &["test", "--runner", "none"],
            "expected `--runner nextest` or `--runner cargo`, found `--runner none`",
        ),
        (
            &["fuzz", "--seed", "many"],
            "expected `--seed` and a number below 2^32, found `--seed many`",
        ),
        (
            &["bench-report", "--slow"],
            "expected `page`, `--quick` or nothing, found `--slow`",
        ),
        (
            &["structure", "now"],
            "expected a task, found `structure now`",
        ),
    ] {
        let (code, printed) = xtask(root.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(printed.contains(problem), "{printed}");
        assert!(printed.contains("cargo xtask test"), "{printed}");
    }
    let (code, printed) = xtask(root.path(), &["help"]);
    assert_eq!(code, 0);
    assert!(printed.contains("cargo xtask structure"), "{printed}");
}
