//! What was set out for, to be held against what came out.

use super::picture::number;
use super::results::{Figure, OURS, Results};

/// At most, or at least, so much.
#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// What is to be reached: in words, and where the figure is.
struct Goal {
    words: &'static str,
    measured: fn(&Results) -> Option<f64>,
    bound: Bound,
    unit: &'static str,
}

const GOALS: [Goal; 34] = [
    Goal {
        words: "a decision over 1,000 hot keys",
        measured: |results| floors(results, "authenticate", "1,000 hot keys"),
        bound: AtMost(1.5),
        unit: "floors",
    },
    Goal {
        words: "the same for keys with two networks and a limit of their own",
        measured: |results| floors(results, "authenticate", "1,000 hot keys with both"),
        bound: AtMost(1.5),
        unit: "floors",
    },
    Goal {
        words: "a decision over a million keys, uniform",
        measured: |results| floors(results, "working set", "1,000,000 keys, uniform"),
        bound: AtMost(6.0),
        unit: "floors",
    },
    Goal {
        words: "a decision over a million keys, Zipf",
        measured: |results| floors(results, "working set", "1,000,000 keys, Zipf"),
        bound: AtMost(4.0),
        unit: "floors",
    },
    Goal {
        words: "a malformed key refused",
        measured: |results| floors(results, "authenticate", "malformed"),
        bound: AtMost(0.15),
        unit: "floors",
    },
    Goal {
        words: "a mistyped key refused",
        measured: |results| floors(results, "authenticate", "bad checksum"),
        bound: AtMost(0.3),
        unit: "floors",
    },
    refusal("a forged key refused", |results| {
        floors(results, "authenticate", "forged")
    }),
    refusal("an unknown key, until the store is asked", |results| {
        floors(
            results,
            "authenticate",
            "unknown id, until the store is asked",
        )
    }),
    refusal("a wrong secret refused", |results| {
        floors(results, "authenticate", "wrong secret")
    }),
    Goal {
        words: "the dearest of these three, beside the cheapest",
        measured: |results| {
            let cases = [
                "forged",
                "unknown id, until the store is asked",
                "wrong secret",
            ];
            let costs = cases.map(|case| floors(results, "authenticate", case));
            let [Some(first), Some(second), Some(third)] = costs else {
                return None;
            };
            Some(first.max(second).max(third) / first.min(second).min(third))
        },
        bound: AtMost(1.15),
        unit: "times as long",
    },
    Goal {
        words: "a request over the limit refused",
        measured: |results| floors(results, "authenticate", "over the limit"),
        bound: AtMost(1.7),
        unit: "floors",
    },
    Goal {
        words: "a new key",
        measured: |results| floors(results, "key", "mint"),
        bound: AtMost(2.5),
        unit: "floors",
    },
    Goal {
        words: "a scope that is held",
        measured: |results| floors(results, "scope", "check: held"),
        bound: AtMost(0.03),
        unit: "floors",
    },
    Goal {
        words: "what a million keys take longer than a thousand, uniform",
        measured: |results| {
            let nanos = |case| value(results, "working set", case, "ns");
            let longer = nanos("1,000,000 keys, uniform")? - nanos("1,000 keys, uniform")?;
            let load = "a dependent load from 256 MiB";
            Some(longer / value(results, "working set: memory", load, "ns")?)
        },
        bound: AtMost(2.0),
        unit: "loads from 256 MiB, one after the other",
    },
    Goal {
        words: "two threads on keys of their own, beside two on the floor",
        measured: |results| {
            let twice = |case| value(results, "authenticate", case, "times one");
            let ours = twice("1,000 hot keys, shared out: 2 threads")?;
            Some(ours / twice("the floor: 2 threads")?)
        },
        bound: AtLeast(0.8),
        unit: "of what the floor gains",
    },
    Goal {
        words: "a decision beside 1,000 changes a second",
        measured: |results| {
            let beside = floors(
                results,
                "authenticate",
                "1,000 hot keys beside 1,000 changes/s",
            );
            Some(beside? / floors(results, "authenticate", "1,000 hot keys")?)
        },
        bound: AtMost(1.2),
        unit: "times as long as without",
    },
    Goal {
        words: "the whole decision, beside `prefixed-api-key`, which parses and checks",
        measured: |results| times_ours(results, "credential", "prefixed-api-key"),
        bound: AtLeast(1.0),
        unit: "times as fast",
    },
    Goal {
        words: "beside a JWT signed with HS256",
        measured: |results| times_ours(results, "credential", "HS256"),
        bound: AtLeast(10.0),
        unit: "times as fast",
    },
    Goal {
        words: "beside a JWT signed with EdDSA",
        measured: |results| times_ours(results, "credential", "EdDSA"),
        bound: AtLeast(200.0),
        unit: "times as fast",
    },
    Goal {
        words: "beside `limitador`, which limits alone, and whose contexts are made for each request",
        measured: |results| times_ours(results, "limit", "limitador"),
        bound: AtLeast(8.0),
        unit: "times as fast",
    },
    ahead(
        "the contender that is nearest in saying who it is",
        |results| nearest(results, "credential", |_| true),
    ),
    ahead("in saying whether they may", |results| {
        nearest(results, "permission", |_| true)
    }),
    ahead("in saying how fast they may", |results| {
        nearest(results, "limit", |_| true)
    }),
    ahead("as a layer that does all three", |results| {
        nearest(results, "layer", |row| row.case.contains("jsonwebtoken"))
    }),
    none("a warm decision, let in", |results| {
        allocations(results, "a decision, let in")
    }),
    none("a warm decision, refused", |results| {
        allocations(results, "a decision, refused: the most of six kinds")
    }),
    Goal {
        words: "the layer, beside the service without it",
        measured: |results| allocations(results, "the layer, beside the service without it"),
        bound: AtMost(3.0),
        unit: "allocations",
    },
    Goal {
        words: "the layer, beside the service and a decision",
        measured: |results| {
            let without = floors(results, "http", "without it, and a decision")?;
            Some(floors(results, "http", "with the layer")? - without)
        },
        bound: AtMost(2.5),
        unit: "floors",
    },
    Goal {
        words: "the layer, beside the service without it",
        measured: |results| {
            let part = value(
                results,
                "end to end",
                "throughput with the layer",
                "of bare",
            )?;
            Some(100.0 * (1.0 - part))
        },
        bound: AtMost(10.0),
        unit: "% of the throughput",
    },
    Goal {
        words: "the same by the processor time of the service, whatever the generator reaches",
        measured: |results| {
            let case = "processor time of the service, with the layer";
            let part = value(results, "end to end", case, "of bare")?;
            Some(100.0 * (1.0 - 1.0 / part))
        },
        bound: AtMost(10.0),
        unit: "% of the throughput",
    },
    Goal {
        words: "the slowest hundredth of valid requests in a flood of ten times as many invalid ones",
        measured: |results| {
            let case = "p99 of valid requests in a flood";
            value(results, "end to end", case, "of its own before")
        },
        bound: AtMost(2.0),
        unit: "times as long as without",
    },
    Goal {
        words: "memory for distinct ids and addresses in a flood, second half of it",
        measured: |results| {
            let case = "memory grown in the second half of a flood";
            value(results, "end to end", case, "MiB")
        },
        bound: AtMost(8.0),
        unit: "MiB",
    },
    Goal {
        words: "a cached key, four to an account",
        measured: |results| value(results, "memory", "a cached key, 4 to an account", "bytes"),
        bound: AtMost(200.0),
        unit: "bytes",
    },
    Goal {
        words: "an account that has been idle long enough to have its limit whole",
        measured: |results| value(results, "memory", "an idle account, swept", "bytes"),
        bound: AtMost(1.0),
        unit: "bytes",
    },
];

const fn ahead(words: &'static str, measured: fn(&Results) -> Option<f64>) -> Goal {
    Goal {
        words,
        measured,
        bound: AtLeast(1.0),
        unit: "times as fast",
    }
}

const fn none(words: &'static str, measured: fn(&Results) -> Option<f64>) -> Goal {
    Goal {
        words,
        measured,
        bound: AtMost(0.0),
        unit: "allocations",
    }
}

const fn refusal(words: &'static str, measured: fn(&Results) -> Option<f64>) -> Goal {
    Goal {
        words,
        measured,
        bound: AtMost(1.3),
        unit: "floors",
    }
}

/// Rows of a table: what, the goal, what was measured, and whether that is enough.
pub(super) fn table(results: &Results) -> String {
    let mut table = String::from("| what | goal | measured | |\n| --- | --- | --- | --- |\n");
    for goal in &GOALS {
        let bound = match goal.bound {
            AtMost(most) => format!("≤ {}", number(most)),
            AtLeast(least) => format!("≥ {}", number(least)),
        };
        let (measured, verdict) = match (goal.measured)(results) {
            Some(value) if is_met(value, goal.bound) => (number(value), "met"),
            Some(value) => (number(value), "**missed**"),
            None => ("not measured".to_owned(), ""),
        };
        let Goal { words, unit, .. } = goal;
        table.push_str(&format!(
            "| {words} | {bound} {unit} | {measured} | {verdict} |\n"
        ));
    }
    table
}

fn is_met(value: f64, bound: Bound) -> bool {
    match bound {
        AtMost(most) => value <= most,
        AtLeast(least) => value >= least,
    }
}

fn floors(results: &Results, question: &str, case: &str) -> Option<f64> {
    value(results, question, case, "floors")
}

fn value(results: &Results, question: &str, case: &str, unit: &str) -> Option<f64> {
    results.find(question, case, unit).map(Figure::median)
}

/// How many of our whole decisions fit into what a contender does, whose row has this in its name.
fn times_ours(results: &Results, subject: &str, contender: &str) -> Option<f64> {
    let ours = results.of("contenders: credential", "floors").next()?;
    let question = format!("contenders: {subject}");
    let mut rows = results.of(&question, "floors");
    let theirs = rows.find(|row| row.case.contains(contender))?;
    Some(theirs.median() / ours.median())
}

/// How many times ours that contender takes which takes the least, of those that do the work.
fn nearest(results: &Results, subject: &str, does: fn(&Figure) -> bool) -> Option<f64> {
    let question = format!("contenders: {subject}");
    let rows = results.of(&question, "floors");
    let theirs = rows.filter(|row| !row.case.starts_with(OURS) && does(row));
    theirs
        .filter_map(|row| results.times_ours(row))
        .min_by(f64::total_cmp)
}

fn allocations(results: &Results, case: &str) -> Option<f64> {
    value(results, "memory", case, "allocations")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_missed_is_told_so() {
        let results = |floors: f64| {
            let case = r#""question":"authenticate","case":"1,000 hot keys","unit":"floors""#;
            Results::parse(&format!("{{{case},\"value\":{floors}}}")).unwrap_or_default()
        };
        let row = |results: &Results| {
            let table = table(results);
            table.lines().nth(2).map(str::to_owned)
        };
        let met = row(&results(1.4));
        assert!(met.is_some_and(|row| row.ends_with("| ≤ 1.5 floors | 1.4 | met |")));
        let missed = row(&results(1.6));
        assert!(missed.is_some_and(|row| row.ends_with("| 1.6 | **missed** |")));
        let lacking = row(&Results::default());
        assert!(lacking.is_some_and(|row| row.ends_with("| not measured |  |")));
    }

    #[test]
    fn each_row_is_beside_ours_on_the_same_work() {
        let lines: String = [
            ("ringyo: held", 1.0),
            ("ringyo: missing", 4.0),
            ("other 1.0: held", 5.0),
            ("other 1.0: missing", 8.0),
            ("other 1.0: both", 3.0),
        ]
        .map(|(case, floors)| {
            let row = r#""question":"contenders: permission","unit":"floors""#;
            format!("{{{row},\"case\":\"{case}\",\"value\":{floors}}}\n")
        })
        .concat();
        let results = Results::parse(&lines).unwrap_or_default();
        let times: Vec<Option<f64>> = results
            .of("contenders: permission", "floors")
            .map(|row| results.times_ours(row))
            .collect();
        assert_eq!(times, [1.0, 1.0, 5.0, 2.0, 3.0].map(Some));
        assert_eq!(nearest(&results, "permission", |_| true), Some(2.0));
        let held = nearest(&results, "permission", |row| row.case.contains("held"));
        assert_eq!(held, Some(5.0));
    }
}
