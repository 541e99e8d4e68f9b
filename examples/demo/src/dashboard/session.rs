use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};
use ringyo::AccountId;

use crate::random;

const COOKIE: &str = "ringyo_session";

const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Who is logged in. Kept in memory: after a restart everybody logs in again.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<String, Session>>>);

struct Session {
    account: AccountId,
    ends: Instant,
}

impl Sessions {
    /// Begins a session; answers the cookie that belongs to it.
    pub(crate) fn begin(&self, account: AccountId) -> HeaderValue {
        let token = random::token();
        let now = Instant::now();
        let ends = now + LIFETIME;
        let cookie = set_cookie(&token, LIFETIME);
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.ends > now);
        sessions.insert(token, Session { account, ends });
        cookie
    }

    /// The account that the session of a request belongs to.
    pub(crate) fn account(&self, headers: &HeaderMap) -> Option<AccountId> {
        let sessions = self.lock();
        let session = sessions.get(token(headers)?)?;
        (session.ends > Instant::now()).then(|| session.account.clone())
    }

    /// Ends the session of a request; answers the cookie that takes the place of its own.
    pub(crate) fn end(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(token) = token(headers) {
            self.lock().remove(token);
        }
        set_cookie("", Duration::ZERO)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sessions({})", self.lock().len())
    }
}

/// RFC 6265 §4.1. A service behind TLS adds `Secure`; the demo speaks plain HTTP to this machine.
fn set_cookie(token: &str, lifetime: Duration) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let cookie =
        format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/dashboard; Max-Age={seconds}");
    // Built from letters and digits alone.
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}

fn token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, token)| (name == COOKIE).then_some(token))
}
