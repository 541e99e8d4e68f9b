//! What is missing, installed while something else is done.

use std::io;
use std::path::Path;

use super::debian::{CHROMIUM, POSTGRESQL, PYTHON, REDIS, VALKEY};
use super::for_tests::is_without;
use super::process::can_be_found;
use super::steps::{BROWSER_NEEDED_BY, NEEDED_BY};
use super::valkey;
use crate::axe_core;
use crate::python::Python;

/// Installs all that the steps do, in their order, and says nothing: what fails here they try once
/// more, and say why.
pub(super) fn install(root: &Path) {
    let quiet = &mut io::sink();
    let is_wanted = |name, needed_by| root.join(needed_by).is_dir() && !is_without(name);
    if is_wanted(PYTHON.name, NEEDED_BY) {
        let _ = Python::install(root, quiet);
        let _ = Python::install_scanners(root, quiet);
    }
    for program in [POSTGRESQL, REDIS] {
        if is_wanted(program.name, NEEDED_BY) && can_be_found() {
            let _ = program.install(quiet);
        }
    }
    if is_wanted(VALKEY.name, NEEDED_BY) {
        let _ = valkey::install(root, quiet);
    }
    if is_wanted(CHROMIUM.name, BROWSER_NEEDED_BY) && can_be_found() {
        let _ = CHROMIUM.install(quiet);
    }
    if is_wanted(axe_core::NAME, BROWSER_NEEDED_BY) {
        let _ = axe_core::install(root, quiet);
    }
}
