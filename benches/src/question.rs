use std::fmt;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Duration;

use criterion::Criterion;

use crate::{Floor, ThreadTime};

/// How many calls are timed at once, at most: long enough for the clock, short enough for case and
/// floor to meet the same weather.
const TURN: u64 = 256;

const PAIR_CALLS: usize = 100_000;
const PAIR_ROUNDS: usize = 15;

/// One question and its cases: what each costs, in nanoseconds and in floors.
pub struct Question {
    name: &'static str,
    criterion: Criterion,
    floor: Floor,
    rows: Vec<Row>,
    pairs: Vec<(String, f64)>,
}

#[derive(Debug)]
struct Row {
    case: String,
    nanos: f64,
    ratio: f64,
    spread: (f64, f64),
}

/// What a case and the floor took in one sample.
struct Sample {
    case: f64,
    floor: f64,
}

impl Question {
    /// Takes the usual arguments of a criterion bench.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        let criterion = Criterion::default()
            .sample_size(40)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1_200))
            .configure_from_args();
        Self {
            name,
            criterion,
            floor: Floor::new(),
            rows: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Times one case in turns with the floor.
    pub fn case<T>(&mut self, case: &str, mut run: impl FnMut() -> T) {
        let floor = &self.floor;
        let mut samples: Vec<Sample> = Vec::new();
        let id = format!("{}/{case}", self.name);
        self.criterion.bench_function(&id, |bencher| {
            bencher.iter_custom(|calls| {
                let mut spent = Duration::ZERO;
                let mut spent_on_floor = Duration::ZERO;
                let mut left = calls;
                while left > 0 {
                    let turn = left.min(TURN);
                    left -= turn;
                    let start = ThreadTime::now();
                    for _ in 0..turn {
                        black_box(floor.run(black_box(&[b'a'; 52])));
                    }
                    spent_on_floor += start.elapsed();
                    let start = ThreadTime::now();
                    for _ in 0..turn {
                        black_box(run());
                    }
                    spent += start.elapsed();
                }
                samples.push(Sample {
                    case: spent.as_nanos() as f64 / calls as f64,
                    floor: spent_on_floor.as_nanos() as f64 / calls as f64,
                });
                spent
            });
        });
        let ratios = sorted(samples.iter().map(|sample| sample.case / sample.floor));
        if ratios.is_empty() {
            // Left out by a filter on the command line.
            return;
        }
        let nanos = sorted(samples.iter().map(|sample| sample.case));
        self.rows.push(Row {
            case: case.to_owned(),
            nanos: quantile(&nanos, 0.5),
            ratio: quantile(&ratios, 0.5),
            spread: (quantile(&ratios, 0.1), quantile(&ratios, 0.9)),
        });
    }

    /// Times one case on two threads at the same time, on work of their own, and how much more they
    /// do together than one alone: what came of two threads, in parts of what came of the floor.
    pub fn pair<W: Clone + Send + Sync, T>(
        &mut self,
        case: &str,
        work: [W; 2],
        run: impl Fn(&mut W) -> T + Sync,
    ) {
        let floor = self.floor.clone();
        let round = || {
            let of_floor = scaling(&[(), ()], |()| floor.run(black_box(&[b'a'; 52])));
            let of_case = scaling(&work, &run);
            of_case / of_floor
        };
        let parts = sorted((0..PAIR_ROUNDS).map(|_| round()));
        self.pairs.push((case.to_owned(), quantile(&parts, 0.5)));
    }

    /// Prints the table.
    #[expect(clippy::print_stdout, reason = "the table is what the program is for")]
    pub fn answer(self) {
        println!(
            "\n{:40} {:>10} {:>8}   10 % to 90 %",
            self.name, "ns", "floors"
        );
        for row in &self.rows {
            let Row {
                case,
                nanos,
                ratio,
                spread: (low, high),
            } = row;
            println!("{case:40} {nanos:10.1} {ratio:8.3}   {low:.3} to {high:.3}");
        }
        for (case, part) in &self.pairs {
            println!("{case:40} scales to {part:.2} of what the floor does");
        }
        self.criterion.final_summary();
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("name", &self.name)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// How much two threads do in the time in which one does one, by the processor time of each:
/// what they take from each other shows, and what other programs take does not.
fn scaling<W: Clone + Send + Sync, T>(work: &[W; 2], run: impl Fn(&mut W) -> T + Sync) -> f64 {
    let timed = |mut work: W, start: &Barrier| {
        start.wait();
        let begun = ThreadTime::now();
        for _ in 0..PAIR_CALLS {
            black_box(run(&mut work));
        }
        begun.elapsed().as_secs_f64()
    };
    let on_threads = |works: &[W]| {
        let start = Barrier::new(works.len());
        let took: f64 = std::thread::scope(|scope| {
            let threads: Vec<_> = works
                .iter()
                .map(|work| scope.spawn(|| timed(work.clone(), &start)))
                .collect();
            let times = threads.into_iter().map(|thread| thread.join());
            times.map(|time| time.expect("a bench panicked")).sum()
        });
        took / works.len() as f64
    };
    2.0 * on_threads(&work[..1]) / on_threads(work)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * part).round();
    sorted[place as usize]
}
