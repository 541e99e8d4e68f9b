//! The prose of the project: how it is built, and why so.

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

#[doc = include_str!("../docs/moving-in.md")]
pub mod moving_in {}

#[doc = include_str!("../docs/nodes.md")]
pub mod nodes {}

/// [scanners]: secret_scanners
/// [threat-model]: threat_model
/// [trust-limits]: trust#what-cannot-be-guaranteed
/// [mutants]: trust#mutants
///
#[doc = include_str!("../docs/promises.md")]
pub mod promises {}

#[doc = include_str!("../docs/ringyoctl.md")]
pub mod ringyoctl {}

#[doc = include_str!("../docs/secret-scanners.md")]
///
/// ```yaml
#[doc = include_str!("../docs/secret-scanners/kingfisher.yml")]
/// ```
/// ```toml
#[doc = include_str!("../docs/secret-scanners/gitleaks.toml")]
/// ```
/// ```yaml
#[doc = include_str!("../docs/secret-scanners/trufflehog.yml")]
/// ```
/// ```python
#[doc = include_str!("../docs/secret-scanners/ringyo_api_key.py")]
/// ```
pub mod secret_scanners {}

/// [changing-peppers]: upgrading#changing-peppers
/// [threat-model]: threat_model
/// [trust]: trust
/// [upgrading]: upgrading
/// [when-found]: secret_scanners#when-a-key-was-found
///
#[doc = include_str!("../docs/security.md")]
pub mod security {}

// The pictures come first: of two definitions of a link the first counts, and those in the page are
// of files, which rustdoc does not copy.
#[doc = include_str!("../docs/speed/pictures.md")]
#[doc = include_str!("../docs/speed.md")]
pub mod speed {}

// Here as well the first definition of a link counts: in the page they are of files.
/// [foreign-keys]: moving_in#what-a-key-of-another-origin-lacks
/// [nodes-limits]: nodes#what-cannot-be-had
/// [pepper-known]: security#a-pepper-is-known
/// [scanners]: secret_scanners
/// [trust-limits]: trust#what-cannot-be-guaranteed
/// [trust-timing]: trust#timing
///
#[doc = include_str!("../docs/threat-model.md")]
pub mod threat_model {}

/// [nodes-limits]: nodes#what-cannot-be-had
/// [promises]: promises
/// [threat-model]: threat_model
///
#[doc = include_str!("../docs/trust.md")]
pub mod trust {}

/// [older-copy]: security#the-store-was-put-back-from-an-older-copy
/// [threat-model]: threat_model
///
#[doc = include_str!("../docs/upgrading.md")]
pub mod upgrading {}
