//! Decisions as numbers, for whatever recorder the program installs.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram, Key, Label, Level, Metadata, Recorder, Unit, with_recorder};
use ringyo_auth::Caller;

/// The counter of decisions: labels `decision` (`allowed`, or the code of the refusal) and `mode`
/// (`live`, `test`, or `unknown` where no caller was made out).
pub const DECISIONS_TOTAL: &str = "ringyo_decisions_total";

/// The histogram of how long decisions took, in seconds, whatever came out; no labels.
pub const DECISION_DURATION_SECONDS: &str = "ringyo_decision_duration_seconds";

static METADATA: Metadata<'static> = Metadata::new("ringyo", Level::INFO, Some("ringyo_tower"));

static DURATION: Key = Key::from_static_name(DECISION_DURATION_SECONDS);
static LIVE_ALLOWED: Key = Key::from_static_parts(DECISIONS_TOTAL, &LIVE_ALLOWED_LABELS);
static TEST_ALLOWED: Key = Key::from_static_parts(DECISIONS_TOTAL, &TEST_ALLOWED_LABELS);
static LIVE_ALLOWED_LABELS: [Label; 2] = [
    Label::from_static_parts("decision", "allowed"),
    Label::from_static_parts("mode", "live"),
];
static TEST_ALLOWED_LABELS: [Label; 2] = [
    Label::from_static_parts("decision", "allowed"),
    Label::from_static_parts("mode", "test"),
];

/// The handles of what is counted on every request, so that recorders need not make them anew.
#[derive(Default)]
pub(crate) struct Meters {
    live_allowed: OnceLock<Counter>,
    test_allowed: OnceLock<Counter>,
    duration: OnceLock<Histogram>,
}

impl Meters {
    /// Whether anybody wants to know how long decisions take. Where nobody does, the clock need
    /// not be read for it.
    pub(crate) fn are_read(&self) -> bool {
        self.duration.get().is_some() || with_recorder(is_installed)
    }

    pub(crate) fn allowed(&self, caller: &Caller, took: Option<Duration>) {
        let (slot, key) = match caller.mode().as_str() {
            "live" => (&self.live_allowed, &LIVE_ALLOWED),
            _ => (&self.test_allowed, &TEST_ALLOWED),
        };
        match slot.get() {
            Some(counter) => counter.increment(1),
            None => with_recorder(|recorder| {
                let counter = recorder.register_counter(key, &METADATA);
                counter.increment(1);
                keep(slot, counter, recorder);
            }),
        }
        if let Some(took) = took {
            self.record(took);
        }
    }

    pub(crate) fn refused(&self, code: &'static str, mode: &'static str) {
        let labels = vec![Label::new("decision", code), Label::new("mode", mode)];
        let key = Key::from_parts(DECISIONS_TOTAL, labels);
        with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(1));
    }

    pub(crate) fn record(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        match self.duration.get() {
            Some(histogram) => histogram.record(seconds),
            None => with_recorder(|recorder| {
                let histogram = recorder.register_histogram(&DURATION, &METADATA);
                histogram.record(seconds);
                keep(&self.duration, histogram, recorder);
            }),
        }
    }
}

/// Tells the recorder, if there is one yet, what the numbers mean.
pub(crate) fn describe() {
    with_recorder(|recorder| {
        recorder.describe_counter(
            DECISIONS_TOTAL.into(),
            Some(Unit::Count),
            "Requests that were let in or refused, by decision and mode of the key".into(),
        );
        recorder.describe_histogram(
            DECISION_DURATION_SECONDS.into(),
            Some(Unit::Seconds),
            "Time from the arrival of a request to the decision about it".into(),
        );
    });
}

/// Whether it is more than the recorder which stands in for one that is not installed yet. That
/// one has no state.
fn is_installed(recorder: &dyn Recorder) -> bool {
    size_of_val(recorder) > 0
}

/// Keeps a handle, unless it may be that of the stand-in, whose handles cost nothing to make again.
fn keep<T>(slot: &OnceLock<T>, handle: T, recorder: &dyn Recorder) {
    if is_installed(recorder) {
        // Another thread may have been first; its handle is as good.
        let _ = slot.set(handle);
    }
}
