//! What the benches have written down.

use std::io;

use serde_json::Value;

/// What the rows of ours begin with, beside others.
pub(super) const OURS: &str = "ringyo: ";

/// One number of a bench, as it came out in each run.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What the bench asks.
    pub question: String,
    /// The case that it was asked for.
    pub case: String,
    /// What is counted.
    pub unit: String,
    /// One value to each run, the least first.
    pub runs: Vec<f64>,
}

impl Figure {
    /// The middle one of the runs; of an even number the greater of the two.
    pub fn median(&self) -> f64 {
        self.runs[self.runs.len() / 2]
    }

    /// The run with the least.
    pub fn least(&self) -> f64 {
        self.runs[0]
    }

    /// The run with the greatest.
    pub fn greatest(&self) -> f64 {
        self.runs[self.runs.len() - 1]
    }
}

/// All figures, in the order in which they first came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    figures: Vec<Figure>,
}

impl Results {
    /// Reads lines of JSON.
    ///
    /// ```
    /// use xtask::bench_report::Results;
    ///
    /// let line = |value| {
    ///     format!(r#"{{"question":"key","case":"mint","unit":"floors","value":{value}}}"#)
    /// };
    /// let results = Results::parse(&[line(3.0), line(1.0), line(2.0)].join("\n"))?;
    /// let mint = results.find("key", "mint", "floors").unwrap();
    /// assert_eq!((mint.least(), mint.median(), mint.greatest()), (1.0, 2.0, 3.0));
    /// assert!(Results::parse("{}").is_err());
    /// # Ok::<_, std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When a line is no result.
    pub fn parse(lines: &str) -> io::Result<Self> {
        let mut results = Self::default();
        for line in lines.lines() {
            let read: Value = serde_json::from_str(line)?;
            let text = |name: &str| read[name].as_str().map(str::to_owned);
            let parts = (
                text("question"),
                text("case"),
                text("unit"),
                read["value"].as_f64(),
            );
            let (Some(question), Some(case), Some(unit), Some(value)) = parts else {
                return Err(io::Error::other(format!("no result: {line}")));
            };
            results.add(question, case, unit, value);
        }
        for figure in &mut results.figures {
            figure.runs.sort_by(f64::total_cmp);
        }
        Ok(results)
    }

    fn add(&mut self, question: String, case: String, unit: String, value: f64) {
        let same = |figure: &&mut Figure| {
            figure.question == question && figure.case == case && figure.unit == unit
        };
        if let Some(figure) = self.figures.iter_mut().find(same) {
            figure.runs.push(value);
            return;
        }
        self.figures.push(Figure {
            question,
            case,
            unit,
            runs: vec![value],
        });
    }

    /// The figure of that name.
    pub fn find(&self, question: &str, case: &str, unit: &str) -> Option<&Figure> {
        let mut of_unit = self.of(question, unit);
        of_unit.find(|figure| figure.case == case)
    }

    /// The figures that answer a question in a unit.
    pub fn of(&self, question: &str, unit: &str) -> impl Iterator<Item = &Figure> {
        let is_meant = move |figure: &&Figure| figure.question == question && (figure.unit == unit);
        self.figures.iter().filter(is_meant)
    }

    /// The questions that were asked, in order, and the units of their answers.
    pub fn questions(&self) -> Vec<(&str, Vec<&str>)> {
        let mut questions: Vec<(&str, Vec<&str>)> = Vec::new();
        for figure in &self.figures {
            let place = questions.iter().position(|(it, _)| *it == figure.question);
            let place = place.unwrap_or_else(|| {
                questions.push((&figure.question, Vec::new()));
                questions.len() - 1
            });
            let units = &mut questions[place].1;
            if !units.contains(&&*figure.unit) {
                units.push(&figure.unit);
            }
        }
        questions
    }

    /// A figure in times that of ours on the same work: what stands behind the name of the package is
    /// the same in both. Where we have none, it is the first row of the question.
    pub fn times_ours(&self, row: &Figure) -> Option<f64> {
        let rows = || self.of(&row.question, &row.unit);
        let work = row.case.split_once(": ").map(|(_, work)| work);
        let is_same = |ours: &&Figure| {
            ours.case
                .strip_prefix(OURS)
                .is_some_and(|it| Some(it) == work)
        };
        let ours = rows().find(is_same).or_else(|| rows().next())?;
        Some(row.median() / ours.median())
    }

    /// How often the benches ran, and how far apart the runs were: the middle one of all ratios'
    /// distances between greatest and least, in parts of the median.
    pub fn noise(&self) -> (usize, f64) {
        let ratios = self.figures.iter().filter(|figure| figure.unit == "floors");
        let spreads = ratios
            .clone()
            .map(|figure| (figure.greatest() - figure.least()) / figure.median());
        let middle = middle(spreads.collect());
        let runs = ratios.map(|figure| figure.runs.len()).min();
        (runs.unwrap_or(0), middle.unwrap_or(0.0))
    }

    /// Which part of the samples was left out: the middle one of all runs of all benches.
    pub fn left_out(&self) -> f64 {
        let figures = self.of("noise", "of the samples left out");
        let shares = figures.flat_map(|figure| figure.runs.iter().copied());
        middle(shares.collect()).unwrap_or(0.0)
    }
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
