use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use ringyo::Timestamp;
use ringyo::tower::axum::Caller;

use crate::answer::{Created, Data, List, Problem};
use crate::app::App;
use crate::documents::{Document, Documents};
use crate::query::Params;

/// What the caller's account has; there is no way from here to what others have.
#[derive(Debug)]
pub(super) struct Own {
    caller: Caller,
    documents: Documents,
}

impl Own {
    /// When the request was let in.
    pub(super) fn asked_at(&self) -> Timestamp {
        self.caller.authenticated_at()
    }

    pub(super) async fn list<D: Document>(&self, params: Params) -> Result<List<D>, Problem> {
        let account = self.caller.account();
        let page = self.documents.list(account, params.paging()?).await?;
        Ok(List::of(page, |document| document))
    }

    pub(super) async fn show<D: Document>(&self, id: &str) -> Result<Data<D>, Problem> {
        let document = self.documents.find(self.caller.account(), id).await?;
        document.map(Data).ok_or_else(Problem::not_found)
    }

    pub(super) async fn add<D: Document>(&self, document: D) -> Result<Created<D>, Problem> {
        let account = self.caller.account();
        Ok(Created(self.documents.insert(account, document).await?))
    }

    pub(super) async fn update<D: Document>(
        &self,
        id: &str,
        change: impl FnOnce(&mut D) + Send + 'static,
    ) -> Result<Data<D>, Problem> {
        let account = self.caller.account();
        let document = self.documents.update(account, id, change).await?;
        document.map(Data).ok_or_else(Problem::not_found)
    }

    pub(super) async fn remove<D: Document>(&self, id: &str) -> Result<StatusCode, Problem> {
        match self
            .documents
            .remove::<D>(self.caller.account(), id)
            .await?
        {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::not_found()),
        }
    }
}

impl FromRequestParts<App> for Own {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        Ok(Self {
            caller: Caller::from_request_parts(parts, app).await?,
            documents: app.documents.clone(),
        })
    }
}
