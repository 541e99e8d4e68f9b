//! What people see of a key. The key itself they see once.

use ringyo::{EventKind, IssuedKey, KeyId, KeyRecord, KeyState, Mode, ScopeSet, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::name::Name;
use crate::openapi::words;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyView {
    #[schema(value_type = words::KeyId)]
    id: KeyId,
    #[schema(value_type = Name)]
    name: String,
    #[schema(required, max_length = 1000)]
    description: Option<String>,
    #[schema(value_type = words::Mode)]
    mode: Mode,
    #[schema(value_type = Vec<words::Permission>)]
    scopes: ScopeSet,
    /// How the key begins, so that people can tell it from others.
    #[schema(pattern = "^rg_(live|test)_[0-9A-Za-z]{12}…$")]
    hint: String,
    #[schema(value_type = words::KeyState)]
    state: KeyState,
    #[schema(value_type = words::Time)]
    created_at: Timestamp,
    #[schema(required, value_type = Option<words::Time>)]
    last_used_at: Option<Timestamp>,
    /// From when on it is refused: its expiry or the end of its overlap, whichever comes first.
    #[schema(required, value_type = Option<words::Time>)]
    expires_at: Option<Timestamp>,
    /// The key that was made in its place.
    #[schema(required, value_type = Option<words::KeyId>)]
    replaced_by: Option<KeyId>,
}

/// A key just made, with the secret that is shown once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedKey)]
pub(super) struct IssuedView {
    #[serde(flatten)]
    view: KeyView,
    #[schema(value_type = String, pattern = "^rg_(live|test)_[0-9A-Za-z]{56}$")]
    key: Secret,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventView {
    #[schema(value_type = words::Time)]
    pub(super) at: Timestamp,
    #[schema(value_type = words::EventKind)]
    pub(super) kind: EventKind,
    pub(super) actor: String,
    pub(super) detail: String,
}

pub(super) fn view(app: &App, record: KeyRecord) -> KeyView {
    let now = Timestamp::from_unix_millis(app.ringyo.now().unix_millis);
    KeyView {
        id: record.id,
        state: record.state_at(now),
        expires_at: record.ends_at(),
        name: record.name,
        description: record.description,
        mode: record.mode,
        scopes: record.scopes,
        hint: record.hint,
        created_at: record.created_at,
        last_used_at: record.last_used_at,
        replaced_by: record.replaced_by,
    }
}

pub(super) fn issued_view(app: &App, issued: IssuedKey) -> IssuedView {
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
