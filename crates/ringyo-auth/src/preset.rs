//! Presets: the whole of what makes a service's keys its own, and Ringyo's as the example.

use ringyo_key::{Brand, KeyFormat};
use ringyo_limit::Quota;
use ringyo_scope::{Action, Catalog, Resource};

use crate::{HttpStyle, Plan, Plans};

/// How the keys of a service look, what they can be given, and what its plans allow.
#[derive(Debug, Clone)]
pub struct Preset {
    /// The text of keys.
    pub format: KeyFormat,
    /// Resources and their actions.
    pub catalog: Catalog,
    /// Plans by name.
    pub plans: Plans,
    /// How refusals and rates are told over HTTP.
    pub http: HttpStyle,
}

impl Preset {
    /// A service of your own, with `realm` as what `WWW-Authenticate` names.
    pub fn new(
        brand: Brand,
        catalog: Catalog,
        plans: impl IntoIterator<Item = Plan>,
        realm: impl Into<String>,
    ) -> Self {
        Self {
            format: KeyFormat::new(brand),
            catalog,
            plans: plans.into_iter().collect(),
            http: HttpStyle::new(realm),
        }
    }

    /// Ringyo itself: keys `rg_live_…` and `rg_test_…`, the permissions of [`ringyo::CATALOG`], and
    /// the plans `pro` (60 requests a minute) and `agency` (300); `trial` and `starter` have no API
    /// access.
    #[must_use]
    pub fn ringyo() -> Self {
        Self::new(
            ringyo::BRAND,
            ringyo::CATALOG.clone(),
            [
                Plan::without_api("trial"),
                Plan::without_api("starter"),
                Plan::limited("pro", Quota::per_minute(60)),
                Plan::limited("agency", Quota::per_minute(300)),
            ],
            "ringyo",
        )
    }
}

/// The names that the Ringyo preset uses.
pub mod ringyo {
    use super::{Action, Brand, Catalog, Resource};
    use ringyo_scope::Requirement;

    /// `rg`.
    pub const BRAND: Brand = match Brand::new("rg") {
        Ok(brand) => brand,
        Err(_) => panic!("`rg` is a brand"),
    };

    /// The resources of a voice-agent API.
    pub static CATALOG: Catalog = Catalog::declare(&[
        Resource::declare(
            "agents",
            &[
                Action::write("create"),
                Action::read("read"),
                Action::write("update"),
                Action::write("delete"),
            ],
        ),
        Resource::declare("calls", &[Action::write("create"), Action::read("read")]),
        Resource::declare(
            "phone_numbers",
            &[Action::read("read"), Action::write("update")],
        ),
        Resource::declare(
            "webhooks",
            &[
                Action::write("create"),
                Action::read("read"),
                Action::write("update"),
                Action::write("delete"),
            ],
        ),
    ]);

    macro_rules! requirements {
        ($($name:ident = $permission:literal;)*) => {$(
            #[doc = concat!("`", $permission, "`.")]
            pub static $name: Requirement = Requirement::permission(CATALOG.permission($permission));
        )*};
    }

    requirements! {
        AGENTS_CREATE = "agents:create";
        AGENTS_READ = "agents:read";
        AGENTS_UPDATE = "agents:update";
        AGENTS_DELETE = "agents:delete";
        CALLS_CREATE = "calls:create";
        CALLS_READ = "calls:read";
        PHONE_NUMBERS_READ = "phone_numbers:read";
        PHONE_NUMBERS_UPDATE = "phone_numbers:update";
        WEBHOOKS_CREATE = "webhooks:create";
        WEBHOOKS_READ = "webhooks:read";
        WEBHOOKS_UPDATE = "webhooks:update";
        WEBHOOKS_DELETE = "webhooks:delete";
    }
}
