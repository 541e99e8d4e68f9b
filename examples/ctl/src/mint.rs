//! Keys without a store.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ringyo::{KeyId, Mode};
use serde::Serialize;

use crate::cli::MintOptions;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;
use crate::preset;
use crate::view::Secret;

/// Who waits longer than that wants to see how far it is.
const LONG: Duration = Duration::from_millis(500);

/// Keys between two looks at the clock.
const STRIDE: u64 = 256;

#[derive(Serialize)]
struct Minted {
    id: KeyId,
    mode: Mode,
    key: Secret,
}

pub(crate) fn run(options: MintOptions, place: &Place, output: Output) -> Result<(), Failure> {
    let peppers = place.peppers()?;
    let mut out = BufWriter::new(io::stdout().lock());
    let progress = Progress::of(options.count);
    let format = preset().format;
    let written = (|| {
        if output.is_json() {
            write!(out, "[")?;
        }
        for number in 0..options.count {
            progress.at(number);
            let minted = format.mint(options.mode, &peppers);
            if output.is_json() {
                let comma = if number == 0 { "" } else { "," };
                write!(out, "{comma}\n  ")?;
                let item = Minted {
                    id: minted.id,
                    mode: minted.mode,
                    key: Secret(minted.key),
                };
                serde_json::to_writer(&mut out, &item)?;
            } else {
                writeln!(out, "{}", minted.key.expose())?;
            }
        }
        if output.is_json() {
            writeln!(out, "\n]")?;
        }
        out.flush()
    })();
    progress.bar.finish_and_clear();
    written.map_err(|error: io::Error| Failure::output(&error))
}

/// A bar on standard error, once it takes long: on a terminal, unless the keys are there, too.
struct Progress {
    bar: ProgressBar,
    start: Instant,
    can_be_seen: bool,
}

impl Progress {
    fn of(count: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} keys, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            start: Instant::now(),
            can_be_seen: io::stderr().is_terminal() && !io::stdout().is_terminal(),
        }
    }

    fn at(&self, number: u64) {
        if !self.can_be_seen || !number.is_multiple_of(STRIDE) {
            return;
        }
        if self.bar.is_hidden() && self.start.elapsed() > LONG {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(number);
    }
}
