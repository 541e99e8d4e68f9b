use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Catalog, Grants, Scope, ScopeParseError, coverage};

/// What a key may do: up to 100 [scopes](Scope), sorted, each once. The empty set grants nothing.
///
/// It reads and writes a list of strings with serde, and text separated by spaces, the form of
/// `scope` in RFC 6749 §3.3, with [`FromStr`] and `Display`.
///
/// ```
/// use ringyo_scope::ScopeSet;
///
/// let scopes = ScopeSet::parse(["calls:read", "agents:*", "agents"])?;
/// assert_eq!(scopes.to_string(), "agents calls:read");
/// assert_eq!(scopes, "calls:read agents".parse()?);
/// # Ok::<(), ringyo_scope::ScopeSetError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeSet(Box<[Scope]>);

impl ScopeSet {
    /// Most scopes in a set, repeated ones counted once.
    pub const MAX_LEN: usize = 100;

    /// Parses each text as one scope.
    ///
    /// # Errors
    ///
    /// The first text that is not a scope and why, or that there are too many scopes.
    pub fn parse<I>(texts: I) -> Result<Self, ScopeSetError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut scopes = BTreeSet::new();
        for (place, text) in texts.into_iter().enumerate() {
            let scope = text
                .as_ref()
                .parse()
                .map_err(|error| ScopeSetError::Scope {
                    position: place + 1,
                    error,
                })?;
            insert(&mut scopes, scope)?;
        }
        Ok(Self(scopes.into_iter().collect()))
    }

    /// A set of scopes that have been parsed before.
    ///
    /// # Errors
    ///
    /// [`ScopeSetError::TooMany`], when there are more than [`MAX_LEN`](Self::MAX_LEN).
    pub fn from_scopes(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, ScopeSetError> {
        let mut sorted = BTreeSet::new();
        for scope in scopes {
            insert(&mut sorted, scope)?;
        }
        Ok(Self(sorted.into_iter().collect()))
    }

    /// Number of scopes, 0 to 100.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no scope, so that nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `read_only` is among the scopes: such a set never grants a
    /// [write](crate::Access::Write).
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.iter().any(Scope::is_read_only)
    }

    /// The scopes in the order of their text.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// The scopes that the catalog does not know: an unknown resource, an unknown action of a
    /// known resource, or `*:action` where no resource has such an action. They grant nothing.
    ///
    /// Refuse them in what a user types; report them when they come from storage.
    pub fn unknown_in<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = &'a Scope> {
        self.iter().filter(move |scope| {
            let fits = |named: Option<&str>, name: &str| named.is_none_or(|named| named == name);
            !catalog.permissions().any(|name| {
                fits(scope.resource(), name.resource) && fits(scope.action(), name.action)
            })
        })
    }

    /// What the set grants under a catalog, ready for checks. A scope that the catalog does not
    /// know grants nothing.
    ///
    /// Costs at most one comparison per scope and permission; do it once, when a key is loaded.
    #[must_use]
    pub fn compile(&self, catalog: &Catalog) -> Grants {
        Grants::compile(self, catalog)
    }

    /// Whether the holder of this set may hand out `other`: all that `other` grants is granted
    /// here, under this catalog **and every later one** that keeps the accesses of this one.
    ///
    /// It compares what is meant, not what happens to be granted today. A list of all the
    /// actions on agents does not cover `agents`, which will take in an action that is added
    /// later, but `agents` covers the list. Names that the catalog does not know are taken to be
    /// added by a later one, be it as reads or as writes, so `read_only` does not cover
    /// `reports:read` until a catalog says that this is a read.
    ///
    /// Every set covers itself and the empty set, and covering is transitive. The cost is one look
    /// into the catalog for each scope of `other`, and at most two comparisons for each pair of
    /// scopes: well under a millisecond for two full sets.
    ///
    /// ```
    /// # use ringyo_scope::{Action, Catalog, Resource, ScopeSet};
    /// # static CATALOG: Catalog = Catalog::declare(&[
    /// #     Resource::declare("agents", &[Action::write("create"), Action::read("read")]),
    /// # ]);
    /// let all = ScopeSet::parse(["agents"])?;
    /// let list = ScopeSet::parse(["agents:create", "agents:read"])?;
    /// assert!(all.covers(&list, &CATALOG));
    /// assert!(!list.covers(&all, &CATALOG));
    /// # Ok::<(), ringyo_scope::ScopeSetError>(())
    /// ```
    #[must_use]
    pub fn covers(&self, other: &Self, catalog: &Catalog) -> bool {
        coverage::covers(self, other, catalog)
    }
}

/// Why texts are not a [`ScopeSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeSetError {
    /// One of the texts is not a scope.
    #[error("scope {position}: {error}")]
    Scope {
        /// Its place in the list, counted from one.
        position: usize,
        /// What is wrong with it.
        error: ScopeParseError,
    },
    /// There are more than [`ScopeSet::MAX_LEN`] different scopes.
    #[error("a set holds at most {max} scopes", max = ScopeSet::MAX_LEN)]
    TooMany,
}

impl FromStr for ScopeSet {
    type Err = ScopeSetError;

    /// Scopes separated by one or more spaces; the empty text is the empty set.
    fn from_str(text: &str) -> Result<Self, ScopeSetError> {
        Self::parse(text.split(' ').filter(|part| !part.is_empty()))
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeSet({self})")
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> de::Visitor<'de> for List {
            type Value = ScopeSet;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scopes")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<ScopeSet, A::Error> {
                let mut scopes = BTreeSet::new();
                while let Some(scope) = list.next_element()? {
                    insert(&mut scopes, scope).map_err(de::Error::custom)?;
                }
                Ok(ScopeSet(scopes.into_iter().collect()))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

fn insert(scopes: &mut BTreeSet<Scope>, scope: Scope) -> Result<(), ScopeSetError> {
    scopes.insert(scope);
    if scopes.len() > ScopeSet::MAX_LEN {
        Err(ScopeSetError::TooMany)
    } else {
        Ok(())
    }
}
