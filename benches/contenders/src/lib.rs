//! What people use instead of ringyo, on the same work: `cargo bench -p ringyo-contenders`.
//!
//! It is a package of its own because what it compares with is heavier than all of ringyo. Every
//! row is timed in turns with the floor of `ringyo-bench`, as ours are, and named with the version
//! that was built.

/// The version of a package that this workspace was built with.
///
/// # Panics
///
/// When it is in the lock file not at all, or more than once: then no name says which one is meant.
#[must_use]
pub fn version(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let name = format!("name = \"{package}\"");
    let packages = lock.split("[[package]]").map(str::trim);
    let versions = packages.filter_map(|entry| {
        let mut lines = entry.lines();
        (lines.next() == Some(&name)).then(|| lines.next())?
    });
    let mut versions = versions.filter_map(|line| line.split('"').nth(1));
    match (versions.next(), versions.next()) {
        (Some(version), None) => version,
        _ => panic!("expected one version of {package} in Cargo.lock"),
    }
}
