//! Making sure.

use std::io::{self, IsTerminal as _, Write as _};

use crate::cli::Sure;
use crate::failure::Failure;

/// Asks whether to do what cannot be undone, unless that has been said. Where nobody can be asked
/// it must have been.
pub(crate) fn confirm(sure: Sure, what: &str) -> Result<(), Failure> {
    if sure.yes {
        return Ok(());
    }
    let mut err = io::stderr();
    if !(io::stdin().is_terminal() && err.is_terminal()) {
        return Err(Failure::usage(format!("{what} cannot be undone"))
            .advice("say --yes if you mean it; without a terminal nobody can be asked"));
    }
    let asked = write!(err, "{what} cannot be undone. Type `yes` to go on: ");
    let mut answer = String::new();
    asked
        .and_then(|()| err.flush())
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|error| Failure::because("nobody could be asked", &error))?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(Failure::refused("nothing was changed"))
    }
}
