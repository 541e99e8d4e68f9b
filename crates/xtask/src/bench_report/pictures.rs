//! The pictures of the page.

use super::picture::{self, Bar, COLOURS, Line, Scale, number, span};
use super::results::{Figure, Results};

/// Name and SVG of each picture that the results are enough for.
pub(super) fn all(results: &Results) -> Vec<(&'static str, String)> {
    let pictures = [
        ("stages", stages(results)),
        ("working-set", working_set(results)),
        ("threads", threads(results)),
        ("refusals", refusals(results)),
        ("contenders", contenders(results)),
    ];
    let made = pictures.into_iter();
    made.filter_map(|(name, svg)| Some((name, svg?))).collect()
}

/// The pictures once more, as Markdown that needs no files beside it: rustdoc copies none. Whoever
/// reads `speed.md` itself is led to the files.
pub(super) fn definitions(pictures: &[(&'static str, String)]) -> String {
    let definition = |(name, svg): &(&str, String)| {
        let mut coded = String::new();
        for byte in svg.bytes() {
            match byte {
                b'\n' => coded.push_str("%0A"),
                b' ' | b'"' | b'#' | b'%' | b'<' | b'>' | b'(' | b')' | b'\'' | b'\\' | b'`' => {
                    coded.push_str(&format!("%{byte:02X}"));
                }
                0x21..=0x7e => coded.push(char::from(byte)),
                _ => coded.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("[picture-{name}]: data:image/svg+xml,{coded}\n")
    };
    pictures.iter().map(definition).collect()
}

fn stages(results: &Results) -> Option<String> {
    let stages: Vec<&Figure> = results.of("stages", "floors").collect();
    let whole = results.find("stages", "the whole", "floors")?.median();
    let bars = stages.iter().map(|figure| {
        let colour = COLOURS[if figure.case == "the whole" { 3 } else { 0 }];
        let share = 100.0 * figure.median() / whole;
        let told = format!("{} ({share:.0} %)", number(figure.median()));
        bar(figure, figure.case.clone(), colour, told)
    });
    Some(picture::bars(
        "Where a decision's time goes",
        "1,000 hot keys; in floors (one HMAC each), with the share of the whole",
        Scale::Linear,
        &bars.collect::<Vec<_>>(),
    ))
}

fn working_set(results: &Results) -> Option<String> {
    let figures: Vec<&Figure> = results.of("working set", "floors").collect();
    let mut places: Vec<&str> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for figure in &figures {
        let (keys, kind) = figure.case.split_once(" keys, ")?;
        if !places.contains(&keys) {
            places.push(keys);
        }
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let lines = kinds.iter().map(|kind| {
        let points = places.iter().enumerate().filter_map(|(index, keys)| {
            let case = format!("{keys} keys, {kind}");
            let figure = results.find("working set", &case, "floors")?;
            Some((part(index, places.len()), span(figure)))
        });
        Line {
            label: (*kind).to_owned(),
            points: points.collect(),
        }
    });
    let lines: Vec<Line> = lines.collect();
    let keys: Vec<String> = places.iter().map(|keys| format!("{keys} keys")).collect();
    (!lines.is_empty()).then(|| {
        picture::lines(
            "A decision over more and more keys",
            "in floors; what grows is the time for which the processor waits for memory",
            &keys,
            &lines,
        )
    })
}

fn threads(results: &Results) -> Option<String> {
    let figures: Vec<&Figure> = results.of("authenticate", "times one").collect();
    let mut counts: Vec<u32> = vec![1];
    let mut cases: Vec<&str> = Vec::new();
    for figure in &figures {
        let (case, count) = case_and_count(figure)?;
        if !counts.contains(&count) {
            counts.push(count);
        }
        if !cases.contains(&case) {
            cases.push(case);
        }
    }
    let lines = cases.iter().map(|case| {
        let points = counts.iter().enumerate().filter_map(|(index, count)| {
            let place = part(index, counts.len());
            if *count == 1 {
                return Some((place, (1.0, 1.0, 1.0)));
            }
            let case = format!("{case}: {count} threads");
            let figure = results.find("authenticate", &case, "times one")?;
            Some((place, span(figure)))
        });
        Line {
            label: (*case).to_owned(),
            points: points.collect(),
        }
    });
    let lines: Vec<Line> = lines.collect();
    let told = |count: &u32| match count {
        1 => "1 thread".to_owned(),
        more => format!("{more} threads"),
    };
    let places: Vec<String> = counts.iter().map(told).collect();
    (!lines.is_empty()).then(|| {
        picture::lines(
            "What more threads bring",
            "decisions, in times what one thread makes",
            &places,
            &lines,
        )
    })
}

/// The number of threads stands at the end of a case.
fn case_and_count(figure: &Figure) -> Option<(&str, u32)> {
    let (case, count) = figure.case.rsplit_once(": ")?;
    Some((case, count.strip_suffix(" threads")?.parse().ok()?))
}

fn refusals(results: &Results) -> Option<String> {
    let figures = results.of("authenticate", "floors");
    let bars: Vec<Bar> = figures
        .map(|figure| {
            let colour = COLOURS[usize::from(!figure.case.contains("hot key"))];
            bar(figure, figure.case.clone(), colour, number(figure.median()))
        })
        .collect();
    (!bars.is_empty()).then(|| {
        picture::bars(
            "Let in, and refused",
            "in floors; refusals in orange",
            Scale::Linear,
            &bars,
        )
    })
}

fn contenders(results: &Results) -> Option<String> {
    let questions = results.questions().into_iter();
    let questions = questions.filter(|(question, _)| question.starts_with("contenders: cred"));
    let bars: Vec<Bar> = questions
        .flat_map(|(question, _)| results.of(question, "floors"))
        .map(|figure| {
            let is_ours = figure.case.starts_with("ringyo");
            let colour = COLOURS[usize::from(!is_ours)];
            let label = figure.case.replace(", verify and find the scope", "");
            bar(figure, label, colour, number(figure.median()))
        })
        .collect();
    (!bars.is_empty()).then(|| {
        picture::bars(
            "To check one credential",
            "in floors; each step of the scale is ten times the one before",
            Scale::Logarithmic,
            &bars,
        )
    })
}

fn bar(figure: &Figure, label: String, colour: &'static str, told: String) -> Bar {
    Bar {
        label,
        colour,
        value: span(figure),
        told,
    }
}

fn part(index: usize, count: usize) -> f64 {
    index as f64 / (count - 1).max(1) as f64
}
