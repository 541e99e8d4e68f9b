//! The rules for what people may enter.

use ringyo_scope::{Catalog, ScopeSet};

use super::{FieldError, ManageError};

const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 1_000;

/// Collects every broken rule, so that a form can show them all at once.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<FieldError>);

impl Fields {
    pub(super) fn refuse(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push(FieldError {
            field,
            message: message.into(),
        });
    }

    /// 1–100 characters after trimming, none of them a control character.
    pub(super) fn name(&mut self, name: &str) -> String {
        let name = name.trim();
        let length = name.chars().count();
        if !(1..=MAX_NAME).contains(&length) {
            self.refuse("name", format!("must have 1 to {MAX_NAME} characters"));
        } else if name.contains(char::is_control) {
            self.refuse("name", "must not contain control characters");
        }
        name.to_owned()
    }

    /// Up to 1,000 characters; line breaks and tabs are fine, nothing at all is none.
    pub(super) fn description(&mut self, description: &str) -> Option<String> {
        let description = description.trim();
        let is_forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if description.chars().count() > MAX_DESCRIPTION {
            self.refuse(
                "description",
                format!("must have at most {MAX_DESCRIPTION} characters"),
            );
        } else if description.contains(is_forbidden) {
            self.refuse("description", "must not contain control characters");
        }
        (!description.is_empty()).then(|| description.to_owned())
    }

    /// At least one scope, every one known to the catalog.
    pub(super) fn scopes(&mut self, scopes: &[String], catalog: &Catalog) -> ScopeSet {
        let scopes = match ScopeSet::parse(scopes) {
            Ok(scopes) => scopes,
            Err(error) => {
                self.refuse("permissions", error.to_string());
                return ScopeSet::default();
            }
        };
        if scopes.is_empty() {
            self.refuse("permissions", "must name at least one permission");
        }
        let unknown: Vec<&str> = scopes.unknown_in(catalog).map(|s| s.as_str()).collect();
        if !unknown.is_empty() {
            self.refuse("permissions", format!("unknown: {}", unknown.join(" ")));
        }
        scopes
    }

    pub(super) fn check(self) -> Result<(), ManageError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.into())
        }
    }
}

impl From<Fields> for ManageError {
    fn from(fields: Fields) -> Self {
        Self::Invalid(fields.0)
    }
}
