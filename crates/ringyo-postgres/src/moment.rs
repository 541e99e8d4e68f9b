//! Times as PostgreSQL takes them.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use ringyo_store::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// A time in a `timestamptz`. Every [`Timestamp`] fits; what was stored past the library is
/// rounded to milliseconds by the column already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl ToSql for Moment {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let since_1970 = Duration::from_millis(self.0.as_unix_millis().unsigned_abs());
        (UNIX_EPOCH + since_1970).to_sql(ty, out)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Moment {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let since_1970 = SystemTime::from_sql(ty, raw)?.duration_since(UNIX_EPOCH)?;
        Ok(Self(Timestamp::MIN + since_1970))
    }

    accepts!(TIMESTAMPTZ);
}
