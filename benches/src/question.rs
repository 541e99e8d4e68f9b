use std::fmt;
use std::hint::black_box;
use std::thread::available_parallelism;
use std::time::Duration;

use criterion::Criterion;

use crate::threads::speedup;
use crate::{Cost, Floor, Result, ThreadTime, neighbour};

/// How many calls are timed at once, at most: long enough for the clock, short enough for case and
/// floor to meet the same weather. Of the floor it is always as many: a turn of a slow case may be
/// a single call, which for the floor would be no more than the clock.
const TURN: u64 = 256;

/// A sample that took less is told by the clock more than by the case: those that criterion warms up
/// with begin with a single call.
const SAMPLE: Duration = Duration::from_micros(20);

/// How often a case is timed at most, while not enough samples had the core to themselves.
const ATTEMPTS: usize = 4;

const THREAD_ROUNDS: usize = 15;

/// One question and its cases: what each costs, in nanoseconds and in floors.
pub struct Question {
    name: &'static str,
    criterion: Criterion,
    floor: Floor,
    rows: Vec<Row>,
    crowds: Vec<Crowd>,
    yardstick: Option<Row>,
    /// The shortest probe of all, in nanoseconds.
    least_probe: f64,
    tolerates_company: bool,
    samples: usize,
    left_out: usize,
}

#[derive(Debug, Clone)]
struct Row {
    case: String,
    cost: Cost,
    spread: (f64, f64),
}

/// What came of so many threads at once, in times what comes of one.
#[derive(Debug)]
struct Crowd {
    case: String,
    threads: usize,
    speedup: f64,
    of_floor: f64,
}

/// What a case, the floor and a probe took in one sample, in nanoseconds.
struct Sample {
    case: f64,
    floor: f64,
    probe: f64,
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
            crowds: Vec::new(),
            yardstick: None,
            least_probe: neighbour::least(),
            tolerates_company: false,
            samples: 0,
            left_out: 0,
        }
    }

    /// Times one case in turns with the floor, and tells of it in the answer.
    pub fn case<T>(&mut self, case: &str, run: impl FnMut() -> T) -> Cost {
        let Some(row) = self.time(case, run) else {
            return Cost::UNKNOWN;
        };
        let cost = row.cost;
        self.rows.push(row);
        cost
    }

    /// The same for what has company of its own, which is not to be left out.
    pub fn case_in_company<T>(&mut self, case: &str, run: impl FnMut() -> T) {
        self.tolerates_company = true;
        self.case(case, run);
        self.tolerates_company = false;
    }

    /// Times what is only there to be reckoned with.
    pub fn unlisted<T>(&mut self, case: &str, run: impl FnMut() -> T) -> Cost {
        self.time(case, run).map_or(Cost::UNKNOWN, |row| row.cost)
    }

    /// Tells of a cost that was not timed but reckoned.
    pub fn reckoned(&mut self, case: &str, cost: Cost) {
        if cost.floors.is_finite() {
            self.rows.push(Row {
                case: case.to_owned(),
                cost,
                spread: (cost.floors, cost.floors),
            });
        }
    }

    /// Nothing, where a filter on the command line leaves the case out.
    fn time<T>(&mut self, case: &str, mut run: impl FnMut() -> T) -> Option<Row> {
        let id = format!("{}/{case}", self.name);
        let mut samples = Vec::new();
        for _ in 0..ATTEMPTS {
            samples.extend(self.sample(&id, &mut run));
            let alone = samples.iter().filter(|sample| self.is_alone(sample));
            if samples.is_empty() || alone.count() >= neighbour::ENOUGH {
                break;
            }
        }
        let all = samples.len();
        if !self.tolerates_company {
            samples = neighbour::undisturbed(samples, |sample| sample.probe, self.least_probe);
        }
        self.samples += all;
        self.left_out += all - samples.len();
        let ratios = sorted(samples.iter().map(|sample| sample.case / sample.floor));
        if ratios.is_empty() {
            return None;
        }
        let nanos = sorted(samples.iter().map(|sample| sample.case));
        Some(Row {
            case: case.to_owned(),
            cost: Cost {
                nanos: quantile(&nanos, 0.5),
                floors: quantile(&ratios, 0.5),
            },
            spread: (quantile(&ratios, 0.1), quantile(&ratios, 0.9)),
        })
    }

    fn is_alone(&self, sample: &Sample) -> bool {
        self.tolerates_company || neighbour::is_away(sample.probe, self.least_probe)
    }

    /// Times a case as criterion wants it timed; nothing, if it does not.
    fn sample<T>(&mut self, id: &str, run: &mut impl FnMut() -> T) -> Vec<Sample> {
        let floor = &self.floor;
        let mut samples: Vec<Sample> = Vec::new();
        self.criterion.bench_function(id, |bencher| {
            bencher.iter_custom(|calls| {
                let mut spent = Duration::ZERO;
                let mut spent_on_floor = Duration::ZERO;
                let mut probed = 0.0;
                let mut turns = 0;
                let mut left = calls;
                while left > 0 {
                    let turn = left.min(TURN);
                    left -= turn;
                    turns += 1;
                    let start = ThreadTime::now();
                    for _ in 0..TURN {
                        black_box(floor.run(black_box(&[b'a'; 52])));
                    }
                    spent_on_floor += start.elapsed();
                    let start = ThreadTime::now();
                    for _ in 0..turn {
                        black_box(&run());
                    }
                    spent += start.elapsed();
                    probed += neighbour::probe();
                }
                if spent >= SAMPLE {
                    samples.push(Sample {
                        case: spent.as_nanos() as f64 / calls as f64,
                        floor: spent_on_floor.as_nanos() as f64 / (turns * TURN) as f64,
                        probe: probed / turns as f64,
                    });
                }
                spent
            });
        });
        let probes = samples.iter().map(|sample| sample.probe);
        self.least_probe = probes.fold(self.least_probe, f64::min);
        samples
    }

    /// From now on each case is also told in times the last one.
    pub fn yardstick(&mut self) {
        self.yardstick = self.rows.last().cloned();
    }

    /// Times one case on two threads at the same time, then on four, and so on up to as many as the
    /// machine has processors and there is `work`, each thread on work of its own; and how much more
    /// they do together than one alone. The floor is timed in the same way.
    pub fn threads<W: Clone + Send + Sync, T>(
        &mut self,
        case: &str,
        work: &[W],
        run: impl Fn(&mut W) -> T + Sync,
    ) {
        let processors = available_parallelism().map_or(1, usize::from);
        let most = work.len().min(processors);
        let counts = std::iter::successors(Some(2), |count| Some(count * 2));
        for threads in counts.take_while(|count| *count <= most) {
            let floor = &self.floor;
            let of_floor = || {
                let work = vec![(); threads];
                speedup(&work, |()| floor.run(black_box(&[b'a'; 52])))
            };
            let rounds = (0..THREAD_ROUNDS).map(|_| (of_floor(), speedup(&work[..threads], &run)));
            let (of_floor, of_case): (Vec<f64>, Vec<f64>) = rounds.unzip();
            self.crowds.push(Crowd {
                case: case.to_owned(),
                threads,
                speedup: quantile(&sorted(of_case), 0.5),
                of_floor: quantile(&sorted(of_floor), 0.5),
            });
        }
    }

    /// Prints the table, and writes it down where [`Result`] says.
    #[expect(clippy::print_stdout, reason = "the table is what the program is for")]
    pub fn answer(self) {
        println!(
            "\n{:48} {:>12} {:>10}   10 % to 90 %",
            self.name, "ns", "floors"
        );
        for row in &self.rows {
            let Row {
                case,
                cost: Cost { nanos, floors },
                spread: (low, high),
            } = row;
            let other = self.yardstick.as_ref();
            let times = other.map(|other| floors / other.cost.floors);
            let times = times.map_or(String::new(), |times| format!("   {times:.2} x"));
            println!("{case:48} {nanos:12.1} {floors:10.3}   {low:.3} to {high:.3}{times}");
            Result::new(self.name, case, "floors", *floors).write();
            Result::new(self.name, case, "ns", *nanos).write();
        }
        for crowd in &self.crowds {
            let Crowd {
                case,
                threads,
                speedup,
                of_floor,
            } = crowd;
            println!(
                "{case}: {threads} threads do {speedup:.2} times what one does, {:.2} of what the \
                 floor gains",
                speedup / of_floor
            );
            let speedups = [(case.as_str(), *speedup), ("the floor", *of_floor)];
            for (case, speedup) in speedups {
                let case = format!("{case}: {threads} threads");
                Result::new(self.name, &case, "times one", speedup).write();
            }
        }
        if self.samples > 0 {
            let share = self.left_out as f64 / self.samples as f64;
            println!(
                "{:.0} % of the samples left out: something else was on the core",
                100.0 * share
            );
            Result::new("noise", self.name, "of the samples left out", share).write();
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

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * part).round();
    sorted[place as usize]
}
