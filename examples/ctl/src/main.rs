//! `ringyoctl`: the API keys of a service, managed from a shell. `ringyoctl --help` says how;
//! a whole session is in the documentation of `ringyo`.
//!
//! A service that has its own brand, permissions or plans takes [`preset`] and nothing else to
//! have its own.

mod accounts;
mod ask;
mod cli;
mod failure;
mod keys;
mod mint;
mod moments;
mod output;
mod pepper_file;
mod peppers;
mod place;
mod table;
mod verify;
mod view;

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use ringyo::{Mode, Preset};

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;

/// How keys look, and what there is to give.
fn preset() -> Preset {
    Preset::ringyo()
}

/// What keys begin with, also those of brands that are only accepted.
fn prefixes() -> Vec<String> {
    let format = preset().format;
    let brands = std::iter::once(format.brand()).chain(format.retired().iter().copied());
    let prefixes = brands.flat_map(|brand| Mode::ALL.map(|mode| format!("{brand}_{mode}_")));
    prefixes.collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run() -> Result<(), Failure> {
    // Before the arguments are read: what is wrong with them would be shown.
    if env::args_os().any(|argument| verify::holds_key(&argument.to_string_lossy())) {
        return Err(Failure::usage("an argument holds a whole key").advice(
            "everybody on this machine can read the arguments of a program, so treat it as leaked \
             and revoke it; commands take its id, and `verify` reads a key from standard input",
        ));
    }
    let Cli {
        place,
        json,
        command,
    } = Cli::parse();
    let output = Output::new(json);
    match command {
        Command::Keys(command) => keys::run(command, &place, output).await,
        Command::Account(command) => accounts::run(command, &place, output).await,
        Command::Verify(options) => verify::run(options, &place, output).await,
        Command::Mint(options) => mint::run(options, &place, output),
        Command::Pepper(command) => peppers::run(command, &place, output).await,
        Command::Regex => {
            let regex = preset().format.scanner_regex();
            output.answer(&regex, || regex.clone())
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ringyoctl", &mut text);
            output.print(String::from_utf8_lossy(&text).trim_end())
        }
    }
}
