//! On a terminal: what cannot be undone asks, a key is read without echo, and who waits long sees
//! how far it is. `script` brings the terminal.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use xtask::servers::debian::Program;
use xtask::servers::for_tests;

use crate::support::{Place, id_of};

/// Debian has it everywhere; some systems do not.
const SCRIPT: Program = Program {
    name: "script",
    packages: &["bsdutils"],
    binaries: &["script"],
    folders: &[],
};

/// Runs a command on a terminal; when it has said `prompt`, `answer` is typed. All that was on the
/// terminal, and the exit code.
fn on_terminal(place: &Place, words: &str, prompt: &str, answer: &str) -> (i32, String) {
    let program = env!("CARGO_BIN_EXE_ringyoctl");
    let mut terminal = Command::new(SCRIPT.find("script").unwrap());
    let started = place.command();
    terminal
        .args(["-qefc", &format!("{program} {words}"), "/dev/null"])
        .current_dir(place.path())
        .env_clear()
        .envs(
            started
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = terminal.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut seen = Vec::new();
    let mut byte = [0];
    while !prompt.is_empty() && !seen.ends_with(prompt.as_bytes()) {
        let read = out.read(&mut byte).unwrap();
        assert_eq!(read, 1, "{}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    // What asks without echo puts that off after it has asked: nobody types as soon as that.
    thread::sleep(Duration::from_millis(500));
    input.write_all(answer.as_bytes()).unwrap();
    out.read_to_end(&mut seen).unwrap();
    drop(input);
    let code = child.wait().unwrap().code().unwrap();
    (code, String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn what_cannot_be_undone_is_asked_about() {
    if !for_tests::program(&SCRIPT) {
        return;
    }
    let place = Place::new();
    let key = place.issue();
    let id = id_of(&key);
    let prompt = "to go on: ";
    for command in ["revoke", "regenerate"] {
        for answer in ["no\n", "\n", "y\n"] {
            let words = format!("{command} {id}");
            let (code, seen) = on_terminal(&place, &words, prompt, answer);
            assert_eq!(code, 1, "{seen}");
            assert!(seen.contains("cannot be undone"), "{seen}");
            assert!(seen.contains("nothing was changed"), "{seen}");
            assert_eq!(place.show(id)["state"], "active");
        }
    }
    // What can be undone is not asked about.
    let (code, seen) = on_terminal(&place, &format!("disable {id}"), "", "");
    assert_eq!(code, 0, "{seen}");
    let (code, seen) = on_terminal(&place, &format!("revoke {id}"), prompt, "yes\n");
    assert_eq!(code, 0, "{seen}");
    assert_eq!(place.show(id)["state"], "revoked");
}

#[test]
fn a_key_is_asked_for_without_echo() {
    if !for_tests::program(&SCRIPT) {
        return;
    }
    let place = Place::new();
    let key = place.issue();
    let (code, seen) = on_terminal(&place, "verify", "Key: ", &format!("{key}\n"));
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("Server on the plan pro: active"), "{seen}");
    assert!(!seen.contains(&key[20..52]), "{seen}");
    // What is asked for with echo is on the terminal.
    let words = format!("revoke {}", id_of(&key));
    let (_, seen) = on_terminal(&place, &words, "to go on: ", "echoed\n");
    assert!(seen.contains("echoed"), "{seen}");
}

#[test]
fn who_waits_long_sees_how_far_it_is() {
    if !for_tests::program(&SCRIPT) {
        return;
    }
    let place = Place::new();
    // Long enough for the build at hand.
    let count = if cfg!(debug_assertions) {
        300_000
    } else {
        3_000_000
    };
    let words = format!("mint --count {count} > many");
    let (code, seen) = on_terminal(&place, &words, "", "");
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains(&format!("of {count} keys")), "{seen}");
    let many = std::fs::read_to_string(place.path().join("many")).unwrap();
    assert_eq!(many.lines().count(), count);
    // Not for what is quick, and not among the keys.
    let (_, seen) = on_terminal(&place, "mint --count 10 > few", "", "");
    assert_eq!(seen, "");
    let (_, seen) = on_terminal(&place, "mint --count 3000", "", "");
    assert!(!seen.contains("of 3000 keys"));
    assert_eq!(seen.lines().count(), 3_000);
}
