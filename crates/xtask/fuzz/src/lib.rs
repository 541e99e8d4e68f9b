//! What must hold of every input, one module for each thing that reads what strangers write.
//!
//! Each `check` panics when its property does not hold: that what is read is what a second, simple
//! implementation reads, or that it comes back when it is written. Each has a planted fault, with
//! which it must fail: [`Subject::Faulty`].

pub mod header;
pub mod key;
pub mod peppers;
pub mod rate;
pub mod requirement;
pub mod row;
pub mod scope;

use std::sync::LazyLock;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The library.
    Real,
    /// The library with one mistake that somebody might make.
    Faulty,
}

/// [`Subject::Faulty`] if the variable `RINGYO_FUZZ_FAULT` is set.
pub fn subject() -> Subject {
    static SUBJECT: LazyLock<Subject> =
        LazyLock::new(|| match std::env::var_os("RINGYO_FUZZ_FAULT") {
            Some(_) => Subject::Faulty,
            None => Subject::Real,
        });
    *SUBJECT
}
