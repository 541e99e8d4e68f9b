use crate::permission_set::PermissionSet;
use crate::{Catalog, PermissionName};

/// The permissions that were missing in a check: of the alternative that came closest, the ones
/// that were not held. It holds no trace of the permissions that were.
///
/// It is a handful of bits, so that a refusal allocates nothing; the catalog has the names when a
/// response is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("permissions that the operation needs are missing")]
pub struct Missing {
    pub(crate) fingerprint: u64,
    pub(crate) permissions: PermissionSet,
}

impl Missing {
    /// The missing permissions in the order of the catalog; none, when this is not the catalog
    /// that the requirement was made with. At least one otherwise.
    pub fn names<'a>(&self, catalog: &'a Catalog) -> impl Iterator<Item = PermissionName<'a>> {
        let Self {
            fingerprint,
            permissions,
        } = *self;
        catalog.permissions().filter(move |name| {
            name.permission.fingerprint == fingerprint
                && permissions.contains(name.permission.index)
        })
    }

    /// The names separated by spaces: the value of `scope` in a `WWW-Authenticate` header (RFC
    /// 6750 §3), such as `agents:read agents:update`. It needs no escaping.
    #[must_use]
    pub fn scope_text(&self, catalog: &Catalog) -> String {
        self.names(catalog)
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }
}
