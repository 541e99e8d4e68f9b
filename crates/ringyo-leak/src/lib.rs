//! What GitHub's secret scanning has found of a service's API keys: its messages, verified, and the
//! keys in them revoked, in one call and with no framework and no HTTP client.
//!
//! GitHub looks for keys in what is public there, and tells whoever takes part in its
//! [partner program][program] by a `POST` to an address of theirs. A service hands headers and body
//! of such a request to [`GithubAlerts::receive`] and gives back the body that it gets:
//!
//! ```
//! # use http::HeaderMap;
//! use ringyo_auth::{Actor, Preset, Ringyo};
//! # use ringyo_key::{Pepper, PepperId};
//! use ringyo_leak::{GithubAlerts, GithubKeys};
//! # use ringyo_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (pepper, store) = (Pepper::generate(PepperId::new(1)), MemoryStore::new());
//! # let ringyo = Ringyo::builder(Preset::ringyo(), pepper).store(store).build().await?;
//! // What https://api.github.com/meta/public_keys/secret_scanning answers.
//! let keys = br#"{ "public_keys": [{
//!     "key_identifier": "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c",
//!     "key": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n",
//!     "is_current": true
//! }] }"#;
//! let alerts = GithubAlerts::new(GithubKeys::from_json(keys)?);
//!
//! // A request, here the sample from GitHub's documentation.
//! # let mut headers = HeaderMap::new();
//! # headers.insert("github-public-key-identifier", "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c".parse()?);
//! # headers.insert("github-public-key-signature", "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==".parse()?);
//! let body = br#"[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]"#;
//! let manager = ringyo.keys().acting_as(Actor::operator("github-secret-scanning"));
//! let received = alerts.receive(&manager, &headers, body).await?;
//! assert!(received.leaked.is_empty()); // no key of ours; the owners of others should be told
//! assert!(received.feedback.to_json().contains("false_positive"));
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//!
//! * **alert**: one text that was found, and where ([`Alert`]). A message holds one or more.
//! * **feedback**: what GitHub is told of each ([`Feedback`]): a key of ours is a true positive,
//!   anything else a false one.
//!
//! # What is promised
//!
//! * Nothing in a message is looked at before its signature is right: ECDSA on P-256 with SHA-256,
//!   over the body as it came, by one of the keys that GitHub publishes. Whoever cannot sign can
//!   revoke nothing.
//! * A message that comes again, whoever sends it, changes nothing more: each key in it is dealt
//!   with already.
//! * The work is bounded before it begins: [`GithubAlerts::MAX_BODY`] bytes,
//!   [`GithubAlerts::MAX_ALERTS`] alerts.
//! * What was found is in no error, no `Debug` and no audit trail, and the feedback holds its
//!   SHA-256 alone.
//! * An outage is an error and no feedback: GitHub is not told that a key is a false positive
//!   because a database was down.
//!
//! # GitHub's keys
//!
//! They change now and then, so a service asks for them when it starts and then every hour, say,
//! with its own HTTP client, and gives them to [`GithubAlerts::replace_keys`]. If that fails, the
//! ones from before go on. The address allows few requests an hour to those who do not log in; a
//! conditional request (`If-None-Match`) does not count. Do not ask on behalf of a request: who
//! names unknown identifiers would make the service ask as often as they like.
//!
//! # Elsewhere
//!
//! Keys that somebody else has found are reported by
//! [`KeyManager::report_leaked`](ringyo_auth::KeyManager::report_leaked), which this crate calls.
//!
//! [program]: https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partnership-program/secret-scanning-partner-program

mod alert;
mod error;
mod feedback;
mod keys;
mod receiver;

pub use alert::Alert;
pub use error::AlertError;
pub use feedback::{Feedback, Label};
pub use keys::{GithubKeys, KeysError};
pub use receiver::{GithubAlerts, Received};
