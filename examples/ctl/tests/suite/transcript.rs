//! The session in the documentation, typed into a shell line by line.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::Place;
use crate::unify::Names;

const DOCUMENT: &str = include_str!("../../../../crates/ringyo/docs/ringyoctl.md");

/// What was typed, and what the document says came of it.
#[derive(Debug, Default)]
struct Exchange {
    typed: String,
    written: Vec<&'static str>,
}

/// Everything in blocks of the kind `console`: one session.
fn exchanges() -> Vec<Exchange> {
    let mut session: Vec<Exchange> = Vec::new();
    let mut is_inside = false;
    let mut goes_on = false;
    for line in DOCUMENT.lines() {
        match line.strip_prefix("```") {
            Some(kind) => is_inside = !is_inside && kind == "console",
            None if !is_inside => {}
            None => {
                if let Some(typed) = line.strip_prefix("$ ") {
                    session.push(Exchange::default());
                    session.last_mut().unwrap().typed = typed.to_owned();
                } else {
                    let last = session.last_mut().unwrap();
                    if goes_on {
                        last.typed += "\n";
                        last.typed += line;
                    } else {
                        last.written.push(line);
                    }
                }
                goes_on = line.ends_with('\\') && (goes_on || line.starts_with("$ "));
            }
        }
    }
    session
}

struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    fn start(place: &Place) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_ringyoctl"));
        let mut child = Command::new("sh")
            .current_dir(place.path())
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", program.parent().unwrap().display()),
            )
            .env("USER", "alice")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut shell = Self {
            child,
            input,
            lines,
        };
        shell.input.write_all(b"exec 2>&1\n").unwrap();
        shell
    }

    /// What is printed for a command.
    fn type_in(&mut self, command: &str) -> Vec<String> {
        const END: &str = "---- end ----";
        // `$?` is that of the command, also for the one after it.
        let line = format!("{command}\ncode=$?; echo '{END}'; (exit $code)\n");
        self.input.write_all(line.as_bytes()).unwrap();
        let lines = self.lines.by_ref().map(Result::unwrap);
        lines.take_while(|line| line != END).collect()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn play(session: &[Exchange]) -> Result<(), String> {
    let place = Place::empty();
    let mut shell = Shell::start(&place);
    let mut names = Names::default();
    for Exchange { typed, written } in session {
        let printed = shell.type_in(&names.translated(typed));
        let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
        let compared = names.unify(written, &printed);
        compared.map_err(|why| format!("$ {typed}\n{why}"))?;
    }
    Ok(())
}

#[test]
fn the_session_in_the_documentation_is_what_happens() {
    let session = exchanges();
    assert_eq!(missing(&session), Vec::<&str>::new());
    play(&session).unwrap_or_else(|why| panic!("{why}"));
}

/// Commands that nobody types.
fn missing(session: &[Exchange]) -> Vec<&'static str> {
    let commands = [
        "issue",
        "list",
        "show",
        "rename",
        "disable",
        "enable",
        "revoke",
        "regenerate",
        "events",
        "account create",
        "account list",
        "account set-plan",
        "account credits",
        "verify",
        "mint",
        "regex",
        "pepper new",
        "pepper usage",
    ];
    let is_typed = |command: &&str| {
        let mut behind = session
            .iter()
            .flat_map(|exchange| exchange.typed.split("ringyoctl ").skip(1));
        behind.any(|words| {
            let mut words = words.split_whitespace();
            command.split(' ').all(|word| words.next() == Some(word))
        })
    };
    commands
        .into_iter()
        .filter(|command| !is_typed(command))
        .collect()
}

#[test]
fn a_session_without_a_command_is_found_out() {
    let mut session = exchanges();
    // One of the same name is left.
    session.retain(|exchange| !exchange.typed.starts_with("ringyoctl list"));
    assert_eq!(missing(&session), ["list"]);
    session.retain(|exchange| !exchange.typed.contains("regenerate"));
    assert_eq!(missing(&session), ["list", "regenerate"]);
}

#[test]
fn a_session_that_is_wrong_in_one_place_is_found_out() {
    // A word, a line too few, a line too many.
    type Plant = fn(&mut Vec<&'static str>);
    let plants: [Plant; 3] = [
        |written| written[0] = "something else",
        |written| written.truncate(written.len() - 1),
        |written| written.push("one more"),
    ];
    for plant in plants {
        let mut session = exchanges();
        session.truncate(5);
        let place = session
            .iter()
            .rposition(|exchange| !exchange.written.is_empty())
            .unwrap();
        play(&session).unwrap();
        plant(&mut session[place].written);
        let why = play(&session).unwrap_err();
        assert!(
            why.starts_with(&format!("$ {}", session[place].typed)),
            "{why}"
        );
    }
}
