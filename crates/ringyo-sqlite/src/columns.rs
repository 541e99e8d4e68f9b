//! Reads the columns of a row one after the other.

use std::str::FromStr;

use ringyo_store::{Revision, StoreError, StoreErrorKind};
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};

use crate::failure::Failure;

/// The columns of a row, left to right. A value that makes no sense is named by its column and
/// never shown: whoever sees the error may not be whoever may see the row.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

/// What is said of a column whose value makes no sense.
macro_rules! column {
    ($name:literal) => {
        concat!("the column ", $name, " does not hold what it should")
    };
}
pub(crate) use column;

impl<'r> Columns<'r> {
    pub(crate) const fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// Whether the next column is empty; it stays the next.
    pub(crate) fn is_null(&self) -> Result<bool, Failure> {
        Ok(matches!(self.row.get_ref(self.next)?, ValueRef::Null))
    }

    pub(crate) fn text(&mut self, context: &'static str) -> Result<&'r str, Failure> {
        self.optional_text(context)?.ok_or_else(|| corrupt(context))
    }

    pub(crate) fn optional_text(
        &mut self,
        context: &'static str,
    ) -> Result<Option<&'r str>, Failure> {
        let value = self.value()?;
        value.as_str_or_null().map_err(|_| corrupt(context))
    }

    pub(crate) fn parse<T: FromStr>(&mut self, context: &'static str) -> Result<T, Failure> {
        self.text(context)?.parse().map_err(|_| corrupt(context))
    }

    pub(crate) fn parse_optional<T: FromStr>(
        &mut self,
        context: &'static str,
    ) -> Result<Option<T>, Failure> {
        self.optional_text(context)?
            .map(|text| text.parse().map_err(|_| corrupt(context)))
            .transpose()
    }

    /// A number or, as an `Option`, none.
    pub(crate) fn number<T: FromSql>(&mut self, context: &'static str) -> Result<T, Failure> {
        T::column_result(self.value()?).map_err(|_| corrupt(context))
    }

    /// A number that is never negative.
    pub(crate) fn count(&mut self, context: &'static str) -> Result<u64, Failure> {
        let number: i64 = self.number(context)?;
        u64::try_from(number).map_err(|_| corrupt(context))
    }

    pub(crate) fn revision(&mut self, context: &'static str) -> Result<Revision, Failure> {
        self.count(context).map(Revision::new)
    }

    fn value(&mut self) -> Result<ValueRef<'r>, Failure> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        Ok(value)
    }
}

pub(crate) const fn corrupt(context: &'static str) -> Failure {
    Failure::Store(StoreError::new(StoreErrorKind::Corrupt, context))
}
