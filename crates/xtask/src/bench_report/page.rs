//! The page itself.

use std::fmt::Write as _;

use super::goals;
use super::picture::number;
use super::questions::{QUESTIONS, Question};
use super::results::{Figure, Results};

/// What stands below this was written by a person, and stays when the page is made again.
const BY_HAND: &str = "## What is missed, and what comes next";

const FRAME: &str = "\
For each goal that is missed: what the figure is made of, and what is to be tried next.
";

const INTRODUCTION: &str = "\
What a decision costs, what that is made of, and what it is beside others. All of it comes from one \
command, which takes a machine with nothing else to do, PostgreSQL and Redis, and its time:";

const FLOOR: &str = "\
The unit is the **floor**: one HMAC-SHA-256 over one block by the `hmac` crate, its key schedule \
computed before, without which no such key can be checked. Every case is timed in turns with it, by \
the processor time of the thread, so that what else this system does falls out. Compare floors, not \
nanoseconds: those are of this machine and this hour.";

pub(super) fn page(
    results: &Results,
    redis: &str,
    machine: &[(&str, String)],
    pictures: &[&str],
    before: &str,
) -> String {
    let (runs, spread) = results.noise();
    let mut page = String::from("# Speed\n\n");
    let command = "\
```sh
cargo xtask bench-report           # this page
cargo xtask bench-report --quick   # a short one, below target
```
";
    let noise = format!(
        "Every bench that measures time ran {runs} times, each time in a process of its own; what is \
         counted, and the limit on Redis, ran once. A figure is the middle \
         one, with the least and the greatest beside it; between those lie {:.0} % of the figure, in \
         the middle one of all rows. A difference smaller than that is none. A processor of a virtual \
         machine may be one half of a core whose other half is somebody else's. What that takes is \
         not in the floor, which waits for itself, but in all that uses a whole core; so a probe \
         runs in turns with the cases, and samples during which it took a tenth longer than it \
         can are left out: {:.0} % of them in the middle one of all runs. Where four tries bring fewer \
         than eight without, the eight that had most of the core count. Rows of several threads, each \
         on a processor of its own, are told as they come, and so is the one beside changes.",
        100.0 * spread,
        100.0 * results.left_out()
    );
    for part in [
        &folded(INTRODUCTION),
        command.trim(),
        &folded(FLOOR),
        &folded(&noise),
    ] {
        let _ = write!(page, "{part}\n\n");
    }
    page.push_str("| measured on | |\n| --- | --- |\n");
    for (what, which) in machine {
        let _ = writeln!(page, "| {what} | {which} |");
    }
    page.push_str("\n## Goals\n\n");
    page.push_str(&goals::table(results));
    for question in &QUESTIONS {
        section(&mut page, results, pictures, question);
    }
    if !redis.trim().is_empty() {
        page.push_str(
            "\n## A limit on Redis\n\nBeside a bare round trip of the same client.\n\n```text\n",
        );
        for line in redis.lines().filter(|line| line.contains(" x ")) {
            let _ = writeln!(page, "{}", line.trim_end());
        }
        page.push_str("```\n");
    }
    page.push('\n');
    for name in pictures {
        let _ = writeln!(page, "[picture-{name}]: speed/{name}.svg");
    }
    let by_hand = before.split_once(BY_HAND).map(|(_, text)| text.trim());
    let by_hand = by_hand.unwrap_or(FRAME.trim());
    let note = "<!-- `cargo xtask bench-report` makes all but what is below this line. -->";
    let _ = writeln!(page, "\n{note}\n\n{BY_HAND}\n\n{by_hand}");
    page
}

fn section(page: &mut String, results: &Results, made: &[&str], question: &Question) {
    let Question {
        name,
        heading,
        words,
        pictures,
    } = question;
    let questions = results.questions();
    let Some((_, units)) = questions.iter().find(|(it, _)| it == name) else {
        return;
    };
    let _ = write!(page, "\n## {heading}\n\n");
    if !words.is_empty() {
        let _ = write!(page, "{}\n\n", folded(words));
    }
    for (picture, words) in *pictures {
        if made.contains(picture) {
            let _ = write!(page, "![{words}][picture-{picture}]\n\n");
        }
    }
    if units.contains(&"floors") {
        floors(page, results, name);
    }
    let others = units
        .iter()
        .filter(|unit| !matches!(**unit, "floors" | "ns"));
    let rows: Vec<&Figure> = others.flat_map(|unit| results.of(name, unit)).collect();
    if rows.is_empty() {
        return;
    }
    if units.contains(&"floors") {
        page.push('\n');
    }
    page.push_str("| | | least to greatest |\n| --- | --- | --- |\n");
    for row in rows {
        let Figure { case, unit, .. } = row;
        let _ = writeln!(
            page,
            "| {case} | {} {unit} | {} |",
            number(row.median()),
            range(row)
        );
    }
}

fn floors(page: &mut String, results: &Results, question: &str) {
    let is_beside_others = question.starts_with("contenders");
    let (times, rule) = match is_beside_others {
        true => (" times ours |", " --- |"),
        false => ("", ""),
    };
    let _ = writeln!(page, "| | floors | least to greatest | ns |{times}");
    let _ = writeln!(page, "| --- | --- | --- | --- |{rule}");
    for row in results.of(question, "floors") {
        let nanos = results.find(question, &row.case, "ns");
        let nanos = nanos.map_or(String::new(), |it| number(it.median()));
        let (case, floors) = (&row.case, number(row.median()));
        let _ = write!(page, "| {case} | {floors} | {} | {nanos} |", range(row));
        if is_beside_others {
            let times = results.times_ours(row);
            let _ = write!(page, " {} |", times.map_or(String::new(), number));
        }
        page.push('\n');
    }
}

/// In lines of at most a hundred letters.
fn folded(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.chars().count() + 1 + word.chars().count() > 100 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

fn range(row: &Figure) -> String {
    format!("{} to {}", number(row.least()), number(row.greatest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_by_hand_stays() {
        let machine = [("processor", "one".to_owned())];
        let make = |before: &str| page(&Results::default(), "", &machine, &["threads"], before);
        let first = make("");
        assert!(first.contains(BY_HAND) && first.contains(FRAME.trim()));
        let filled = first.replace(FRAME.trim(), "The look-up: a smaller slot.");
        assert!(make(&filled).contains("The look-up: a smaller slot."));
        // Made again and again it stays the same.
        assert_eq!(make(&make(&filled)), filled);
    }

    #[test]
    fn every_figure_is_on_the_page() {
        let line = |unit, value: f64| {
            format!(
                "{{\"question\":\"key\",\"case\":\"mint\",\"unit\":\"{unit}\",\"value\":{value}}}\n"
            )
        };
        let lines = line("floors", 1.5) + &line("ns", 180.0) + &line("bytes", 64.0);
        let results = Results::parse(&lines).unwrap_or_default();
        let page = page(&results, "", &[], &[], "");
        assert!(page.contains("| mint | 1.5 | 1.5 to 1.5 | 180 |"));
        assert!(page.contains("| mint | 64 bytes | 64 to 64 |"));
    }
}
