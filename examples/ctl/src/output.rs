//! Where words go: answers to standard output, all about them to standard error.

use std::fmt::Display;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::failure::Failure;
use crate::table::Table;

/// How answers are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer: for people, or as JSON.
    pub(crate) fn answer(
        self,
        json: &impl Serialize,
        people: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json {
            let text = serde_json::to_string_pretty(json);
            let text = text.map_err(|error| Failure::because("no JSON", &error))?;
            self.print(text)
        } else {
            self.print(people())
        }
    }

    /// Prints a table, or as JSON the list that it is made of.
    pub(crate) fn list<T: Serialize>(
        self,
        items: &[T],
        none: &str,
        table: impl FnOnce(&[T]) -> Table,
    ) -> Result<(), Failure> {
        if items.is_empty() && !self.json {
            say(none);
            return Ok(());
        }
        self.answer(&items, || table(items).to_string())
    }

    /// Prints a line, or several.
    pub(crate) fn print(self, text: impl Display) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }
}

/// Tells whoever looks on.
pub(crate) fn say(words: impl Display) {
    // If nobody does, the answer still counts.
    let _ = writeln!(io::stderr(), "{words}");
}
