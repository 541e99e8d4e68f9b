//! What can be asked for.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};
use ringyo::{AccountId, IpNet, Mode, OperationId, parse_network};

use crate::place::Place;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused: there is no such thing, a rule is in the way, the key would not be let through
  2  the command line makes no sense, or needs --yes
  3  no answer: store, peppers or output failed; whether a change was made is not known

RINGYO_PEPPER, if set, holds the peppers: id:base64[,id:base64…], the active one first.
Only issue, regenerate, verify and mint need them.";

/// Manages the API keys of a service that uses ringyo
#[derive(Debug, Parser)]
#[command(name = "ringyoctl", version, about, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Print one JSON value on standard output, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Keys(KeyCommand),
    /// Accounts: their plans and credits
    #[command(subcommand)]
    Account(AccountCommand),
    /// Say what a key is and whether it would be let through; it is read from standard input, or
    /// asked for on a terminal. Costs nothing of its rate
    Verify(VerifyOptions),
    /// Make keys without a store: they are proven to be of this service, and known to nobody
    Mint(MintOptions),
    /// The secrets of the service that prove its keys
    #[command(subcommand)]
    Pepper(PepperCommand),
    /// Print a regular expression that finds keys, for secret scanners
    Regex,
    /// Print a script that completes commands in a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, this once, alone on standard output
    Issue(IssueOptions),
    /// List keys, newest first
    List(ListOptions),
    /// Show all that is kept of a key
    Show {
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Change the name of a key, or what more is said about it
    Rename {
        #[command(flatten)]
        key: KeyArgument,
        /// What people are to call it
        #[arg(required_unless_present = "description")]
        name: Option<String>,
        /// More about it; an empty text takes it away
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Switch a key off until it is enabled again
    Disable {
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Switch a disabled key on again
    Enable {
        #[command(flatten)]
        key: KeyArgument,
    },
    /// End a key for good
    Revoke {
        #[command(flatten)]
        key: KeyArgument,
        #[command(flatten)]
        sure: Sure,
    },
    /// Make a key in place of another and print it, this once, alone on standard output
    Regenerate {
        #[command(flatten)]
        key: KeyArgument,
        /// Let the old key work for so much longer, such as 24h; without it, it ends at once.
        /// Less than a minute has to be confirmed
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        overlap: Option<Duration>,
        #[command(flatten)]
        sure: Sure,
    },
    /// What happened to a key, newest first
    Events {
        #[command(flatten)]
        key: KeyArgument,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<NonZeroUsize>,
    },
}

/// The id of a key, as text: if it is none, clap would show what it is.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArgument {
    /// The id of the key: the 12 characters behind its prefix, with or without it
    #[arg(value_name = "KEY_ID")]
    pub(crate) key: String,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Sure {
    /// Do not ask. Needed where there is no terminal, for what cannot be undone
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IssueOptions {
    /// Whose key
    #[arg(long)]
    pub(crate) account: AccountId,
    /// What people call it
    #[arg(long)]
    pub(crate) name: String,
    /// More about it
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    /// Whether it does the real thing
    #[arg(long, default_value = "test", value_parser = mode())]
    pub(crate) mode: Mode,
    /// What it may do, such as agents,calls:read; can be given several times
    #[arg(long, required = true, value_delimiter = ',')]
    pub(crate) scope: Vec<String>,
    /// How long it lasts, such as 90days; without it, until it is revoked
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) expires_in: Option<Duration>,
    /// A rate limit of its own, beside the account's
    #[arg(long, value_name = "N")]
    pub(crate) per_minute: Option<NonZeroU32>,
    /// A network it may be used from, such as 192.0.2.0/24, or a single address; can be given
    /// several times
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', value_parser = parse_network)]
    pub(crate) network: Vec<IpNet>,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Of this account
    #[arg(long)]
    pub(crate) account: Option<AccountId>,
    /// Of this mode
    #[arg(long, value_parser = mode())]
    pub(crate) mode: Option<Mode>,
    /// Whose name contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Also keys that cannot be used now: disabled, expired, superseded, revoked
    #[arg(long)]
    pub(crate) all: bool,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroUsize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account, and the store if there is none
    Create {
        /// Its id, given by the service
        account: AccountId,
        /// What it pays for
        #[arg(long)]
        plan: String,
    },
    /// List accounts, by id
    List,
    /// Put an account on another plan
    SetPlan {
        /// Its id
        account: AccountId,
        /// What it pays for
        plan: String,
    },
    /// Show the credits of an account, or add to them
    Credits {
        /// Its id
        account: AccountId,
        /// Add so many
        #[arg(long, value_name = "N")]
        add: Option<u64>,
        /// The name of this addition: with the same name it is done once, however often it is
        /// asked for
        #[arg(long, value_name = "ID", requires = "add")]
        operation: Option<OperationId>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// The address of the client, for a key that is bound to networks
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) client: Option<IpAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct MintOptions {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u64,
    /// Whether they are to do the real thing
    #[arg(long, default_value = "test", value_parser = mode())]
    pub(crate) mode: Mode,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PepperCommand {
    /// Draw a new pepper and print it
    New {
        /// Put it first in the pepper file, which is made if there is none, instead of printing it
        #[arg(long)]
        write: bool,
    },
    /// How many keys that are active or disabled each pepper still has
    Usage,
}

fn mode() -> impl clap::builder::TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(["live", "test"]).try_map(|mode| mode.parse::<Mode>())
}
