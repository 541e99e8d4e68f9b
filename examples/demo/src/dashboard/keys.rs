//! Keys, as their owners see and manage them.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use ringyo::{Event, KeyFilter, KeyId, ListKeys, ManageError, Overlap, Revision};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::key_form::{KeyChangeForm, NewKeyForm, RegenerationForm};
use super::key_view::{EventView, IssuedView, KeyView, issued_view, view};
use super::visitor::Visitor;
use crate::answer::{Created, Data, DataBody, List, ListBody, Problem};
use crate::app::App;
use crate::form::{Fields as _, Payload};
use crate::openapi::words;
use crate::query::{Id, Paging, Params, paging_parameters, parameter, text};

/// List keys, newest first.
#[utoipa::path(
    get, path = "/api/keys", operation_id = "list_keys", tag = "Dashboard",
    params(KeyParams),
    responses((status = 200, description = "A part of the list", body = ListBody<KeyView>)),
    security(("session" = [])),
)]
pub(super) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    mut params: Params,
) -> Result<List<KeyView>, Problem> {
    let filter = params.optional::<StateParam>("state", "must be `active` or `all`");
    let mode = params.optional("mode", "must be `live` or `test`");
    let name_contains = params.optional("q", "must be text");
    let Paging { after, size } = params.paging()?;
    let list = ListKeys {
        account: None,
        filter: filter.map_or(KeyFilter::Active, |StateParam(filter)| filter),
        mode,
        name_contains,
        after,
        size,
    };
    let page = visitor.keys(&app).list(list).await?;
    Ok(List::of(page, |record| view(&app, record)))
}

/// Make a key. It is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/api/keys", operation_id = "issue_key", tag = "Dashboard",
    request_body = NewKeyForm,
    responses((status = 201, description = "The new key", body = DataBody<IssuedView>)),
    security(("session" = [])),
)]
pub(super) async fn issue(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    payload: Payload,
) -> Result<Created<IssuedView>, Problem> {
    let mut form = payload.form()?;
    let new = NewKeyForm::take(&mut form).of(&visitor.account);
    let keys = visitor.keys(&app);
    if let Err(ManageError::Invalid(faults)) = keys.check(&new) {
        for fault in faults {
            form.refuse(fault.field, fault.message);
        }
    }
    form.check()?;
    let issued = keys.issue(new).await?;
    Ok(Created(issued_view(&app, issued)))
}

/// Change name, description or permissions of a key.
#[utoipa::path(
    patch, path = "/api/keys/{id}", operation_id = "edit_key", tag = "Dashboard",
    params(("id" = words::KeyId, Path)),
    request_body = KeyChangeForm,
    responses((status = 200, description = "The key as it is now", body = DataBody<KeyView>)),
    security(("session" = [])),
)]
pub(super) async fn edit(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
    payload: Payload,
) -> Result<Data<KeyView>, Problem> {
    let change: KeyChangeForm = payload.read()?;
    let record = visitor.keys(&app).edit(id, change.into()).await?;
    Ok(Data(view(&app, record)))
}

/// Revoke a key, for good.
#[utoipa::path(
    post, path = "/api/keys/{id}/revoke", operation_id = "revoke_key", tag = "Dashboard",
    params(("id" = words::KeyId, Path)),
    responses((status = 200, description = "The key as it is now", body = DataBody<KeyView>)),
    security(("session" = [])),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
) -> Result<Data<KeyView>, Problem> {
    let record = visitor.keys(&app).revoke(id).await?;
    Ok(Data(view(&app, record)))
}

/// Switch a key off.
#[utoipa::path(
    post, path = "/api/keys/{id}/disable", operation_id = "disable_key", tag = "Dashboard",
    params(("id" = words::KeyId, Path)),
    responses((status = 200, description = "The key as it is now", body = DataBody<KeyView>)),
    security(("session" = [])),
)]
pub(super) async fn disable(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
) -> Result<Data<KeyView>, Problem> {
    let record = visitor.keys(&app).disable(id).await?;
    Ok(Data(view(&app, record)))
}

/// Switch a key on again.
#[utoipa::path(
    post, path = "/api/keys/{id}/enable", operation_id = "enable_key", tag = "Dashboard",
    params(("id" = words::KeyId, Path)),
    responses((status = 200, description = "The key as it is now", body = DataBody<KeyView>)),
    security(("session" = [])),
)]
pub(super) async fn enable(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
) -> Result<Data<KeyView>, Problem> {
    let record = visitor.keys(&app).enable(id).await?;
    Ok(Data(view(&app, record)))
}

/// Make a new key in place of one. It is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/api/keys/{id}/regenerate", operation_id = "regenerate_key", tag = "Dashboard",
    params(("id" = words::KeyId, Path)),
    request_body = Option<RegenerationForm>,
    responses((status = 201, description = "The new key", body = DataBody<IssuedView>)),
    security(("session" = [])),
)]
pub(super) async fn regenerate(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
    payload: Payload,
) -> Result<Created<IssuedView>, Problem> {
    let form: RegenerationForm = payload.read_or_default()?;
    let overlap = match form.overlap_seconds {
        Some(seconds) => Overlap::new(Duration::from_secs(seconds))?,
        None => Overlap::NONE,
    };
    let regenerated = visitor.keys(&app).regenerate(id, overlap).await?;
    Ok(Created(issued_view(&app, regenerated.new)))
}

/// List what happened to a key, newest first.
#[utoipa::path(
    get, path = "/api/keys/{id}/events", operation_id = "list_key_events", tag = "Dashboard",
    params(("id" = words::KeyId, Path), Params),
    responses((status = 200, description = "A part of the list", body = ListBody<EventView>)),
    security(("session" = [])),
)]
pub(super) async fn events(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
    params: Params,
) -> Result<List<EventView>, Problem> {
    let Paging { after, size } = params.paging::<u64>()?;
    let before = after.map(Revision::new);
    let events = visitor.keys(&app).events(id, before, size).await?;
    Ok(List::of(events, |Event { entry, .. }| EventView {
        at: entry.at,
        kind: entry.kind,
        actor: entry.actor,
        detail: entry.detail,
    }))
}

/// The parameters of the list of keys.
struct KeyParams;

impl IntoParams for KeyParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let states = text().enum_values(Some(["", "active", "all"]));
        let modes = text().enum_values(Some(["", "live", "test"]));
        let mut parameters = vec![
            parameter("state", "Those that may be used, or all.", states),
            parameter("mode", "Those of this mode only.", modes),
            parameter("q", "Those whose name contains this.", text()),
        ];
        parameters.extend(paging_parameters("^([0-9]{1,18}-[0-9A-Za-z]{12})?$"));
        parameters
    }
}

/// `active` or `all`.
struct StateParam(KeyFilter);

impl std::str::FromStr for StateParam {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "active" => Ok(Self(KeyFilter::Active)),
            "all" => Ok(Self(KeyFilter::All)),
            _ => Err(()),
        }
    }
}
