use super::fault::{self, Fault};
use super::source::{BuiltResource, Source};
use super::{Access, Catalog, fingerprint};

/// Collects the resources of a [`Catalog`] at run time.
///
/// ```
/// use ringyo_scope::{Access, Catalog};
///
/// let catalog = Catalog::builder()
///     .resource("agents", [("create", Access::Write), ("read", Access::Read)])
///     .resource("calls", [("read", Access::Read)])
///     .build()?;
/// assert_eq!(catalog.resources().collect::<Vec<_>>(), ["agents", "calls"]);
/// # Ok::<(), ringyo_scope::CatalogError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CatalogBuilder {
    resources: Vec<BuiltResource>,
}

impl CatalogBuilder {
    /// Adds a resource and all its actions. Names are checked by [`build`](Self::build).
    #[must_use]
    pub fn resource<A: Into<String>>(
        mut self,
        name: impl Into<String>,
        actions: impl IntoIterator<Item = (A, Access)>,
    ) -> Self {
        let actions = actions
            .into_iter()
            .map(|(action, access)| (action.into(), access))
            .collect();
        self.resources.push(BuiltResource {
            name: name.into(),
            actions,
        });
        self
    }

    /// The catalog, the same as one [declared](Catalog::declare) with these names.
    ///
    /// # Errors
    ///
    /// The first thing that keeps the lists from being a catalog, see [`CatalogError`].
    pub fn build(self) -> Result<Catalog, CatalogError> {
        let source = Source::Built(self.resources);
        match fault::find(&source) {
            None => Ok(Catalog {
                fingerprint: fingerprint::of(&source),
                source,
            }),
            Some(fault) => Err(CatalogError::new(fault, &source)),
        }
    }
}

/// Why lists of resources and actions are not a [`Catalog`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// There is no resource.
    #[error("a catalog needs at least one resource")]
    Empty,
    /// There are more than [`Catalog::MAX_PERMISSIONS`] permissions in all.
    #[error("a catalog holds at most {max} permissions", max = Catalog::MAX_PERMISSIONS)]
    TooLarge,
    /// The name of a resource is not one.
    #[error("the name of resource {position} is not `[a-z][a-z0-9_]{{0,63}}`")]
    ResourceName {
        /// Its place in the catalog, counted from one.
        position: usize,
    },
    /// A resource is named `read_only`, which is a scope of its own.
    #[error("`read_only` is a scope and cannot name a resource")]
    ReservedName,
    /// Two resources have one name.
    #[error("the resource `{resource}` is there twice")]
    DuplicateResource {
        /// The name.
        resource: String,
    },
    /// Nothing can be done to a resource.
    #[error("resource {position} needs at least one action")]
    NoAction {
        /// Its place in the catalog, counted from one.
        position: usize,
    },
    /// The name of an action is not one.
    #[error("the name of action {position} of `{resource}` is not `[a-z][a-z0-9_]{{0,63}}`")]
    ActionName {
        /// The resource that it belongs to.
        resource: String,
        /// Its place in the list of actions, counted from one.
        position: usize,
    },
    /// Two actions of a resource have one name.
    #[error("the resource `{resource}` has the action `{action}` twice")]
    DuplicateAction {
        /// The resource that they belong to.
        resource: String,
        /// The name.
        action: String,
    },
}

impl CatalogError {
    fn new(fault: Fault, source: &Source) -> Self {
        let name = |resource| source.resource_name(resource).to_owned();
        match fault {
            Fault::Empty => Self::Empty,
            Fault::TooLarge => Self::TooLarge,
            Fault::ResourceName { resource } => Self::ResourceName {
                position: resource + 1,
            },
            Fault::Reserved => Self::ReservedName,
            Fault::DuplicateResource { resource } => Self::DuplicateResource {
                resource: name(resource),
            },
            Fault::NoAction { resource } => Self::NoAction {
                position: resource + 1,
            },
            Fault::ActionName { resource, action } => Self::ActionName {
                resource: name(resource),
                position: action + 1,
            },
            Fault::DuplicateAction { resource, action } => Self::DuplicateAction {
                resource: name(resource),
                action: source.action_name(resource, action).to_owned(),
            },
        }
    }
}
