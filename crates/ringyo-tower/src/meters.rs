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

/// The counter of questions about the rate: labels `checked_by` (`local`, `remote`,
/// `remote_denial`, `fallback`, `bypassed`, or `nobody` where the limiter failed and the request
/// was refused for it) and `reason` (`unavailable`, `timeout` or `misconfigured` for the last
/// three, `none` for the others).
pub const RATE_CHECKS_TOTAL: &str = "ringyo_rate_checks_total";

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

static LOCAL_CHECK: Key = Key::from_static_parts(RATE_CHECKS_TOTAL, &LOCAL_LABELS);
static REMOTE_CHECK: Key = Key::from_static_parts(RATE_CHECKS_TOTAL, &REMOTE_LABELS);
static REMOTE_DENIAL: Key = Key::from_static_parts(RATE_CHECKS_TOTAL, &REMOTE_DENIAL_LABELS);
static LOCAL_LABELS: [Label; 2] = checked_by("local");
static REMOTE_LABELS: [Label; 2] = checked_by("remote");
static REMOTE_DENIAL_LABELS: [Label; 2] = checked_by("remote_denial");

const fn checked_by(who: &'static str) -> [Label; 2] {
    [
        Label::from_static_parts("checked_by", who),
        Label::from_static_parts("reason", NO_REASON),
    ]
}

const NO_REASON: &str = "none";

/// The handles of what is counted on every request, so that recorders need not make them anew.
#[derive(Default)]
pub(crate) struct Meters {
    live_allowed: OnceLock<Counter>,
    test_allowed: OnceLock<Counter>,
    local_check: OnceLock<Counter>,
    remote_check: OnceLock<Counter>,
    remote_denial: OnceLock<Counter>,
    duration: OnceLock<Histogram>,
}

impl Meters {
    /// Whether anybody wants to know how long decisions take. Where nobody does, the clock need
    /// not be read for it.
    pub(crate) fn are_read(&self) -> bool {
        self.duration.get().is_some() || with_recorder(is_installed)
    }

    pub(crate) fn allowed(&self, caller: &Caller, took: Duration) {
        let (slot, key) = match caller.mode().as_str() {
            "live" => (&self.live_allowed, &LIVE_ALLOWED),
            _ => (&self.test_allowed, &TEST_ALLOWED),
        };
        count(slot, key);
        self.record(took);
    }

    /// What the limiter said was said by somebody, perhaps in the place of another.
    pub(crate) fn rate_checked(&self, checked_by: &'static str, reason: Option<&'static str>) {
        let (slot, key) = match checked_by {
            "local" => (&self.local_check, &LOCAL_CHECK),
            "remote" => (&self.remote_check, &REMOTE_CHECK),
            "remote_denial" => (&self.remote_denial, &REMOTE_DENIAL),
            _ => {
                let reason = Label::new("reason", reason.unwrap_or(NO_REASON));
                let labels = vec![Label::new("checked_by", checked_by), reason];
                let key = Key::from_parts(RATE_CHECKS_TOTAL, labels);
                return with_recorder(|recorder| {
                    recorder.register_counter(&key, &METADATA).increment(1);
                });
            }
        };
        count(slot, key);
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

/// Adds one to a counter whose handle is kept.
fn count(slot: &OnceLock<Counter>, key: &'static Key) {
    match slot.get() {
        Some(counter) => counter.increment(1),
        None => with_recorder(|recorder| {
            let counter = recorder.register_counter(key, &METADATA);
            counter.increment(1);
            keep(slot, counter, recorder);
        }),
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
        recorder.describe_counter(
            RATE_CHECKS_TOTAL.into(),
            Some(Unit::Count),
            "Questions about the rate, by who answered them and why it was not the limiter".into(),
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
