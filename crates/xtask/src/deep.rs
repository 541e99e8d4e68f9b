//! `cargo xtask deep`: what is too slow for every change, and worth a night.

use std::io;
use std::path::Path;

use crate::promises;
use crate::servers::Servers;
use crate::step::Step;

/// The servers, and then all promises of the page, with those that take a night: fuzzing for
/// minutes, mutants, coverage, features, the oldest versions, packages, many more trials, and the
/// suite with a log of everything, which is searched. Of those the ones whose words contain `part`.
///
/// # Errors
///
/// When the page cannot be read, or no promise has the words.
pub fn steps(root: &Path, part: &str) -> io::Result<Vec<Step>> {
    let mut steps = Servers::default().steps();
    steps.extend(promises::all(root, part)?);
    Ok(steps)
}
