use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ringyo_auth::{KeyManager, LeakPolicy, LeakVerdict, LeakedKey};
use serde::de::{Deserializer as _, SeqAccess, Visitor};

use crate::keys::is_signed;
use crate::{Alert, AlertError, Feedback, GithubKeys, Label};

/// Names the key that a message is signed with.
const IDENTIFIER: &str = "github-public-key-identifier";

/// The signature: DER in base64.
const SIGNATURE: &str = "github-public-key-signature";

/// Takes the messages of GitHub's secret scanning. A cheap handle; clone it freely.
#[derive(Debug, Clone)]
pub struct GithubAlerts {
    keys: Arc<RwLock<Arc<GithubKeys>>>,
    policy: LeakPolicy,
}

/// What came of a message.
#[derive(Debug, Clone)]
#[must_use = "the owners of leaked keys should be told, and GitHub wants its feedback"]
pub struct Received {
    /// The keys of this service that were in it, in their order; the same key may be there more
    /// than once. Those whose [response](LeakedKey::response) is not
    /// [`AlreadyDone`](ringyo_auth::LeakResponse::AlreadyDone) are news to their owners.
    pub leaked: Vec<LeakedKey>,
    /// What to answer.
    pub feedback: Feedback,
}

impl GithubAlerts {
    /// The longest body that is taken, in bytes. Let whatever reads the request stop there.
    pub const MAX_BODY: usize = 1024 * 1024;

    /// The most alerts that are taken in one message.
    pub const MAX_ALERTS: usize = 5_000;

    /// Takes what is signed by these keys, and revokes what has leaked.
    #[must_use]
    pub fn new(keys: GithubKeys) -> Self {
        Self {
            keys: Arc::new(RwLock::new(Arc::new(keys))),
            policy: LeakPolicy::Revoke,
        }
    }

    /// Does something else with keys that have leaked. GitHub recommends to consider them public
    /// and compromised.
    #[must_use]
    pub fn policy(self, policy: LeakPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Takes what is signed by these keys from now on, and by no others, in every clone.
    pub fn replace_keys(&self, keys: GithubKeys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Verifies a message and deals with every key in it, one after the other. The manager's
    /// [actor](ringyo_auth::Actor) is whom the audit trail names; let it see every account.
    ///
    /// GitHub waits for 30 seconds for those who give feedback. Run this in a task that does not
    /// end with the connection: whoever it has revoked a key of should hear of it.
    ///
    /// # Errors
    ///
    /// [`AlertError`]. All but [`AlertError::Interrupted`] come before anything is changed.
    pub async fn receive(
        &self,
        keys: &KeyManager,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Received, AlertError> {
        let alerts = self.verify(headers, body)?;
        let (mut leaked, mut feedback) = (Vec::new(), Feedback::default());
        for alert in &alerts {
            let place = [&*alert.source, &*alert.url].join(" ");
            let reported = keys.report_leaked(alert.token.as_bytes(), &place, self.policy);
            let label = match reported.await {
                Ok(LeakVerdict::Ours(key)) => {
                    leaked.push(key);
                    Label::TruePositive
                }
                Ok(LeakVerdict::NotOurs) => Label::FalsePositive,
                Err(source) => return Err(AlertError::Interrupted { source, leaked }),
            };
            feedback.add(alert, label);
        }
        Ok(Received { leaked, feedback })
    }

    /// Verifies a message, and does nothing about it: for a service that hands the alerts on.
    ///
    /// # Errors
    ///
    /// [`AlertError`].
    pub fn verify<'a>(
        &self,
        headers: &HeaderMap,
        body: &'a [u8],
    ) -> Result<Vec<Alert<'a>>, AlertError> {
        if body.len() > Self::MAX_BODY {
            return Err(AlertError::TooLong);
        }
        let (identifier, signature) = (one(headers, IDENTIFIER)?, one(headers, SIGNATURE)?);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.clone();
        let key = keys.find(identifier).ok_or(AlertError::UnknownKey)?;
        let signature = STANDARD.decode(signature);
        let signature = signature.map_err(|_| AlertError::Signature)?;
        if !is_signed(key, body, &signature) {
            return Err(AlertError::Signature);
        }
        read(body)
    }
}

/// The one value of a header. With two, one of them would not be what was looked at.
fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, AlertError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| AlertError::Header(name)),
        _ => Err(AlertError::Header(name)),
    }
}

fn read(body: &[u8]) -> Result<Vec<Alert<'_>>, AlertError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut alerts = Alerts {
        found: Vec::new(),
        are_too_many: false,
    };
    let is_read = json.deserialize_seq(&mut alerts).is_ok() && json.end().is_ok();
    match alerts {
        Alerts { are_too_many, .. } if are_too_many => Err(AlertError::TooMany),
        Alerts { found, .. } if is_read => Ok(found),
        // What serde says of it may repeat a part of it.
        Alerts { .. } => Err(AlertError::Malformed),
    }
}

/// Reads alerts up to the bound, and stops there: many small ones are more in memory than they are
/// as text.
struct Alerts<'a> {
    found: Vec<Alert<'a>>,
    are_too_many: bool,
}

impl<'de> Visitor<'de> for &mut Alerts<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of alerts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut alerts: A) -> Result<(), A::Error> {
        while let Some(alert) = alerts.next_element()? {
            if self.found.len() == GithubAlerts::MAX_ALERTS {
                self.are_too_many = true;
                return Err(serde::de::Error::custom("too many"));
            }
            self.found.push(alert);
        }
        Ok(())
    }
}
