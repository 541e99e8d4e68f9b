use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::E164;
use super::own::Own;
use crate::answer::{Data, DataBody, List, ListBody, Problem};
use crate::documents::Document;
use crate::form::{Fields, Form, Payload};
use crate::name::Name;
use crate::query::{Id, Params};
use crate::random;

/// A number that an account has rented; the demo gives two to each.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PhoneNumber {
    #[schema(pattern = "^pn_[0-9A-Za-z]{16}$")]
    id: String,
    #[schema(value_type = E164)]
    number: String,
    #[schema(value_type = Option<Name>)]
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

/// What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PhoneNumberChange {
    label: Option<Label>,
}

impl Fields for PhoneNumberChange {
    fn take(form: &mut Form) -> Self {
        Self {
            label: form.clearable("label"),
        }
    }
}

/// A name for the number; none, and so `null`, takes away the one it has.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    value_type = String,
    example = "Front desk",
    // White space alone, or a name.
    pattern = r"^[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*([^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]([^\u0000-\u001f\u007f-\u009f]{0,98}[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])?[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*)?$"
)]
pub(super) struct Label(Option<String>);

impl TryFrom<String> for Label {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.trim().is_empty() {
            true => Ok(Self(None)),
            false => Name::try_from(text).map(|name| Self(Some(name.into()))),
        }
    }
}

/// List phone numbers, newest first.
#[utoipa::path(
    get, path = "/phone-numbers", operation_id = "list_phone_numbers", tag = "Phone numbers",
    params(Params),
    responses((status = 200, description = "A part of the list", body = ListBody<PhoneNumber>)),
)]
pub(super) async fn list(own: Own, params: Params) -> Result<List<PhoneNumber>, Problem> {
    own.list(params).await
}

/// Show a phone number.
#[utoipa::path(
    get, path = "/phone-numbers/{id}", operation_id = "show_phone_number", tag = "Phone numbers",
    params(("id" = String, Path, example = "pn_0a1B2c3D4e5F6g7H")),
    responses((status = 200, description = "The phone number", body = DataBody<PhoneNumber>)),
)]
pub(super) async fn show(own: Own, Id(id): Id) -> Result<Data<PhoneNumber>, Problem> {
    own.show(&id).await
}

/// Label a phone number.
#[utoipa::path(
    patch, path = "/phone-numbers/{id}", operation_id = "update_phone_number",
    tag = "Phone numbers",
    params(("id" = String, Path, example = "pn_0a1B2c3D4e5F6g7H")),
    request_body = PhoneNumberChange,
    responses((status = 200, description = "As it is now", body = DataBody<PhoneNumber>)),
)]
pub(super) async fn update(
    own: Own,
    Id(id): Id,
    payload: Payload,
) -> Result<Data<PhoneNumber>, Problem> {
    let PhoneNumberChange { label } = payload.read()?;
    own.update(&id, |number: &mut PhoneNumber| {
        if let Some(Label(label)) = label {
            number.label = label;
        }
    })
    .await
}
