use ringyo::Catalog;
use ringyo::scope::Access;

/// A resource as somebody can choose it for a key.
#[derive(Debug)]
pub(super) struct Choice {
    /// `phone_numbers`, which as a permission is everything on it.
    pub(super) resource: String,
    /// `Phone Numbers`.
    pub(super) label: String,
    /// What can be done to it, in words.
    pub(super) explanation: &'static str,
    pub(super) actions: Vec<Action>,
}

/// One thing that can be done to a resource.
#[derive(Debug)]
pub(super) struct Action {
    /// `phone_numbers:read`.
    pub(super) permission: String,
    /// `read`.
    pub(super) name: String,
    pub(super) is_read: bool,
}

/// Every resource of the catalog, so that a new one is on the page by itself.
pub(super) fn choices(catalog: &Catalog) -> Vec<Choice> {
    let choice = |resource: &str| Choice {
        resource: resource.to_owned(),
        label: label(resource),
        explanation: match resource {
            "agents" => "Create, read, update and delete agents",
            "calls" => "Initiate calls and read call logs",
            "phone_numbers" => "List and manage phone numbers",
            "webhooks" => "Manage endpoints",
            _ => "",
        },
        actions: catalog
            .actions(resource)
            .map(|name| Action {
                permission: name.to_string(),
                name: name.action().to_owned(),
                is_read: name.access() == Access::Read,
            })
            .collect(),
    };
    catalog.resources().map(choice).collect()
}

/// A name of the catalog or of a plan as people write it.
pub(super) fn label(resource: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    let words: Vec<String> = resource.split('_').map(capitalised).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringyo::preset::ringyo::CATALOG;

    #[test]
    fn every_resource_of_ringyo_is_explained() {
        let choices = choices(&CATALOG);
        let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
        assert_eq!(labels, ["Agents", "Calls", "Phone Numbers", "Webhooks"]);
        for choice in &choices {
            assert!(!choice.explanation.is_empty(), "{choice:?}");
            let reads = choice.actions.iter().filter(|action| action.is_read);
            assert_eq!(reads.count(), 1, "{choice:?}");
        }
    }
}
