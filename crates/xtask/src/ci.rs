//! `cargo xtask ci`: everything that a merge needs.

use std::time::Duration;

use crate::cargo::Cargo;
use crate::documentation;
use crate::instructions;
use crate::libfuzzer;
use crate::servers::Servers;
use crate::step::Step;
use crate::structure;
use crate::test::{self, Runner};

/// How long all of it may take, on two processors.
pub const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What the last line says if it took no longer.
const IN_TIME: &str = "within 20 minutes";

/// The last line, which says whether it did.
pub fn verdict(took: Duration) -> &'static str {
    match took <= PATIENCE {
        true => IN_TIME,
        false => "SLOW: it took longer than 20 minutes",
    }
}

/// The steps, in order: the start of installations, format, clippy, documentation, structure, then
/// the others of [`cargo xtask test`](test::steps), then the count of instructions and fuzzing for a
/// while. Where a toolchain lacks rustfmt or clippy, that step is skipped.
pub fn steps(runner: Runner) -> Vec<Step> {
    let servers = Servers::default();
    let mut steps = vec![
        servers.install_ahead(),
        Step::component("format", Cargo::new("fmt --all --check"), "rustfmt"),
        Step::component(
            "clippy",
            Cargo::new("clippy --workspace --all-targets --all-features -- -D warnings"),
            "clippy",
        ),
        documentation::step(),
        structure::step(),
    ];
    steps.extend(test::steps_with(&servers, runner));
    steps.extend([instructions::step(), libfuzzer::step(libfuzzer::SHORT)]);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promises::unproven;

    #[test]
    fn what_was_slow_proves_no_promise_of_its_time() {
        let figures = [IN_TIME.to_owned()];
        assert!(unproven(&figures, verdict(PATIENCE)).is_empty());
        let slow = verdict(PATIENCE + Duration::from_nanos(1));
        assert_eq!(unproven(&figures, slow), [IN_TIME]);
    }
}
