//! Whether the tests notice when the code is changed, by cargo-mutants.

use crate::cargo::Cargo;
use crate::step::Step;

/// What decides whether a key is good and how often it may be used: where a change that no test
/// notices would be worst.
const WHERE: [(&str, &str); 2] = [
    (
        "ringyo-key",
        "--file crates/ringyo-key/src/format.rs --file crates/ringyo-key/src/digest.rs \
         --file crates/ringyo-key/src/base62.rs --file crates/ringyo-key/src/ring.rs",
    ),
    (
        "ringyo-limit",
        "--file crates/ringyo-limit/src/local.rs --file crates/ringyo-limit/src/decision.rs \
         --file crates/ringyo-limit/src/quota.rs",
    ),
];

/// A step for each crate; it fails when a change goes unnoticed.
pub fn steps() -> impl Iterator<Item = Step> {
    WHERE.into_iter().map(|(package, files)| {
        let cargo = Cargo::new(format!(
            "mutants --package {package} {files} --all-features --jobs 1 --timeout 120 \
             --no-shuffle --output target/mutants-{package}"
        ));
        Step::program(format!("mutants of {package}"), cargo, "cargo-mutants")
    })
}
