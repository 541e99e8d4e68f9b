//! All that a value tells of itself, by whatever way it has, and which types have been asked.

use std::any::type_name;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{Debug, Display};

use serde::Serialize;

/// Crate and name of a type, as in `("ringyo_key", "ApiKey")`.
pub(crate) type Name = (String, String);

/// What was told.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) types: BTreeSet<Name>,
    /// How many values were printed by `Display`, as JSON, and as a chain of errors.
    pub(crate) displayed: usize,
    pub(crate) serialized: usize,
    pub(crate) explained: usize,
}

impl Shown {
    /// In one line and in many.
    pub(crate) fn debug<T: Debug>(&mut self, value: &T) {
        self.text += &format!("{value:?}\n{value:#?}\n");
        let full = type_name::<T>();
        let path = full.split('<').next().unwrap_or(full);
        let ends = (path.split("::").next(), path.rsplit("::").next());
        if let (Some(first), Some(last)) = ends {
            self.types.insert((first.to_owned(), last.to_owned()));
        }
    }

    pub(crate) fn displayed(&mut self, text: Option<String>) {
        self.displayed += usize::from(text.is_some());
        self.text += &text.unwrap_or_default();
    }

    pub(crate) fn serialized(&mut self, text: Option<String>) {
        self.serialized += usize::from(text.is_some());
        self.text += &text.unwrap_or_default();
    }

    pub(crate) fn explained(&mut self, text: Option<String>) {
        self.explained += usize::from(text.is_some());
        self.text += &text.unwrap_or_default();
    }
}

/// Asks a value in each way that its type has.
macro_rules! show {
    ($shown:expr, $($value:expr),+ $(,)?) => {$({
        #[allow(unused_imports, reason = "what a type lacks is not used")]
        use $crate::shown::{ByDisplay, ByError, ByJson, NoDisplay, NoError, NoJson, Of};
        let value = &$value;
        $shown.debug(value);
        $shown.displayed((&Of(value)).display());
        $shown.serialized((&Of(value)).json());
        $shown.explained((&Of(value)).causes());
    })+};
}
pub(crate) use show;

/// A value that is asked. A method is looked for on this first and on a reference to it second, and
/// so the one of a type that has the trait comes before the one that says that it has not.
pub(crate) struct Of<'a, T>(pub(crate) &'a T);

pub(crate) trait ByDisplay {
    fn display(&self) -> Option<String>;
}

impl<T: Display> ByDisplay for Of<'_, T> {
    fn display(&self) -> Option<String> {
        Some(format!("{}\n{:#}\n", self.0, self.0))
    }
}

pub(crate) trait NoDisplay {
    fn display(&self) -> Option<String> {
        None
    }
}

impl<T> NoDisplay for &Of<'_, T> {}

pub(crate) trait ByJson {
    fn json(&self) -> Option<String>;
}

impl<T: Serialize> ByJson for Of<'_, T> {
    fn json(&self) -> Option<String> {
        Some(serde_json::to_string(self.0).unwrap() + "\n")
    }
}

pub(crate) trait NoJson {
    fn json(&self) -> Option<String> {
        None
    }
}

impl<T> NoJson for &Of<'_, T> {}

pub(crate) trait ByError {
    fn causes(&self) -> Option<String>;
}

impl<T: Error> ByError for Of<'_, T> {
    fn causes(&self) -> Option<String> {
        let mut text = String::new();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            text += &format!("{error} {error:?}\n");
            cause = error.source();
        }
        Some(text)
    }
}

pub(crate) trait NoError {
    fn causes(&self) -> Option<String> {
        None
    }
}

impl<T> NoError for &Of<'_, T> {}
