//! Keys, as their owners see and manage them.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use ringyo::{
    Edit, Event, EventKind, IpNet, IssuedKey, KeyFilter, KeyId, KeyRecord, KeyState, ListKeys,
    ManageError, Mode, NewKey, Overlap, Revision, ScopeSet, Timestamp,
};
use serde::Serialize;

use super::visitor::Visitor;
use crate::answer::{Created, Data, List, Problem};
use crate::app::App;
use crate::form::{Form, Payload};
use crate::query::{Id, Paging, Params};

#[derive(Debug, Serialize)]
pub(super) struct KeyView {
    id: KeyId,
    name: String,
    description: Option<String>,
    mode: Mode,
    scopes: ScopeSet,
    hint: String,
    state: KeyState,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    replaced_by: Option<KeyId>,
}

/// A key just made, with the secret that is shown once.
#[derive(Debug, Serialize)]
pub(super) struct IssuedView {
    #[serde(flatten)]
    view: KeyView,
    key: Secret,
}

#[derive(Debug, Serialize)]
pub(super) struct EventView {
    at: Timestamp,
    kind: EventKind,
    actor: String,
    detail: String,
}

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

pub(super) async fn issue(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    payload: Payload,
) -> Result<Created<IssuedView>, Problem> {
    let mut form = payload.form()?;
    let new = new_key(&mut form, &visitor);
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

pub(super) async fn edit(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
    payload: Payload,
) -> Result<Data<KeyView>, Problem> {
    let mut form = payload.form()?;
    let edit = Edit {
        name: form.optional("name"),
        description: form.clearable("description"),
        scopes: form.optional("permissions"),
    };
    form.check()?;
    let record = visitor.keys(&app).edit(id, edit).await?;
    Ok(Data(view(&app, record)))
}

pub(super) async fn revoke(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
) -> Result<Data<KeyView>, Problem> {
    let record = visitor.keys(&app).revoke(id).await?;
    Ok(Data(view(&app, record)))
}

pub(super) async fn disable(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
) -> Result<Data<KeyView>, Problem> {
    let record = visitor.keys(&app).disable(id).await?;
    Ok(Data(view(&app, record)))
}

pub(super) async fn enable(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
) -> Result<Data<KeyView>, Problem> {
    let record = visitor.keys(&app).enable(id).await?;
    Ok(Data(view(&app, record)))
}

pub(super) async fn regenerate(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<KeyId>,
    payload: Payload,
) -> Result<Created<IssuedView>, Problem> {
    let mut form = payload.form_or_nothing()?;
    let seconds: Option<u64> = form.optional("overlap_seconds");
    form.check()?;
    let overlap = match seconds {
        Some(seconds) => Overlap::new(Duration::from_secs(seconds))?,
        None => Overlap::NONE,
    };
    let regenerated = visitor.keys(&app).regenerate(id, overlap).await?;
    Ok(Created(issued_view(&app, regenerated.new)))
}

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

/// What the form asks for. Names, permissions and times are the library's to judge.
fn new_key(form: &mut Form, visitor: &Visitor) -> NewKey {
    let mode = form.optional("mode").unwrap_or_else(|| {
        form.refuse("mode", "must be `live` or `test`");
        Mode::Test
    });
    let name: Option<String> = form.optional("name");
    let permissions: Option<Vec<String>> = form.optional("permissions");
    let mut new = NewKey::new(mode, visitor.account.as_str(), name.unwrap_or_default())
        .description(form.clearable("description").unwrap_or_default())
        .scopes(permissions.unwrap_or_default())
        .allowed_networks(allowed_networks(form));
    if let Some(seconds) = form.optional("expires_in_seconds") {
        new = new.expires_in(Duration::from_secs(seconds));
    }
    if let Some(quota) = form.optional::<NonZeroU32>("quota_per_minute") {
        new = new.quota_per_minute(quota);
    }
    new
}

/// Networks such as `203.0.113.0/24`, or single addresses.
fn allowed_networks(form: &mut Form) -> Vec<IpNet> {
    const FIELD: &str = "allowed_networks";
    let texts: Vec<String> = form.optional(FIELD).unwrap_or_default();
    let network = |text: &String| -> Option<IpNet> {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(address)
    };
    let networks: Vec<IpNet> = texts.iter().filter_map(network).collect();
    let are_networks = networks.len() == texts.len() && networks.len() <= 100;
    let rule = "must list at most 100 networks, e.g. 203.0.113.0/24 or 2001:db8::7";
    form.expect(FIELD, are_networks, rule);
    networks
}

fn view(app: &App, record: KeyRecord) -> KeyView {
    let now = Timestamp::from_unix_millis(app.ringyo.now().unix_millis);
    KeyView {
        id: record.id,
        state: record.state_at(now),
        name: record.name,
        description: record.description,
        mode: record.mode,
        scopes: record.scopes,
        hint: record.hint,
        created_at: record.created_at,
        last_used_at: record.last_used_at,
        expires_at: record.expires_at,
        replaced_by: record.replaced_by,
    }
}

fn issued_view(app: &App, issued: IssuedKey) -> IssuedView {
    IssuedView {
        view: view(app, issued.record),
        key: Secret(issued.key),
    }
}

/// The one way a key gets into an answer.
#[derive(Debug)]
struct Secret(ringyo::ApiKey);

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
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
