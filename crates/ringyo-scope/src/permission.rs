use std::fmt;

use crate::Access;

/// One action on one resource of one [`Catalog`](crate::Catalog), such as `agents:read`.
///
/// A number and the fingerprint of the catalog that gave it out; the catalog has the
/// [name](crate::Catalog::name). Used with another catalog it stands for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission {
    pub(crate) fingerprint: u64,
    pub(crate) index: u8,
}

/// A [`Permission`] as its catalog spells it; `Display` is `resource:action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermissionName<'a> {
    pub(crate) permission: Permission,
    pub(crate) resource: &'a str,
    pub(crate) action: &'a str,
    pub(crate) access: Access,
}

impl<'a> PermissionName<'a> {
    /// The permission that is named.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// What is acted on, such as `agents`.
    #[must_use]
    pub const fn resource(&self) -> &'a str {
        self.resource
    }

    /// What is done to it, such as `read`.
    #[must_use]
    pub const fn action(&self) -> &'a str {
        self.action
    }

    /// Whether the action looks or changes.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }
}

impl fmt::Display for PermissionName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.action)
    }
}
