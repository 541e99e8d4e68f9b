use axum::Extension;
use axum::extract::State;
use ringyo::Caller;
use ringyo::preset::ringyo::{PHONE_NUMBERS_READ, PHONE_NUMBERS_UPDATE};
use serde::{Deserialize, Serialize};

use super::{NAME_RULE, is_name};
use crate::answer::{Data, List, Problem};
use crate::app::App;
use crate::documents::Document;
use crate::form::Payload;
use crate::query::{Id, Params};
use crate::random;

/// A number that an account has rented; the demo gives two to each.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PhoneNumber {
    id: String,
    number: String,
    label: Option<String>,
}

impl PhoneNumber {
    pub(crate) fn new(number: &str) -> Self {
        Self {
            id: random::id("pn"),
            number: number.to_owned(),
            label: None,
        }
    }
}

impl Document for PhoneNumber {
    const KIND: &'static str = "phone_number";
    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<List<PhoneNumber>, Problem> {
    caller.require(&PHONE_NUMBERS_READ)?;
    let numbers = app
        .documents
        .list(caller.account(), params.paging()?)
        .await?;
    Ok(List::of(numbers, |number| number))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Data<PhoneNumber>, Problem> {
    caller.require_on(&PHONE_NUMBERS_READ, &id)?;
    let number = app.documents.find(caller.account(), &id).await?;
    number.map(Data).ok_or_else(Problem::not_found)
}

pub(super) async fn update(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    payload: Payload,
) -> Result<Data<PhoneNumber>, Problem> {
    caller.require_on(&PHONE_NUMBERS_UPDATE, &id)?;
    let mut form = payload.form()?;
    // Left out it stays, `null` or nothing takes it away.
    let label = form.clearable("label");
    if let Some(label) = &label {
        let label = label.trim();
        form.expect("label", label.is_empty() || is_name(label), NAME_RULE);
    }
    form.check()?;
    let change = |number: &mut PhoneNumber| {
        if let Some(label) = label {
            let label = label.trim();
            number.label = (!label.is_empty()).then(|| label.to_owned());
        }
    };
    let number = app.documents.update(caller.account(), &id, change).await?;
    number.map(Data).ok_or_else(Problem::not_found)
}
