//! What is shown of keys and events. The names in JSON are those of the dashboard's API, and stay.

use ringyo::{
    Account, AccountId, ApiKey, Event, EventKind, IpNet, KeyId, KeyRecord, KeyState, Mode,
    PepperId, Revision, ScopeSet, Timestamp,
};
use serde::{Serialize, Serializer};

use crate::moments::{relative, relative_or_never};
use crate::table::{Table, shown};

/// A key, without anything that would give it away.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    pub(crate) id: KeyId,
    pub(crate) account: AccountId,
    name: String,
    description: Option<String>,
    mode: Mode,
    scopes: ScopeSet,
    hint: String,
    state: KeyState,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    superseded_at: Option<Timestamp>,
    replaced_by: Option<KeyId>,
    quota_per_minute: Option<u32>,
    allowed_networks: Vec<IpNet>,
    pepper: Option<u16>,
    #[serde(skip)]
    now: Timestamp,
}

/// A key just made, with the secret that is shown once.
#[derive(Debug, Serialize)]
pub(crate) struct IssuedView {
    #[serde(flatten)]
    pub(crate) view: KeyView,
    pub(crate) key: Secret,
}

/// The one way a key gets into JSON.
#[derive(Debug)]
pub(crate) struct Secret(pub(crate) ApiKey);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct EventView {
    revision: Revision,
    at: Timestamp,
    kind: EventKind,
    actor: String,
    from: Option<std::net::IpAddr>,
    detail: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct AccountView {
    id: AccountId,
    plan: String,
    created_at: Timestamp,
}

impl KeyView {
    pub(crate) fn of(record: KeyRecord, now: Timestamp) -> Self {
        Self {
            state: record.state_at(now),
            id: record.id,
            account: record.account,
            name: record.name,
            description: record.description,
            mode: record.mode,
            scopes: record.scopes,
            hint: record.hint,
            created_at: record.created_at,
            last_used_at: record.last_used_at,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
            superseded_at: record.superseded_at,
            replaced_by: record.replaced_by,
            quota_per_minute: record.quota.map(|quota| quota.per_minute.get()),
            allowed_networks: record.allowed_networks,
            pepper: record.pepper.map(PepperId::as_u16),
            now,
        }
    }

    /// All of it, for people.
    pub(crate) fn fields(&self) -> Table {
        let when = |moment: Option<Timestamp>| {
            moment.map(|moment| format!("{}  ({moment})", relative(moment, self.now)))
        };
        let networks: Vec<String> = self.allowed_networks.iter().map(IpNet::to_string).collect();
        let networks = (!networks.is_empty()).then(|| networks.join(" "));
        let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
        let some = [
            ("key", Some(self.hint.clone())),
            ("account", Some(self.account.to_string())),
            ("name", Some(self.name.clone())),
            ("description", self.description.clone()),
            ("mode", Some(self.mode.to_string())),
            ("permissions", Some(self.scopes.to_string())),
            ("state", Some(self.state.to_string())),
            ("created", when(Some(self.created_at))),
            ("last used", Some(or(when(self.last_used_at), "never"))),
            ("expires", Some(or(when(self.expires_at), "never"))),
            ("revoked", when(self.revoked_at)),
            ("superseded", when(self.superseded_at)),
            ("replaced by", self.replaced_by.map(|id| id.to_string())),
            (
                "own limit",
                self.quota_per_minute
                    .map(|limit| format!("{limit} a minute")),
            ),
            ("networks", Some(or(networks, "any"))),
            (
                "pepper",
                Some(or(
                    self.pepper.map(|id| id.to_string()),
                    "none: of foreign origin",
                )),
            ),
        ];
        let fields = some.into_iter();
        Table::of_fields(fields.filter_map(|(name, value)| Some((name, value?))))
    }

    /// What [`cells`](Self::cells) are.
    pub(crate) const HEAD: [&str; 8] = [
        "ID",
        "ACCOUNT",
        "NAME",
        "MODE",
        "STATE",
        "PERMISSIONS",
        "LAST USED",
        "CREATED",
    ];

    /// The most of it, in a line.
    pub(crate) fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.account.to_string(),
            self.name.clone(),
            self.mode.to_string(),
            self.state.to_string(),
            self.scopes.to_string(),
            relative_or_never(self.last_used_at, self.now),
            relative(self.created_at, self.now),
        ]
    }

    /// `live key 0a1B2c3D4e5F of acct_1`.
    pub(crate) fn title(&self) -> String {
        format!("{} key {} of {}", self.mode, self.id, self.account)
    }

    pub(crate) const fn state(&self) -> KeyState {
        self.state
    }

    pub(crate) fn name(&self) -> String {
        shown(&self.name)
    }

    pub(crate) fn description(&self) -> Option<String> {
        self.description.as_deref().map(shown)
    }
}

impl EventView {
    pub(crate) fn of(event: Event) -> Self {
        Self {
            revision: event.revision,
            at: event.entry.at,
            kind: event.entry.kind,
            actor: event.entry.actor,
            from: event.entry.from,
            detail: event.entry.detail,
        }
    }

    /// What [`cells`](Self::cells) are.
    pub(crate) const HEAD: [&str; 4] = ["WHEN", "WHAT", "WHO", "DETAIL"];

    pub(crate) fn cells(&self, now: Timestamp) -> Vec<String> {
        vec![
            relative(self.at, now),
            self.kind.to_string(),
            self.actor.clone(),
            self.detail.clone(),
        ]
    }
}

impl AccountView {
    pub(crate) fn of(account: Account) -> Self {
        Self {
            id: account.id,
            plan: account.plan,
            created_at: account.created_at,
        }
    }

    /// What [`cells`](Self::cells) are.
    pub(crate) const HEAD: [&str; 3] = ["ID", "PLAN", "CREATED"];

    pub(crate) fn cells(&self, now: Timestamp) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.plan.clone(),
            relative(self.created_at, now),
        ]
    }

    pub(crate) fn sentence(&self) -> String {
        format!("{} is on the plan {}", self.id, self.plan)
    }
}
