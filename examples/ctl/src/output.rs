//! Where words go: answers to standard output, all about them to standard error.

use std::fmt::{self, Display};
use std::io::{self, Write as _};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::table::Table;
use crate::view::IssuedView;

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

    /// Prints a line, or several.
    pub(crate) fn print(self, text: impl Display) -> Result<(), Failure> {
        write(format_args!("{text}\n")).map_err(|error| Failure::output(&error))
    }

    /// Shows a new key, this once: alone, or as a part of its JSON.
    pub(crate) fn show(self, key: &IssuedView) -> io::Result<()> {
        if self.json {
            let text = Zeroizing::new(serde_json::to_string_pretty(key)?);
            write(format_args!("{}\n", *text))
        } else {
            write(format_args!("{}\n", key.key.0.expose()))
        }
    }
}

/// A list that is printed while it is read: a table, or as JSON a list.
#[derive(Debug)]
pub(crate) struct List {
    output: Output,
    table: Table,
    is_empty: bool,
}

impl List {
    pub(crate) fn new(output: Output, head: &[&str]) -> Self {
        Self {
            output,
            table: Table::with_head(head),
            is_empty: true,
        }
    }

    /// Prints some more of it.
    pub(crate) fn add<T: Serialize>(
        &mut self,
        items: &[T],
        cells: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        let mut text = String::new();
        for item in items {
            if self.output.json {
                let json = serde_json::to_string_pretty(item);
                let json = json.map_err(|error| Failure::because("no JSON", &error))?;
                text += if self.is_empty { "[" } else { "," };
                text += "\n  ";
                text += &json.replace('\n', "\n  ");
            } else {
                self.table.row(cells(item));
            }
            self.is_empty = false;
        }
        if !self.output.json && !items.is_empty() {
            text = format!("{}\n", self.table);
            self.table.forget_rows();
        }
        write(format_args!("{text}")).map_err(|error| Failure::output(&error))
    }

    /// Ends it; of an empty one `none` is said.
    pub(crate) fn end(self, none: &str) -> Result<(), Failure> {
        match (self.output.json, self.is_empty) {
            (true, true) => self.output.print("[]"),
            (true, false) => self.output.print("\n]"),
            (false, true) => {
                say(none);
                Ok(())
            }
            (false, false) => Ok(()),
        }
    }
}

/// Refuses to show keys where nobody can read them. What is closed counts, too: it is opened on
/// the same device when the program starts.
#[cfg(unix)]
pub(crate) fn refuse_void() -> Result<(), Failure> {
    use std::fs::{File, metadata};
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;
    let out = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let device = out.and_then(|out| Ok(out.metadata()?.rdev()));
    let void = metadata("/dev/null").map(|void| void.rdev());
    match (device, void) {
        (Ok(device), Ok(void)) if device == void => Err(Failure::usage(
            "a key is shown once, and nobody could read it on this standard output",
        )
        .advice("send it where it belongs, such as to a file: `> production.key`")),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) fn refuse_void() -> Result<(), Failure> {
    Ok(())
}

fn write(text: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_fmt(text)?;
    out.flush()
}

/// Tells whoever looks on.
pub(crate) fn say(words: impl Display) {
    // If nobody does, the answer still counts.
    let _ = writeln!(io::stderr(), "{words}");
}
