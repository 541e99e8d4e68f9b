//! The page itself.

use std::fmt::Write as _;

use super::goals;
use super::picture::number;
use super::results::{Figure, Results};

/// What stands below this was written by a person, and stays when the page is made again.
const BY_HAND: &str = "## What is missed, and what comes next";

const FRAME: &str = "\
For each goal that is missed: what the figure is made of, and what is to be tried next.
";

/// What each question means, in the order of the page.
const QUESTIONS: [(&str, &str, &str); 14] = [
    (
        "authenticate",
        "A decision",
        "From the header to the numbers that the response shows: find the key, prove it, look it up, check its state, its plan and its limit, and a scope. Everything is in memory. Refusals go as far as they have to.",
    ),
    (
        "stages",
        "Where the time goes",
        "Each stage alone, on the same keys. The look-up is a refusal of a revoked key less one of a forged key. The processor does some of one stage while it waits in another, so what is alone may add up to more than the whole; the rest is what is left over.",
    ),
    (
        "working set",
        "More keys",
        "Each key is asked for in an order of its own. Zipf: few keys make most requests, as in life.",
    ),
    ("key", "Making and reading keys", ""),
    ("scope", "Permissions", ""),
    ("limit", "Rate limits in the process", ""),
    (
        "http",
        "The layer around a service that answers at once",
        "What it takes to make the request is in every row.",
    ),
    (
        "memory",
        "Memory",
        "Asked of the allocator; what it adds for itself is not in it.",
    ),
    (
        "stores: SQLite",
        "A store: SQLite",
        "Beside one plain indexed `SELECT` through the same driver. A cold decision reads the store.",
    ),
    (
        "stores: PostgreSQL",
        "A store: PostgreSQL",
        "The server is on the same machine and syncs to its disk.",
    ),
    (
        "end to end",
        "Over HTTP",
        "An axum service, on SQLite, with limits in the process, in a process of its own; the requests come from another, over kept connections of the loopback. In a flood there are ten invalid requests to each valid one, every one with a key of its own and from one of many addresses; half of the keys are forged, half have a true tag and an id that nobody has a record of. Valid requests are sent at a fixed rate, and each is timed from when it was due.",
    ),
    (
        "contenders: credential",
        "Beside others: who is it?",
        "The first row finds, proves and limits a key and checks its scope; the others do what they are made for. A key that is hashed like a password takes as long as it is meant to.",
    ),
    (
        "contenders: permission",
        "Beside others: may they?",
        "A key with four scopes, and one question.",
    ),
    (
        "contenders: limit",
        "Beside others: how fast may they?",
        "1,000 accounts in turns, all let in.",
    ),
];

pub(super) fn page(
    results: &Results,
    redis: &str,
    machine: &[(&str, String)],
    pictures: &[&str],
    before: &str,
) -> String {
    let (runs, spread) = results.noise();
    let mut page = format!(
        "# Speed\n\n\
         What a decision costs, what that is made of, and what it is beside others. All of it comes from \
         one command, which takes a quiet machine, PostgreSQL and Redis, and its time:\n\n\
         ```sh\ncargo xtask bench-report           # this page; with --quick a short one below target\n```\n\n\
         The unit is the **floor**: one HMAC-SHA-256 over one block by the `hmac` crate, its key schedule \
         computed before, which no check of such a key can do without. Every case is timed in turns with \
         it, by the processor time of the thread, so what else the machine does falls out. Compare floors, \
         not nanoseconds: those are of this machine and this hour.\n\n\
         Every bench ran {runs} times, each time in a process of its own. A figure is the middle one, with \
         the least and the greatest beside it; between those lies {:.0} % of the figure in the middle of \
         all rows. A difference smaller than that is none.\n\n",
        100.0 * spread
    );
    page.push_str("| measured on | |\n| --- | --- |\n");
    for (what, which) in machine {
        let _ = writeln!(page, "| {what} | {which} |");
    }
    page.push_str("\n## Goals\n\n");
    page.push_str(&goals::table(results));
    for (question, heading, words) in QUESTIONS {
        section(&mut page, results, pictures, question, heading, words);
    }
    let layer = "contenders: layer";
    let words = "`tower_governor` limits each credential and knows nothing of it.";
    section(
        &mut page,
        results,
        pictures,
        layer,
        "Beside others: a layer",
        words,
    );
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

fn section(
    page: &mut String,
    results: &Results,
    pictures: &[&str],
    question: &str,
    heading: &str,
    words: &str,
) {
    let questions = results.questions();
    let Some((_, units)) = questions.iter().find(|(it, _)| *it == question) else {
        return;
    };
    let _ = write!(page, "\n## {heading}\n\n");
    if !words.is_empty() {
        let _ = write!(page, "{words}\n\n");
    }
    let shown: &[(&str, &str)] = match question {
        "authenticate" => &[
            ("refusals", "What is let in and what is refused, in floors"),
            ("threads", "What more threads bring"),
        ],
        "stages" => &[("stages", "The stages of a decision, in floors")],
        "working set" => &[(
            "working-set",
            "A decision over more and more keys, in floors",
        )],
        "contenders: credential" => &[("contenders", "To check one credential, in floors")],
        _ => &[],
    };
    for (name, words) in shown {
        if pictures.contains(name) {
            let _ = write!(page, "![{words}][picture-{name}]\n\n");
        }
    }
    if units.contains(&"floors") {
        floors(page, results, question);
    }
    let others = units
        .iter()
        .filter(|unit| !matches!(**unit, "floors" | "ns"));
    let rows: Vec<&Figure> = others.flat_map(|unit| results.of(question, unit)).collect();
    if rows.is_empty() {
        return;
    }
    page.push_str("\n| | | least to greatest |\n| --- | --- | --- |\n");
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
    let ours = results
        .of(question, "floors")
        .next()
        .map_or(1.0, Figure::median);
    for row in results.of(question, "floors") {
        let nanos = results.find(question, &row.case, "ns");
        let nanos = nanos.map_or(String::new(), |it| number(it.median()));
        let (case, floors) = (&row.case, number(row.median()));
        let _ = write!(page, "| {case} | {floors} | {} | {nanos} |", range(row));
        if is_beside_others {
            let _ = write!(page, " {} |", number(row.median() / ours));
        }
        page.push('\n');
    }
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
