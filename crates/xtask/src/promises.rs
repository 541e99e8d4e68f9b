//! `cargo xtask promises`: what the page of promises says is what its commands print.
//!
//! A promise is a row of a table on that page: what is promised, the figures that prove it, in
//! backticks, and the command that prints them. A figure that is not printed is a false one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::cargo::Cargo;
use crate::servers::for_tests::WITHOUT;
use crate::step::{Outcome, Step};

/// The page.
pub const PAGE: &str = "crates/ringyo/docs/promises.md";

/// What begins a table of promises. Other tables on the page are something else.
const HEAD: [&str; 3] = ["promise", "figure", "command"];

/// What begins one of promises whose proof takes a night.
const HEAD_OF_NIGHT: [&str; 3] = ["promise of the night", "figure", "command"];

/// One row of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// What is promised.
    pub words: String,
    /// What the command prints.
    pub figures: Vec<String>,
    /// What proves it.
    pub command: Cargo,
    /// Whether that takes so long that nobody waits for it.
    pub takes_a_night: bool,
}

/// A step for each promise of the page that somebody may wait for, or for those of all whose words
/// contain `part`.
///
/// # Errors
///
/// When the page cannot be read, one of its rows says no figure or no command, or none has the words.
pub fn steps(root: &Path, part: &str) -> io::Result<Vec<Step>> {
    choose(root, part, !part.is_empty())
}

/// The same, with those that take a night.
///
/// # Errors
///
/// As [`steps`].
pub fn all(root: &Path, part: &str) -> io::Result<Vec<Step>> {
    choose(root, part, true)
}

fn choose(root: &Path, part: &str, with_night: bool) -> io::Result<Vec<Step>> {
    let promises = read(&fs::read_to_string(root.join(PAGE))?)?;
    let asked_for = promises
        .into_iter()
        .filter(|promise| promise.words.contains(part) && (with_night || !promise.takes_a_night));
    let steps: Vec<Step> = asked_for.map(step).collect();
    if steps.is_empty() {
        return Err(io::Error::other(format!(
            "no promise has the words `{part}`"
        )));
    }
    Ok(steps)
}

/// The promises on a page.
///
/// # Errors
///
/// When a row has no words, no figure, or no command of cargo's; and when there is no row, since a
/// page without promises proves nothing.
pub fn read(page: &str) -> io::Result<Vec<Promise>> {
    let mut promises = Vec::new();
    let mut takes_a_night = None;
    for line in page.lines() {
        let Some(cells) = cells(line) else {
            takes_a_night = None;
            continue;
        };
        if cells == HEAD || cells == HEAD_OF_NIGHT {
            takes_a_night = Some(cells == HEAD_OF_NIGHT);
        } else if let Some(takes_a_night) = takes_a_night
            && !cells.iter().all(|cell| cell.starts_with("---"))
        {
            let promise = promise(&cells, takes_a_night).ok_or_else(|| {
                io::Error::other(format!("not words, figures and a command: {line}"))
            })?;
            promises.push(promise);
        }
    }
    if promises.is_empty() {
        return Err(io::Error::other("the page holds no promise"));
    }
    Ok(promises)
}

/// The figures that were not printed.
pub fn unproven<'a>(figures: &'a [String], printed: &str) -> Vec<&'a str> {
    let figures = figures.iter().map(String::as_str);
    figures
        .filter(|figure| !printed.lines().any(|line| says(line, figure)))
        .collect()
}

/// Whether a line has the figure, and not as a part of a larger number.
fn says(line: &str, figure: &str) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    line.match_indices(figure).any(|(at, _)| {
        let (before, after) = (
            &line.as_bytes()[..at],
            &line.as_bytes()[at + figure.len()..],
        );
        let goes_on = is_digit(figure.as_bytes().last()) && is_digit(after.first());
        !is_digit(before.last()) && !goes_on
    })
}

/// Why a step of ours was left out, if one was.
fn skipped(printed: &str) -> Option<&str> {
    let mut lines = printed.lines();
    lines.find_map(|line| Some(line.strip_prefix("SKIPPED: ")?.split_once(" because ")?.1))
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(row.split('|').map(str::trim).collect())
}

fn promise(cells: &[&str], takes_a_night: bool) -> Option<Promise> {
    let [words, figures, command] = cells else {
        return None;
    };
    let figures: Vec<String> = quoted(figures).map(str::to_owned).collect();
    let command = quoted(command).next()?;
    (!words.is_empty() && !figures.is_empty()).then_some(())?;
    Some(Promise {
        words: (*words).to_owned(),
        figures,
        command: cargo(command)?,
        takes_a_night,
    })
}

/// A call of cargo, behind the variables that it is given.
fn cargo(command: &str) -> Option<Cargo> {
    let mut rest = command;
    let mut variables = Vec::new();
    while let Some((variable, behind)) = rest.split_once(' ')
        && let Some(variable) = variable.split_once('=')
    {
        variables.push(variable);
        rest = behind;
    }
    let cargo = Cargo::new(rest.strip_prefix("cargo ")?);
    let given = |cargo: Cargo, (name, value)| cargo.env(name, value);
    Some(variables.into_iter().fold(cargo, given))
}

/// What stands in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn step(promise: Promise) -> Step {
    let Promise {
        words,
        figures,
        command,
        takes_a_night,
    } = promise;
    Step::new(words, command.to_string(), move |root, out| {
        // A test that has no server to ask passes elsewhere; here it would prove nothing.
        let command = command.env(WITHOUT, "");
        // What takes long shows how far it is; of the rest only failures are shown.
        let (status, printed) = match takes_a_night {
            true => command.printed_and_shown(root, out)?,
            false => command.printed(root)?,
        };
        let show = |out: &mut dyn Write| match takes_a_night {
            true => Ok(()),
            false => writeln!(out, "{printed}"),
        };
        if !status.success() {
            show(out)?;
            return Ok(Outcome::Failed(status.to_string()));
        }
        if let Some(why) = skipped(&printed) {
            return Ok(Outcome::Skipped(why.to_owned()));
        }
        let unproven = unproven(&figures, &printed);
        if !unproven.is_empty() {
            show(out)?;
            let what = format!("it does not print `{}`", unproven.join("`, `"));
            return Ok(Outcome::Failed(what));
        }
        for figure in &figures {
            writeln!(out, "  printed: {figure}")?;
        }
        Ok(Outcome::Passed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: &str = "| promise | figure | command |\n| --- | --- | --- |\n";

    fn page(row: &str) -> io::Result<Vec<Promise>> {
        read(&format!("# Words\n\n{TOP}{row}\n\n| other | table |\n"))
    }

    #[test]
    fn a_row_is_read() {
        let promises = page("| It holds | `0 of 7`, `none` | `cargo test -p x holds` |").unwrap();
        let [promise] = &promises[..] else {
            panic!("{promises:?}");
        };
        assert_eq!(promise.words, "It holds");
        assert_eq!(promise.figures, ["0 of 7", "none"]);
        assert_eq!(promise.command.to_string(), "cargo test -p x holds");
        assert!(!promise.takes_a_night);
    }

    #[test]
    fn a_row_of_the_night_is_read_with_its_variables() {
        let top = TOP.replace("promise", "promise of the night");
        let row = "| It holds | `0 of 7` | `A=1 B=two cargo test -p x holds` |";
        let promises = read(&format!("{top}{row}\n\n{TOP}{row}\n")).unwrap();
        let nights: Vec<bool> = promises.iter().map(|one| one.takes_a_night).collect();
        assert_eq!(nights, [true, false]);
        let line = promises[0].command.to_string();
        assert_eq!(line, r#"A="1" B="two" cargo test -p x holds"#);
    }

    #[test]
    fn what_was_left_out_is_no_proof_and_no_failure() {
        let printed = "SKIPPED: coverage because there is no tool\n\nPASSED in 1 s\n";
        assert_eq!(skipped(printed), Some("there is no tool"));
        assert_eq!(skipped("passed, SKIPPED: coverage\n"), None);
    }

    #[test]
    fn a_row_that_proves_nothing_is_refused() {
        for row in [
            "| It holds | always | `cargo test -p x holds` |",
            "| It holds | `0 of 7` | by looking |",
            "| It holds | `0 of 7` | `rm -r x` |",
            "| It holds | `0 of 7` |",
            "",
        ] {
            assert!(page(row).is_err(), "{row}");
        }
    }

    #[test]
    fn a_false_figure_is_found() {
        let figures = ["0 of 7".to_owned(), "10 rounds".to_owned()];
        assert!(unproven(&figures, "late: 0 of 7\nin 10 rounds\n").is_empty());
        assert_eq!(
            unproven(&figures, "late: 1 of 7\nin 10 rounds\n"),
            ["0 of 7"]
        );
        assert_eq!(unproven(&figures, "").len(), 2);
        assert_eq!(
            unproven(&figures, "late: 10 of 7\nin 10 rounds\n"),
            ["0 of 7"]
        );
        assert_eq!(
            unproven(&figures, "late: 0 of 70\nin 10 rounds\n"),
            ["0 of 7"]
        );
    }

    #[test]
    fn a_command_that_prints_something_else_or_fails_is_a_failure() {
        let outcome = |figure: &str, command: &str| {
            let promise = Promise {
                words: "It holds".into(),
                figures: vec![figure.into()],
                command: Cargo::new(command),
                takes_a_night: figure == "cargo 1.",
            };
            let steps = vec![step(promise)];
            let report = crate::step::run(Path::new("."), steps, &mut Vec::new()).unwrap();
            report.outcome("It holds").cloned()
        };
        assert_eq!(outcome("cargo 1.", "--version"), Some(Outcome::Passed));
        assert!(matches!(
            outcome("cargo 0.", "--version"),
            Some(Outcome::Failed(_))
        ));
        assert!(matches!(
            outcome("cargo", "no-such-thing"),
            Some(Outcome::Failed(_))
        ));
    }

    #[test]
    fn the_page_can_be_proven() {
        let root = crate::cargo::workspace_root().unwrap();
        let (day, all) = (steps(&root, "").unwrap(), all(&root, "").unwrap());
        assert!(day.len() > 40 && all.len() > day.len());
        assert!(steps(&root, "no such words").is_err());
        assert_eq!(steps(&root, all[day.len()].name()).unwrap().len(), 1);
    }
}
