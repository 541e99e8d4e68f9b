//! Welch's t-test on times, as dudect does it: <https://eprint.iacr.org/2016/1123>, §III.

/// Above this two classes of inputs take different times: by chance that happens to seven of a
/// million comparisons.
pub(crate) const BOUND: f64 = 4.5;

/// What is left of the times when the longest are taken away: interruptions say nothing about the
/// code, and hide small differences.
const KEPT: [f64; 10] = [1.0, 0.9999, 0.999, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5];

/// Times of one class that a cropping has to leave.
const FEWEST: f64 = 10_000.0;

/// Two classes of times of one thing, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Times(pub(crate) [Vec<f32>; 2]);

/// How far two classes are apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Difference {
    /// Of all croppings the one that tells them apart best.
    pub(crate) t: f64,
    /// Of the second class from the first, in nanoseconds, in that cropping.
    pub(crate) nanos: f64,
}

impl Times {
    pub(crate) fn compare(&self) -> Difference {
        let mut all = self.0.concat();
        all.sort_by(f32::total_cmp);
        let croppings = KEPT.into_iter().filter_map(|kept| {
            let longest = all[(all.len() as f64 * kept) as usize - 1];
            let moments = |times| Moments::up_to(times, longest);
            let [first, second] = self.0.each_ref().map(|times| moments(times));
            let fewest = first.count.min(second.count);
            // Where classes are far apart, what is kept may be all of one.
            (fewest >= FEWEST).then(|| first.difference(&second))
        });
        let furthest = |a: &Difference, b: &Difference| a.t.abs().total_cmp(&b.t.abs());
        croppings
            .max_by(furthest)
            .expect("there are times of both classes")
    }
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn up_to(times: &[f32], longest: f32) -> Self {
        let kept = || {
            times
                .iter()
                .filter(|&&time| time <= longest)
                .map(|&time| f64::from(time))
        };
        let count = kept().count() as f64;
        let mean = kept().sum::<f64>() / count;
        let squares: f64 = kept().map(|time| (time - mean).powi(2)).sum();
        Self {
            count,
            mean,
            variance: squares / (count - 1.0),
        }
    }

    fn difference(&self, second: &Self) -> Difference {
        let nanos = second.mean - self.mean;
        let error = (self.variance / self.count + second.variance / second.count).sqrt();
        // Where all times are the same there is no error, and nothing to tell apart.
        let t = if nanos == 0.0 { 0.0 } else { nanos / error };
        Difference { t, nanos }
    }
}
