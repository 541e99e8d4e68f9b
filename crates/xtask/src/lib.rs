//! The helper programs of the ringyo workspace, as a library so that tests can reach them.
//! `cargo xtask test` runs every test there is, `cargo xtask ci` runs what a merge needs,
//! `cargo xtask structure` checks the rules that the shape of the workspace must keep,
//! `cargo xtask instructions` counts what a warm decision executes,
//! `cargo xtask bench-report` measures what ringyo costs and writes the page about it,
//! `cargo xtask fuzz` sends the demo requests that nobody has thought of,
//! `cargo xtask scanners` lets secret scanners look for keys,
//! `cargo xtask libfuzzer` does the like to everything that reads texts,
//! `cargo xtask promises` proves what the page of promises says,
//! `cargo xtask features` compiles the crates with each choice of their features,
//! `cargo xtask minimal-versions` does so with the oldest dependencies that they allow,
//! `cargo xtask package` makes the packages that are published, and compiles them,
//! `cargo xtask coverage` counts the lines of the core crates that tests reach,
//! `cargo xtask mutants` changes them in every place, to see the tests fail,
//! `cargo xtask suite-log` searches all that the tests print for keys,
//! `cargo xtask deep` proves all promises, with what takes a night, and
//! `cargo xtask servers` brings the servers that tests need; a test asks [`servers`] for one.
//!
//! # Example
//!
//! A structure rule is a function of a [`Workspace`](structure::Workspace), whether that was
//! loaded from disk or written down in a test:
//!
//! ```
//! use xtask::structure::{self, SourceFile, Workspace};
//!
//! # fn main() -> std::io::Result<()> {
//! let workspace = Workspace {
//!     files: vec![SourceFile::new(
//!         "crates/ringyo-auth/src/cache.rs",
//!         "fn age() { std::time::Instant::now(); }",
//!     )?],
//!     ..Workspace::default()
//! };
//! let found = structure::violations(&workspace);
//! assert_eq!(
//!     found[0].to_string(),
//!     "crates/ringyo-auth/src/cache.rs:1: clock: reads the system clock through `Instant::now`",
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # Vocabulary
//!
//! | word | meaning |
//! | --- | --- |
//! | task | what the person asked for: `test`, `ci`, `structure`, `deep`, `instructions`, `bench-report`, `fuzz`, `libfuzzer`, `promises`, `scanners`, `coverage`, `features`, `minimal-versions`, `package`, `mutants`, `suite-log`, `servers` or `browser` |
//! | step | one numbered part of a task, which passes, fails or is skipped, and can be run alone |
//! | runner | what executes the tests: nextest where it is installed, else `cargo test` |
//! | rule | one statement about the shape of the workspace that a machine checks |
//! | violation | one place where a rule is broken |

pub mod as_published;
pub mod axe_core;
pub mod bench_report;
pub mod cargo;
pub mod ci;
pub mod cli;
pub mod coverage;
pub mod deep;
pub mod documentation;
pub mod features;
pub mod fuzz;
pub mod instructions;
pub mod libfuzzer;
#[cfg(feature = "log")]
pub mod log;
pub mod minimal_versions;
pub mod mutants;
pub mod package;
pub mod promises;
pub mod python;
pub mod scanners;
pub mod servers;
pub mod step;
pub mod structure;
pub mod suite_log;
pub mod test;
pub mod tools;
