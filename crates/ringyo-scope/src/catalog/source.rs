use super::{Access, Resource};

/// The two places where names come from, behind one way to read them that also works while
/// compiling. A declared list holds nothing that would have to be dropped, which is what lets it
/// stand in a `static`; hence two forms instead of one with `Cow`s.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Declared(&'static [Resource]),
    Built(Vec<BuiltResource>),
}

#[derive(Debug, Clone)]
pub(super) struct BuiltResource {
    pub(super) name: String,
    pub(super) actions: Vec<(String, Access)>,
}

impl Source {
    pub(super) const fn resources(&self) -> usize {
        match self {
            Self::Declared(resources) => resources.len(),
            Self::Built(resources) => resources.len(),
        }
    }

    pub(super) const fn resource_name(&self, resource: usize) -> &str {
        match self {
            Self::Declared(resources) => resources[resource].name,
            Self::Built(resources) => resources.as_slice()[resource].name.as_str(),
        }
    }

    pub(super) const fn actions(&self, resource: usize) -> usize {
        match self {
            Self::Declared(resources) => resources[resource].actions.len(),
            Self::Built(resources) => resources.as_slice()[resource].actions.len(),
        }
    }

    pub(super) const fn action_name(&self, resource: usize, action: usize) -> &str {
        match self {
            Self::Declared(resources) => resources[resource].actions[action].name,
            Self::Built(resources) => resources.as_slice()[resource].actions.as_slice()[action]
                .0
                .as_str(),
        }
    }

    pub(super) const fn access(&self, resource: usize, action: usize) -> Access {
        match self {
            Self::Declared(resources) => resources[resource].actions[action].access,
            Self::Built(resources) => resources.as_slice()[resource].actions.as_slice()[action].1,
        }
    }
}
