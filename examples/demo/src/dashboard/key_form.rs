//! What people enter for a key. Names, permissions and times are the library's to judge.

use std::num::NonZeroU32;
use std::time::Duration;

use ringyo::{AccountId, Edit, IpNet, Mode, NewKey, parse_network};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::form::{Fields, Form};
use crate::name::Name;
use crate::openapi::words;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(super) struct NewKeyForm {
    #[schema(value_type = Name)]
    name: String,
    /// `None` if it is missing, which is noted.
    #[schema(value_type = words::Mode, required)]
    mode: Option<Mode>,
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    /// At most 100 different ones.
    #[schema(min_items = 1, value_type = Vec<words::Permission>)]
    permissions: Vec<String>,
    /// At most a century. Without it the key lasts until it is revoked.
    #[schema(minimum = 1, maximum = 3_162_240_000_u64)]
    expires_in_seconds: Option<u64>,
    /// A limit of the key's own, beside the account's.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64, value_type = Option<u64>)]
    quota_per_minute: Option<NonZeroU32>,
    allowed_networks: Option<Networks>,
}

impl Fields for NewKeyForm {
    fn take(form: &mut Form) -> Self {
        let mode = form.optional("mode");
        form.expect("mode", mode.is_some(), "must be `live` or `test`");
        Self {
            mode,
            name: form.optional("name").unwrap_or_default(),
            description: form.clearable("description"),
            permissions: form.optional("permissions").unwrap_or_default(),
            expires_in_seconds: form.optional("expires_in_seconds"),
            quota_per_minute: form.optional("quota_per_minute"),
            allowed_networks: form.optional("allowed_networks"),
        }
    }
}

impl NewKeyForm {
    /// What it asks the library for.
    pub(super) fn of(self, account: &AccountId) -> NewKey {
        let Networks(networks) = self.allowed_networks.unwrap_or_default();
        let mode = self.mode.unwrap_or(Mode::Test);
        let mut new = NewKey::new(mode, account.as_str(), self.name)
            .description(self.description.unwrap_or_default())
            .scopes(self.permissions)
            .allowed_networks(networks);
        if let Some(seconds) = self.expires_in_seconds {
            new = new.expires_in(Duration::from_secs(seconds));
        }
        if let Some(quota) = self.quota_per_minute {
            new = new.quota_per_minute(quota);
        }
        new
    }
}

/// What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyChange)]
pub(super) struct KeyChangeForm {
    #[schema(value_type = Option<Name>)]
    name: Option<String>,
    /// `null` takes it away.
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    #[schema(min_items = 1, value_type = Option<Vec<words::Permission>>)]
    permissions: Option<Vec<String>>,
}

impl Fields for KeyChangeForm {
    fn take(form: &mut Form) -> Self {
        Self {
            name: form.optional("name"),
            description: form.clearable("description"),
            permissions: form.optional("permissions"),
        }
    }
}

impl From<KeyChangeForm> for Edit {
    fn from(form: KeyChangeForm) -> Self {
        Self {
            name: form.name,
            description: form.description,
            scopes: form.permissions,
        }
    }
}

/// How the old key ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Regeneration)]
pub(super) struct RegenerationForm {
    /// How long it works beside the new one: at most 30 days, and usually not at all.
    #[schema(maximum = 2_592_000)]
    pub(super) overlap_seconds: Option<u64>,
}

impl Fields for RegenerationForm {
    fn take(form: &mut Form) -> Self {
        Self {
            overlap_seconds: form.optional("overlap_seconds"),
        }
    }
}

/// More about a key: up to 1,000 characters once the white space around them is gone; line breaks
/// and tabs are the only control characters in it.
#[derive(Debug, ToSchema)]
#[schema(
    max_length = 1000,
    pattern = r"^[\u0009-\u000d\u0020\u0085]*[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[\u0009-\u000d\u0020\u0085]*$"
)]
#[expect(
    dead_code,
    reason = "the library has the rule; this is what it looks like"
)]
struct Description(String);

/// Networks such as `203.0.113.0/24`, or single addresses.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(try_from = "Vec<String>")]
#[schema(value_type = Vec<words::Network>, max_items = 100)]
pub(super) struct Networks(Vec<IpNet>);

impl TryFrom<Vec<String>> for Networks {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, Self::Error> {
        if texts.len() > 100 {
            return Err("must list at most 100 networks".to_owned());
        }
        let network = |(place, text): (usize, &String)| {
            // By its place: nobody knows what was pasted there.
            parse_network(text).map_err(|_| {
                format!(
                    "must list networks such as 203.0.113.0/24 or 2001:db8::7; \
                     number {} is not one",
                    place + 1
                )
            })
        };
        let networks: Result<Vec<IpNet>, String> = texts.iter().enumerate().map(network).collect();
        networks.map(Self)
    }
}
