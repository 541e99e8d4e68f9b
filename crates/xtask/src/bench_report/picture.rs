//! Pictures as SVG: bars and lines, each value with the least and the greatest of its runs.

use std::fmt::Write as _;

use super::results::Figure;

const WIDTH: f64 = 720.0;
const INK: &str = "#24292f";
const PALE: &str = "#d0d7de";
const GREY: &str = "#6e7781";

/// One for each series or kind of bar.
pub(super) const COLOURS: [&str; 4] = ["#2f6fab", "#c4622d", "#5d8a3a", "#8a8f98"];

/// How long a bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// Where some are thousands of times as long as others.
    Logarithmic,
}

/// One bar.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) colour: &'static str,
    pub(super) value: (f64, f64, f64),
    /// What stands beside it.
    pub(super) told: String,
}

/// One line: its points stand over places from 0 to 1.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) points: Vec<(f64, (f64, f64, f64))>,
}

/// The middle, the least and the greatest.
pub(super) fn span(figure: &Figure) -> (f64, f64, f64) {
    (figure.median(), figure.least(), figure.greatest())
}

/// Bars below one another.
pub(super) fn bars(title: &str, note: &str, scale: Scale, bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.label.chars().count()).max();
    // What a letter takes is a guess: whoever shows the picture chooses the font.
    let left = (30.0 + 7.0 * longest.unwrap_or(0) as f64).clamp(120.0, 420.0);
    let (right, row) = (WIDTH - 120.0, 26.0);
    let top = 74.0;
    let height = top + row * bars.len() as f64 + 16.0;
    let greatest = bars.iter().map(|bar| bar.value.2).fold(0.0, f64::max);
    let least = bars.iter().map(|bar| bar.value.1).fold(f64::MAX, f64::min);
    // A logarithmic scale starts a power of ten below the least.
    let start = least.max(1e-6).log10().floor();
    let place = |value: f64| {
        let part = match scale {
            Scale::Linear => value / greatest,
            Scale::Logarithmic => {
                (value.max(1e-6).log10() - start) / (greatest.log10() - start).max(1e-6)
            }
        };
        left + (right - left) * part.clamp(0.0, 1.0)
    };
    let mut svg = Svg::new(title, note, height);
    if scale == Scale::Logarithmic {
        let powers = (start as i32..=greatest.log10().floor() as i32).map(|it| 10f64.powi(it));
        for power in powers {
            let x = place(power);
            svg.line((x, top - 4.0), (x, height - 14.0), PALE);
            svg.text((x, top - 9.0), Anchor::Middle, GREY, &short(power));
        }
    }
    for (index, bar) in bars.iter().enumerate() {
        let y = top + row * index as f64;
        let (value, low, high) = bar.value;
        svg.text((left - 10.0, y + 16.0), Anchor::End, INK, &bar.label);
        svg.bar(
            left,
            y + 4.0,
            (place(value) - left).max(1.0),
            row - 9.0,
            bar.colour,
        );
        svg.line(
            (place(low), y + row / 2.0),
            (place(high), y + row / 2.0),
            INK,
        );
        let beside = (place(high.max(value)) + 8.0, y + 16.0);
        svg.text(beside, Anchor::Start, INK, &bar.told);
    }
    svg.end()
}

/// Lines over named places, from zero up.
pub(super) fn lines(title: &str, note: &str, places: &[String], lines: &[Line]) -> String {
    let (left, right, top, bottom) = (60.0, WIDTH - 40.0, 96.0, 360.0);
    let values = lines.iter().flat_map(|line| &line.points);
    let greatest = values.map(|(_, value)| value.2).fold(0.0, f64::max);
    let step = tick(greatest);
    let most = (greatest / step).ceil().max(1.0) * step;
    let across = |part: f64| left + 30.0 + (right - left - 60.0) * part;
    let up = |value: f64| bottom - (bottom - top) * value / most;
    let mut svg = Svg::new(title, note, bottom + 44.0);
    for count in 0..=(most / step).round() as u32 {
        let value = f64::from(count) * step;
        svg.line((left, up(value)), (right, up(value)), PALE);
        svg.text(
            (left - 8.0, up(value) + 4.0),
            Anchor::End,
            GREY,
            &number(value),
        );
    }
    for (index, place) in places.iter().enumerate() {
        let part = index as f64 / (places.len() - 1).max(1) as f64;
        svg.text((across(part), bottom + 22.0), Anchor::Middle, GREY, place);
    }
    let mut key = left;
    for (line, colour) in lines.iter().zip(COLOURS) {
        svg.bar(key, 66.0, 14.0, 10.0, colour);
        svg.text((key + 20.0, 75.0), Anchor::Start, INK, &line.label);
        key += 44.0 + 7.0 * line.label.chars().count() as f64;
        let points = line.points.iter();
        let points: Vec<_> = points
            .map(|(part, value)| (across(*part), *value))
            .collect();
        let path: Vec<(f64, f64)> = points.iter().map(|(x, value)| (*x, up(value.0))).collect();
        svg.path(&path, colour);
        for (x, (middle, low, high)) in points {
            svg.line((x, up(low)), (x, up(high)), colour);
            svg.dot((x, up(middle)), colour);
        }
    }
    svg.end()
}

/// A round number in little room.
fn short(value: f64) -> String {
    match value {
        it if it >= 1e6 => format!("{}M", number(value / 1e6)),
        it if it >= 1e3 => format!("{}k", number(value / 1e3)),
        _ => number(value),
    }
}

/// A number with as many digits as say something.
pub(super) fn number(value: f64) -> String {
    let text = match value.abs() {
        0.0 => return "0".into(),
        it if it < 0.1 => format!("{value:.3}"),
        it if it < 10.0 => format!("{value:.2}"),
        it if it < 100.0 => format!("{value:.1}"),
        _ => return with_commas(value.round() as i64),
    };
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    trimmed.to_owned()
}

fn with_commas(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Round steps of which four to ten reach the greatest.
fn tick(greatest: f64) -> f64 {
    let power = 10f64.powf((greatest.max(1e-6) / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|it| it * power);
    let enough = steps.into_iter().find(|step| greatest / step <= 6.0);
    enough.unwrap_or(power)
}

enum Anchor {
    Start,
    Middle,
    End,
}

struct Svg(String);

impl Svg {
    fn new(title: &str, note: &str, height: f64) -> Self {
        let mut svg = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
             font-family=\"system-ui, 'DejaVu Sans', Arial, sans-serif\" font-size=\"13\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#ffffff\"/>\n"
        ));
        let _ = writeln!(
            svg.0,
            "<text x=\"20\" y=\"28\" font-size=\"16\" font-weight=\"600\" fill=\"{INK}\">{}</text>",
            escaped(title)
        );
        svg.text((20.0, 48.0), Anchor::Start, GREY, note);
        svg
    }

    fn text(&mut self, at: (f64, f64), anchor: Anchor, colour: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = at;
        let text = escaped(text);
        let _ = writeln!(
            self.0,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.0,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
        );
    }

    fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        let _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        );
    }

    fn path(&mut self, points: &[(f64, f64)], colour: &str) {
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            self.0,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
    }

    fn dot(&mut self, at: (f64, f64), colour: &str) {
        let (x, y) = at;
        let _ = writeln!(
            self.0,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"
        );
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_say_something() {
        let numbers = [0.0, 0.0123, 1.5, 1.0, 23.45, 436_000.4];
        let told = numbers.map(number);
        assert_eq!(told, ["0", "0.012", "1.5", "1", "23.4", "436,000"]);
    }

    #[test]
    fn text_cannot_end_an_element() {
        let bar = Bar {
            label: "</svg> & more".into(),
            colour: COLOURS[0],
            value: (1.0, 1.0, 1.0),
            told: "1".into(),
        };
        let svg = bars("a < b", "", Scale::Linear, &[bar]);
        assert_eq!(svg.matches("</svg>").count(), 1);
        assert!(svg.contains("&lt;/svg&gt; &amp; more"));
    }
}
