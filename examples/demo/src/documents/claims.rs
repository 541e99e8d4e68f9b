use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Documents, Fault};

/// An idempotency key, bound to the first request that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// What was asked for.
    pub(crate) request: String,
    /// The id of the document that comes of it.
    pub(crate) document: String,
}

impl Documents {
    /// What an idempotency key is bound to within a scope.
    pub(crate) async fn find_claim(&self, scope: &str, key: &str) -> Result<Option<Claim>, Fault> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.database
            .read(move |database| find_claim(database, &scope, &key))
            .await
    }

    /// Binds an idempotency key, unless it is bound already; answers what it is bound to.
    pub(crate) async fn claim(&self, scope: &str, key: &str, claim: Claim) -> Result<Claim, Fault> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.database
            .write(move |database| {
                database
                    .prepare_cached(
                        "INSERT INTO demo_claims (scope, key, request, document)
                     VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![scope, key, claim.request, claim.document])?;
                find_claim(database, &scope, &key)?.ok_or("a claim is gone".into())
            })
            .await
    }
}

fn find_claim(database: &Connection, scope: &str, key: &str) -> Result<Option<Claim>, Fault> {
    let claim = |row: &Row<'_>| {
        Ok(Claim {
            request: row.get(0)?,
            document: row.get(1)?,
        })
    };
    Ok(database
        .prepare_cached("SELECT request, document FROM demo_claims WHERE scope = ?1 AND key = ?2")?
        .query_row(params![scope, key], claim)
        .optional()?)
}
