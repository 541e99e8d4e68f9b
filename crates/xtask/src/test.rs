//! `cargo xtask test`: everything that can be tested, with one command.

use std::num::NonZero;
use std::thread;

use crate::cargo::Cargo;
use crate::fuzz;
use crate::scanners;
use crate::servers::Servers;
use crate::step::Step;

/// What executes the unit and integration tests. Documentation tests always run under
/// `cargo test`, because nextest knows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// `cargo nextest run`: one process per test.
    Nextest,
    /// `cargo test`: what every toolchain brings.
    CargoTest,
}

impl Runner {
    /// nextest where it is installed, else `cargo test`.
    pub fn installed() -> Self {
        if Cargo::new("nextest").is_installed() {
            Self::Nextest
        } else {
            Self::CargoTest
        }
    }

    fn arguments(self) -> String {
        match self {
            Self::Nextest => "nextest run --workspace --all-features".to_owned(),
            Self::CargoTest => "test --workspace --all-features --tests".to_owned(),
        }
    }

    /// The same for running them all, more at a time than the machine has cores: most of those that
    /// take long wait, for a server that is down or for a time that must pass. Those that do not
    /// count for two in `.config/nextest.toml`.
    fn all_at_once(self) -> String {
        let run = self.arguments();
        match self {
            Self::Nextest => {
                let cores = thread::available_parallelism().map_or(1, NonZero::get);
                format!("{run} --test-threads {} --no-fail-fast", AT_ONCE * cores)
            }
            Self::CargoTest => format!("{run} --no-fail-fast"),
        }
    }

    /// nextest takes them from what is built for all tests; for a package alone cargo compiles most
    /// of its dependencies once more, with fewer features.
    fn on_valkey(self) -> String {
        match self {
            Self::Nextest => format!("{} --filterset package(ringyo-redis)", self.all_at_once()),
            Self::CargoTest => {
                "test --package ringyo-redis --all-features --tests --no-fail-fast".to_owned()
            }
        }
    }
}

/// Tests that run at the same time, for each core.
const AT_ONCE: usize = 2;

/// The steps, in order: the start of installations, build, the servers, the browser, fuzzing, secret
/// scanners, tests, those of the limiter on Redis once more on Valkey, documentation tests. All but
/// the build run to the end, so that one run shows every failure; when the build fails they are
/// skipped.
///
/// A server or browser that is not to be had is a step that is skipped, and so are its tests: each
/// says so, and the step of the tests repeats it.
pub fn steps(runner: Runner) -> Vec<Step> {
    let servers = Servers::default();
    let mut steps = vec![servers.install_ahead()];
    steps.extend(steps_with(&servers, runner));
    steps
}

/// The same but the first.
pub(crate) fn steps_with(servers: &Servers, runner: Runner) -> Vec<Step> {
    let run = runner.arguments();
    let mut steps = vec![Step::cargo("build", Cargo::new(format!("{run} --no-run"))).or_stop()];
    steps.extend(servers.steps());
    steps.extend(servers.browser_steps());
    steps.extend([
        fuzz::step(None),
        scanners::step(),
        servers.test("tests", Cargo::new(runner.all_at_once())),
        servers.test_on_valkey("tests on valkey", Cargo::new(runner.on_valkey())),
        servers.test(
            "doctests",
            Cargo::new("test --doc --workspace --all-features --no-fail-fast"),
        ),
    ]);
    steps
}

/// The steps that install a browser, and then the tests that use one, with this runner.
pub fn browser_steps(runner: Runner) -> Vec<Step> {
    let run = match runner {
        Runner::Nextest => "nextest run",
        Runner::CargoTest => "test",
    };
    let tests = format!("{run} --package ringyo-demo --all-features --test browser");
    let servers = Servers::default();
    let mut steps = servers.browser_steps();
    steps.push(servers.test("browser tests", Cargo::new(tests)));
    steps
}
