use std::collections::HashMap;
use std::sync::Arc;

use ringyo_limit::Quota;

/// What a plan allows its accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name, as accounts carry it.
    pub name: String,
    /// Whether, and how fast, the API may be used.
    pub access: ApiAccess,
    /// How many keys an account may have that are neither revoked, expired nor superseded;
    /// `None`: any number.
    pub max_keys: Option<u32>,
}

/// Whether a plan opens the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiAccess {
    /// No keys can be made and none are accepted.
    None,
    /// Within a rate limit for the account: one bucket for its live keys, one for its test keys.
    Limited(Quota),
    /// Without a rate limit.
    Unlimited,
}

impl Plan {
    /// A plan that opens the API within a rate limit.
    pub fn limited(name: impl Into<String>, quota: Quota) -> Self {
        Self {
            name: name.into(),
            access: ApiAccess::Limited(quota),
            max_keys: None,
        }
    }

    /// A plan that does not open the API.
    pub fn without_api(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            access: ApiAccess::None,
            max_keys: None,
        }
    }

    /// The same plan with a maximum of keys for each account.
    #[must_use]
    pub fn max_keys(self, max_keys: u32) -> Self {
        Self {
            max_keys: Some(max_keys),
            ..self
        }
    }

    /// Whether the plan opens the API at all.
    #[must_use]
    pub const fn has_api_access(&self) -> bool {
        !matches!(self.access, ApiAccess::None)
    }
}

/// The plans of a service, by name.
#[derive(Debug, Clone, Default)]
pub struct Plans(HashMap<String, Arc<Plan>>);

impl Plans {
    /// The plan of that name. A name that is not listed is a plan without API access.
    pub(crate) fn find(&self, name: &str) -> Arc<Plan> {
        self.0
            .get(name)
            .cloned()
            .unwrap_or_else(|| Arc::new(Plan::without_api(name)))
    }

    /// Whether there is a plan of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// All plans, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.0.values().map(Arc::as_ref)
    }
}

impl FromIterator<Plan> for Plans {
    fn from_iter<I: IntoIterator<Item = Plan>>(plans: I) -> Self {
        let by_name = |plan: Plan| (plan.name.clone(), Arc::new(plan));
        Self(plans.into_iter().map(by_name).collect())
    }
}
