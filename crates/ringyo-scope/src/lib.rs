//! Permissions for API keys: what there is to permit, what a key may do, what an operation needs,
//! and whether the one meets the other. Pure algebra on text and bits: no I/O, no async, no clock.
//!
//! ```
//! use ringyo_scope::{Action, Catalog, Requirement, Resource, ScopeSet};
//!
//! // What there is. A mistake in here does not compile.
//! static CATALOG: Catalog = Catalog::declare(&[
//!     Resource::declare("agents", &[
//!         Action::write("create"),
//!         Action::read("read"),
//!         Action::write("update"),
//!         Action::write("delete"),
//!     ]),
//!     Resource::declare("calls", &[Action::write("create"), Action::read("read")]),
//! ]);
//!
//! // What operations need. A permission that the catalog does not have does not compile either.
//! static AGENTS_READ: Requirement = Requirement::permission(CATALOG.permission("agents:read"));
//! static AGENTS_UPDATE: Requirement = Requirement::permission(CATALOG.permission("agents:update"));
//!
//! // What a key may do: text when it is stored, bits once it is loaded.
//! let scopes: ScopeSet = "agents:read agents:update@agent_123".parse()?;
//! let grants = scopes.compile(&CATALOG);
//!
//! assert!(grants.check(&AGENTS_READ).is_ok());
//! assert!(grants.check_on(&AGENTS_UPDATE, "agent_123").is_ok());
//! let missing = grants.check_on(&AGENTS_UPDATE, "agent_456").unwrap_err();
//! assert_eq!(missing.scope_text(&CATALOG), "agents:update");
//! # Ok::<(), ringyo_scope::ScopeSetError>(())
//! ```
//!
//! # Vocabulary
//!
//! * **resource**, **action**: what is acted on and what is done to it. Every action is a
//!   [read or a write](Access).
//! * **permission**: one action on one resource, `agents:read`.
//! * **catalog**: all the permissions of a service.
//! * **instance**: one of the things of a resource, by its id: the agent `agent_123`.
//! * **scope**: a text that grants permissions: `agents`, `*:read`, `agents:update@agent_123`,
//!   `read_only`. Keys carry a *set* of them.
//! * **grants**: a set of scopes, compiled against a catalog.
//! * **requirement**: the permissions that an operation needs.
//!
//! # The rules
//!
//! * **Read only is the narrower reading.** `read_only` alone grants every read. Beside other
//!   scopes it adds nothing and cuts them down to their reads, those for an instance too. A key
//!   that carries it never changes anything. It follows that adding a scope to a set can narrow
//!   it: when the scope is `read_only`, and when `read_only` stood there alone.
//! * **The unknown grants nothing.** A stored scope that the catalog no longer knows is
//!   [reported](ScopeSet::unknown_in) and grants nothing, and `read_only` beside only such scopes
//!   grants nothing as well.
//! * **Catalogs do not mix.** Permissions, requirements and grants carry the
//!   [fingerprint](Catalog::fingerprint) of their catalog; between different ones every check
//!   fails.
//! * **A refusal names what is missing**, [never what is held](Missing).
//! * **Nobody hands out more than they hold.** [`ScopeSet::covers`] decides by what scopes mean,
//!   so that its answer stays true when the catalog grows.
//!
//! # Features
//!
//! None; everything is always there.
//!
//! # Contents
//!
//! [`Catalog`] with [`Resource`], [`Action`], [`Access`], [`CatalogBuilder`] · [`Permission`] and
//! its [name](PermissionName) · [`Scope`], [`ScopeSet`] are stored · [`Grants`] checks a
//! [`Requirement`] and says what is [`Missing`] · [`CatalogError`], [`ScopeParseError`],
//! [`ScopeSetError`], [`RequirementError`] say what was wrong with a text.

mod catalog;
mod coverage;
mod grants;
mod missing;
mod name;
mod permission;
mod permission_set;
mod requirement;
mod rule;
mod scope;
mod scope_set;

pub use catalog::{Access, Action, Catalog, CatalogBuilder, CatalogError, Resource};
pub use grants::Grants;
pub use missing::Missing;
pub use permission::{Permission, PermissionName};
pub use requirement::{Requirement, RequirementError, RequirementErrorKind};
pub use scope::{Scope, ScopeParseError};
pub use scope_set::{ScopeSet, ScopeSetError};
