//! One question to the clock: do two classes of inputs take the same time?

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use rand::RngExt as _;

use crate::welch::{BOUND, Difference, Times};

/// Times of both classes together; above a million each.
const SAMPLES: usize = 2_400_000;
/// What a planted leak has to show in the same run.
const CONTROL: f64 = 50.0;

/// What is expected of a comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// That the two cannot be told apart.
    Same,
    /// That the planted leak is seen; else nothing that this run says is worth anything.
    Control,
    /// That there is a difference, which is told.
    Told,
}

/// A comparison and what came of it.
pub(crate) struct Trial {
    pub(crate) name: &'static str,
    pub(crate) expected: Expected,
    pub(crate) difference: Difference,
}

/// Times `run` on inputs of two classes, of which each is drawn by a coin (dudect, §III-A). An
/// input is copied to one place before, so that both are found there alike.
pub(crate) fn trial<T: Copy>(
    name: &'static str,
    expected: Expected,
    classes: [&[T]; 2],
    calls: u32,
    run: impl Fn(&T),
) -> Trial {
    let first = measure(SAMPLES, classes, calls, &run).compare();
    // Chance does not come twice, and what is real shows the better the longer one looks.
    let difference = match expected {
        Expected::Same if first.t.abs() >= BOUND => {
            measure(4 * SAMPLES, classes, calls, &run).compare()
        }
        _ => first,
    };
    Trial {
        name,
        expected,
        difference,
    }
}

fn measure<T: Copy>(samples: usize, classes: [&[T]; 2], calls: u32, run: &impl Fn(&T)) -> Times {
    let mut random = rand::rng();
    let mut times = Times::default();
    for class in &mut times.0 {
        class.reserve(samples);
    }
    for _ in 0..samples {
        let class = usize::from(random.random::<bool>());
        let inputs = classes[class];
        let input = black_box(inputs[random.random_range(0..inputs.len())]);
        let start = Instant::now();
        for _ in 0..calls {
            run(black_box(&input));
        }
        times.0[class].push(start.elapsed().as_nanos() as f32 / calls as f32);
    }
    times
}

impl Trial {
    /// Whether it came out as expected.
    pub(crate) fn passed(&self) -> bool {
        let t = self.difference.t.abs();
        match self.expected {
            Expected::Same => t < BOUND,
            Expected::Control => t > CONTROL,
            Expected::Told => true,
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { t, nanos } = self.difference;
        let verdict = match (self.expected, self.passed()) {
            (Expected::Same, true) => "the same",
            (Expected::Same, false) => "TOLD APART",
            (Expected::Control, true) => "planted, and seen",
            (Expected::Control, false) => "planted, and NOT seen",
            (Expected::Told, _) => "differs, and may",
        };
        write!(
            f,
            "{:72} |t| = {:7.1}  {nanos:+8.2} ns  {verdict}",
            self.name,
            t.abs()
        )
    }
}
