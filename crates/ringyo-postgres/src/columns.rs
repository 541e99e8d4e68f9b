//! Reads the columns of a row one after the other.

use std::str::FromStr;

use ringyo_store::{Revision, StoreError, StoreErrorKind, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::failure::Failure;
use crate::moment::Moment;

/// The columns of a row, left to right. A value that makes no sense is named by its column and
/// never shown: whoever sees the error may not be whoever may see the row.
pub(crate) struct Columns<'r> {
    row: &'r Row,
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
    pub(crate) const fn of(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }

    /// A value or, as an `Option`, none.
    pub(crate) fn value<T: FromSql<'r>>(&mut self, context: &'static str) -> Result<T, Failure> {
        let value = self.row.try_get(self.next).map_err(|_| corrupt(context))?;
        self.next += 1;
        Ok(value)
    }

    /// Whether the next column is empty; it stays the next.
    pub(crate) fn is_null(&self, context: &'static str) -> Result<bool, Failure> {
        let text = self.row.try_get::<_, Option<&str>>(self.next);
        Ok(text.map_err(|_| corrupt(context))?.is_none())
    }

    pub(crate) fn text(&mut self, context: &'static str) -> Result<&'r str, Failure> {
        self.value(context)
    }

    pub(crate) fn parse<T: FromStr>(&mut self, context: &'static str) -> Result<T, Failure> {
        self.text(context)?.parse().map_err(|_| corrupt(context))
    }

    pub(crate) fn parse_optional<T: FromStr>(
        &mut self,
        context: &'static str,
    ) -> Result<Option<T>, Failure> {
        self.value::<Option<&str>>(context)?
            .map(|text| text.parse().map_err(|_| corrupt(context)))
            .transpose()
    }

    pub(crate) fn moment(&mut self, context: &'static str) -> Result<Timestamp, Failure> {
        self.value::<Moment>(context).map(|moment| moment.0)
    }

    pub(crate) fn optional_moment(
        &mut self,
        context: &'static str,
    ) -> Result<Option<Timestamp>, Failure> {
        let moment = self.value::<Option<Moment>>(context)?;
        Ok(moment.map(|moment| moment.0))
    }

    /// A number that is never negative.
    pub(crate) fn count(&mut self, context: &'static str) -> Result<u64, Failure> {
        let number: i64 = self.value(context)?;
        u64::try_from(number).map_err(|_| corrupt(context))
    }

    /// A number of another width or range, or none.
    pub(crate) fn optional_number<T: TryFrom<i64>>(
        &mut self,
        context: &'static str,
    ) -> Result<Option<T>, Failure> {
        self.value::<Option<i64>>(context)?
            .map(|number| T::try_from(number).map_err(|_| corrupt(context)))
            .transpose()
    }

    pub(crate) fn revision(&mut self, context: &'static str) -> Result<Revision, Failure> {
        self.count(context).map(Revision::new)
    }
}

pub(crate) const fn corrupt(context: &'static str) -> Failure {
    Failure::Store(StoreError::new(StoreErrorKind::Corrupt, context))
}
