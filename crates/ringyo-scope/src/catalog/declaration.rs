/// Whether an action looks or changes. What `read_only` lets through is decided by this, not by
/// the name of the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It shows data and changes none.
    Read,
    /// It creates, changes, deletes, or costs something.
    Write,
}

/// Something that can be done to a [`Resource`]; its name is `[a-z][a-z0-9_]{0,63}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    pub(crate) name: &'static str,
    pub(crate) access: Access,
}

impl Action {
    /// An action that only looks.
    #[must_use]
    pub const fn read(name: &'static str) -> Self {
        Self {
            name,
            access: Access::Read,
        }
    }

    /// An action that changes something.
    #[must_use]
    pub const fn write(name: &'static str) -> Self {
        Self {
            name,
            access: Access::Write,
        }
    }
}

/// Something that is acted on, with all that can be done to it. Its name is
/// `[a-z][a-z0-9_]{0,63}` and not `read_only`, which is a scope of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    pub(crate) name: &'static str,
    pub(crate) actions: &'static [Action],
}

impl Resource {
    /// A resource for [`Catalog::declare`](crate::Catalog::declare), which checks it.
    #[must_use]
    pub const fn declare(name: &'static str, actions: &'static [Action]) -> Self {
        Self { name, actions }
    }
}
