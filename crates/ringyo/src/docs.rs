//! The prose of the project: how it is built, and why so.

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

#[doc = include_str!("../docs/moving-in.md")]
pub mod moving_in {}

#[doc = include_str!("../docs/nodes.md")]
pub mod nodes {}

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

// The pictures come first: of two definitions of a link the first counts, and those in the page are
// of files, which rustdoc does not copy.
#[doc = include_str!("../docs/speed/pictures.md")]
#[doc = include_str!("../docs/speed.md")]
pub mod speed {}

#[doc = include_str!("../docs/trust.md")]
pub mod trust {}
