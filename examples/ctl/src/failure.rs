//! Why something was not done, and what to do about it.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use crate::output::say;
use crate::preset;
use ringyo::{AccountId, KeyId, ManageError, StoreError, StoreErrorKind, WalletError};

/// What is said on standard error, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    advice: String,
}

/// As `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Whoever read our output has had enough, which is no failure.
    ReaderLeft = 0,
    Refused = 1,
    Usage = 2,
    NoAnswer = 3,
}

impl Failure {
    /// It is not to be had.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// It was asked for in a way that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Something below did not work.
    pub(crate) fn no_answer(message: impl Into<String>) -> Self {
        Self::new(Kind::NoAnswer, message)
    }

    /// The same, with what that something said.
    pub(crate) fn because(message: impl Into<String>, error: &dyn Error) -> Self {
        Self::no_answer(format!("{}: {}", message.into(), chain(error)))
    }

    /// Output that could not be written.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Kind::ReaderLeft, "");
        }
        Self::because("the output could not be written", error)
    }

    /// A store that could not be opened.
    pub(crate) fn opening(place: &str, error: &StoreError) -> Self {
        let failure = Self::because(format!("{place} could not be opened"), error);
        match error.kind() {
            StoreErrorKind::NewerSchema => failure.advice("use a newer ringyoctl"),
            StoreErrorKind::ReadOnly => failure.advice("run as a user who may write to it"),
            _ => failure,
        }
    }

    pub(crate) fn about_key(id: KeyId, error: ManageError) -> Self {
        match error {
            ManageError::NotFound => Self::refused(format!("there is no key {id}"))
                .advice("`ringyoctl list --all` shows every key there is"),
            other => other.into(),
        }
    }

    pub(crate) fn about_account(id: &AccountId, error: ManageError) -> Self {
        match error {
            ManageError::NotFound => Self::no_account(id),
            other => other.into(),
        }
    }

    pub(crate) fn no_plan(name: &str) -> Self {
        Self::refused(format!("there is no plan {name:?}")).advice(plans())
    }

    pub(crate) fn no_account(id: &AccountId) -> Self {
        Self::refused(format!("there is no account {id}"))
            .advice("`ringyoctl account list` shows every account there is")
    }

    /// What to do about it.
    pub(crate) fn advice(self, advice: impl Into<String>) -> Self {
        let advice = advice.into();
        Self { advice, ..self }
    }

    /// Says it, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.kind != Kind::ReaderLeft {
            self.say();
        }
        ExitCode::from(self.kind as u8)
    }

    /// Says it, where the rest is done all the same.
    pub(crate) fn say(&self) {
        say(format!("ringyoctl: {}", self.message));
        if !self.advice.is_empty() {
            say(&self.advice);
        }
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            advice: String::new(),
        }
    }
}

impl From<ManageError> for Failure {
    fn from(error: ManageError) -> Self {
        match &error {
            ManageError::Invalid(fields) => {
                let faults: Vec<String> = fields
                    .iter()
                    .map(|fault| format!("{} {}", option(fault.field), fault.message))
                    .collect();
                let failure = Self::refused(faults.join("; "));
                let is_about = |field| fields.iter().any(|fault| fault.field == field);
                if is_about("permissions") {
                    failure.advice(format!("permissions are {}", permissions()))
                } else if is_about("plan") {
                    failure.advice(plans())
                } else {
                    failure
                }
            }
            ManageError::State { .. } => Self::refused(chain(&error))
                .advice("only a key in use can be changed; `ringyoctl issue` makes another"),
            ManageError::PlanRequired => Self::refused(chain(&error))
                .advice("`ringyoctl account set-plan` puts it on another plan"),
            ManageError::TooManyKeys => {
                Self::refused(chain(&error)).advice("revoke one that nobody uses")
            }
            ManageError::Unavailable(_) => Self::no_answer(chain(&error))
                .advice("whether it was done is not known; look before you try again"),
            _ => Self::refused(chain(&error)),
        }
    }
}

impl From<WalletError> for Failure {
    fn from(error: WalletError) -> Self {
        match error {
            WalletError::Unavailable(_) => Self::no_answer(chain(&error)),
            _ => Self::refused(chain(&error)),
        }
    }
}

/// What the library's name for a field is called here.
fn option(field: &'static str) -> &'static str {
    match field {
        "permissions" => "--scope",
        "expires_in_seconds" => "--expires-in",
        "overlap_seconds" => "--overlap",
        other => other,
    }
}

/// All that can be given.
fn permissions() -> String {
    let catalog = preset().catalog;
    let resources = catalog.resources().map(str::to_owned);
    let single = catalog
        .permissions()
        .map(|permission| permission.to_string());
    let all: Vec<String> = resources.chain(single).collect();
    format!("{}, and read_only", all.join(", "))
}

/// All that can be paid for.
fn plans() -> String {
    let preset = preset();
    let mut plans: Vec<&str> = preset.plans.iter().map(|plan| plan.name.as_str()).collect();
    plans.sort_unstable();
    format!("the plans are {}", plans.join(", "))
}

/// An error with all that is behind it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a text cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
