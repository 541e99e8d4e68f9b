use std::time::Duration;

use http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use ringyo_limit::{BucketKind, BucketState, Decision, Now};

use super::mapping::{Challenge, Meaning};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What a limiter decided, as headers of a response.
///
/// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (Unix seconds at which the bucket is full again,
/// rounded up) speak of the bucket that is nearest to refusing. `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers) list all of them: `q` requests in `w` seconds, `r` left,
/// `t` seconds until full.
pub fn rate_headers(
    decision: &Decision,
    now: Now,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
    let binding = decision.binding();
    let reset = now.unix_millis.max(0).unsigned_abs() + millis(binding.reset_after());
    let buckets = [Some(decision.account()), decision.key()];
    let list = |item: fn(BucketState) -> String| {
        let items: Vec<String> = buckets.into_iter().flatten().map(item).collect();
        items.join(", ")
    };
    [
        (LIMIT, HeaderValue::from(binding.quota().limit())),
        (REMAINING, HeaderValue::from(binding.remaining())),
        (RESET, HeaderValue::from(reset.div_ceil(1_000))),
        (POLICY, text(list(policy))),
        (RATE_LIMIT, text(list(rate_limit))),
    ]
    .into_iter()
}

pub(super) fn retry_after(wait: Option<Duration>) -> Option<(HeaderName, HeaderValue)> {
    wait.map(|wait| (RETRY_AFTER, HeaderValue::from(whole_seconds(wait).max(1))))
}

pub(super) fn challenge(realm: &str, meaning: &Meaning) -> Option<(HeaderName, HeaderValue)> {
    let parameters = match &meaning.challenge {
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
    Some((
        WWW_AUTHENTICATE,
        text(format!("Bearer realm={realm}{parameters}")),
    ))
}

/// Whole seconds, rounded up: who waits that long has waited long enough.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX / 2)
}

fn policy(bucket: BucketState) -> String {
    let quota = bucket.quota();
    let window = whole_seconds(quota.period()).max(1);
    format!("{};q={};w={window}", item(bucket), quota.limit())
}

fn rate_limit(bucket: BucketState) -> String {
    let full_in = whole_seconds(bucket.reset_after());
    // A burst above the limit leaves more than the policy's quota; `r` is never above `q`.
    let remaining = bucket.remaining().min(bucket.quota().limit());
    format!("{};r={remaining};t={full_in}", item(bucket))
}

/// The name of the bucket as a string of RFC 9651.
fn item(bucket: BucketState) -> &'static str {
    match bucket.kind() {
        BucketKind::Account => r#""account""#,
        BucketKind::Key => r#""key""#,
    }
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

fn text(value: String) -> HeaderValue {
    // Built from ASCII alone.
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
}
