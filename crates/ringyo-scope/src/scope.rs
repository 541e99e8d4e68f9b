use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name;

/// The text of the scope that cuts all others down to their reads.
pub(crate) const READ_ONLY: &str = "read_only";
const ANY: &str = "*";

/// One line of what a key may do, as text: what is typed, stored and shown.
///
/// | text | grants |
/// | --- | --- |
/// | `*` | every action on every resource |
/// | `*:read` | the action named `read` of every resource |
/// | `agents` | every action on agents |
/// | `agents:read` | one action on agents |
/// | `agents@agent_123` | every action on the one agent `agent_123` |
/// | `agents:update@agent_123` | one action on that agent |
/// | `read_only` | alone: every [read](crate::Access::Read). Beside others: they are cut down to their reads |
///
/// Names are `[a-z][a-z0-9_]{0,63}`, an instance is 1 to 128 of `A-Z`, `a-z`, `0-9`, `.`, `_`,
/// `~`, `-`. Nothing else is allowed, spaces included; upper and lower case differ.
///
/// Parsing looks at the grammar alone. Whether a [catalog](crate::Catalog) knows the names is
/// decided when a [set](crate::ScopeSet) is compiled, so that stored scopes outlive a change of
/// the catalog.
///
/// The text is kept in its one canonical form, which is what `Display` writes, and equality and
/// order are those of the text: `agents:*` is `agents`, `*:*` is `*`.
///
/// ```
/// use ringyo_scope::Scope;
///
/// let scope: Scope = "agents:*@agent_123".parse()?;
/// assert_eq!(scope.as_str(), "agents@agent_123");
/// assert_eq!((scope.resource(), scope.action()), (Some("agents"), None));
/// # Ok::<(), ringyo_scope::ScopeParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

impl Scope {
    /// Longest instance, in bytes.
    pub const MAX_INSTANCE_LEN: usize = 128;

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the switch `read_only`, which has no resource, action or instance.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        &*self.0 == READ_ONLY
    }

    /// The resource that is named; `None` for every resource, and for `read_only`.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        let named = Parts::split(&self.0).resource;
        (named != ANY && named != READ_ONLY).then_some(named)
    }

    /// The action that is named; `None` for every action, and for `read_only`.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        Parts::split(&self.0).action
    }

    /// The one instance of the resource that the scope is for; `None` when it is for all.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        Parts::split(&self.0).instance
    }
}

/// Why a text is not a [`Scope`]. It names the part and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeParseError {
    /// There is no text.
    #[error("the scope is empty, expected `resource:action`, `resource`, `*` or `read_only`")]
    Empty,
    /// What stands before `:` and `@` is neither `*` nor a name.
    #[error("the resource of the scope is neither `*` nor `[a-z][a-z0-9_]{{0,63}}`")]
    Resource,
    /// What stands after `:` is neither `*` nor a name.
    #[error("the action of the scope is neither `*` nor `[a-z][a-z0-9_]{{0,63}}`")]
    Action,
    /// What stands after `@` is not the id of an instance.
    #[error(
        "the instance of the scope is not 1 to 128 characters of A-Z, a-z, 0-9, `.`, `_`, `~`, `-`"
    )]
    Instance,
    /// An instance of every resource at once.
    #[error("a scope with an instance must name its resource, `*` is not one")]
    WildcardInstance,
    /// `read_only` with an action or an instance.
    #[error("`read_only` stands alone, without action or instance")]
    ReadOnly,
}

impl FromStr for Scope {
    type Err = ScopeParseError;
    fn from_str(text: &str) -> Result<Self, ScopeParseError> {
        if text.is_empty() {
            return Err(ScopeParseError::Empty);
        }
        let Parts {
            resource,
            action,
            instance,
        } = Parts::split(text);
        if resource == READ_ONLY {
            return match (action, instance) {
                (None, None) => Ok(Self(READ_ONLY.into())),
                _ => Err(ScopeParseError::ReadOnly),
            };
        }
        if resource != ANY && !name::is_name(resource.as_bytes()) {
            return Err(ScopeParseError::Resource);
        }
        let action = action.filter(|action| *action != ANY);
        if action.is_some_and(|action| !name::is_name(action.as_bytes())) {
            return Err(ScopeParseError::Action);
        }
        if instance.is_some_and(|instance| !is_instance(instance)) {
            return Err(ScopeParseError::Instance);
        }
        if resource == ANY && instance.is_some() {
            return Err(ScopeParseError::WildcardInstance);
        }
        Ok(Self(
            Parts {
                resource,
                action,
                instance,
            }
            .join(),
        ))
    }
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Scope;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a scope such as `agents:read`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scope, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A scope's text cut at the first `@`, and what is before it at the first `:`.
struct Parts<'a> {
    resource: &'a str,
    action: Option<&'a str>,
    instance: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Self {
        let (target, instance) = cut(text, '@');
        let (resource, action) = cut(target, ':');
        Self {
            resource,
            action,
            instance,
        }
    }

    fn join(&self) -> Box<str> {
        let mut text = self.resource.to_owned();
        for (mark, part) in [(':', self.action), ('@', self.instance)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        text.into_boxed_str()
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_instance(text: &str) -> bool {
    (1..=Scope::MAX_INSTANCE_LEN).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}
