use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::meaning::Challenge;

pub(super) fn retry_after(wait: Duration) -> (HeaderName, HeaderValue) {
    (RETRY_AFTER, HeaderValue::from(whole_seconds(wait).max(1)))
}

pub(super) fn challenge(realm: &str, challenge: &Challenge) -> Option<(HeaderName, HeaderValue)> {
    let parameters = match challenge {
        Challenge::None => return None,
        Challenge::Bare => String::new(),
        Challenge::InvalidToken => r#", error="invalid_token""#.to_owned(),
        Challenge::InvalidRequest => r#", error="invalid_request""#.to_owned(),
        Challenge::InsufficientScope(scopes) if scopes.is_empty() => {
            r#", error="insufficient_scope""#.to_owned()
        }
        // Scope names hold nothing that a quoted string would have to escape.
        Challenge::InsufficientScope(scopes) => {
            format!(r#", error="insufficient_scope", scope="{scopes}""#)
        }
    };
    let realm = quoted(realm);
    let value = Bytes::from(format!("Bearer realm={realm}{parameters}"));
    Some((WWW_AUTHENTICATE, shared(value)))
}

/// Whole seconds, rounded up: who waits that long has waited long enough.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A quoted string (RFC 9110 §5.6.4).
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars().filter(|c| (' '..='~').contains(c)) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

#[inline(always)]
pub(super) fn shared(value: Bytes) -> HeaderValue {
    // Built from visible ASCII and spaces alone.
    HeaderValue::from_maybe_shared(value).unwrap_or(HeaderValue::from_static(""))
}
