use std::fmt::Write as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use ringyo_limit::{BucketKind, BucketState, Decision, Now};

use super::RateHeaders;
use super::meaning::Challenge;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Enough for all five values with the largest numbers, so that they share one allocation.
const ROOM: usize = 320;

/// What a limiter decided, as headers of a response. The legacy ones can speak of one bucket only:
/// the one that is nearest to refusing.
pub(super) fn rate(
    which: RateHeaders,
    decision: &Decision,
    now: Now,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
    let mut values = Values(BytesMut::with_capacity(ROOM));
    let mut headers = [const { None }; 5];
    if which != RateHeaders::Draft {
        let binding = decision.binding();
        let reset = now.unix_millis.max(0).unsigned_abs() + millis(binding.reset_after());
        headers[0] = Some((LIMIT, values.number(binding.quota().limit().into())));
        headers[1] = Some((REMAINING, values.number(shown(binding).into())));
        headers[2] = Some((RESET, values.number(reset.div_ceil(1_000))));
    }
    if which != RateHeaders::Legacy {
        headers[3] = Some((POLICY, values.list(decision, write_policy)));
        headers[4] = Some((RATE_LIMIT, values.list(decision, write_rate_limit)));
    }
    headers.into_iter().flatten()
}

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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX / 2)
}

/// Values that are written behind one another and cut off one by one.
struct Values(BytesMut);

impl Values {
    fn number(&mut self, number: u64) -> HeaderValue {
        self.write(|text| write!(text, "{number}"))
    }

    fn list(
        &mut self,
        decision: &Decision,
        item: fn(&mut BytesMut, BucketState) -> std::fmt::Result,
    ) -> HeaderValue {
        self.write(|text| {
            item(text, decision.account())?;
            if let Some(key) = decision.key() {
                text.write_str(", ")?;
                item(text, key)?;
            }
            Ok(())
        })
    }

    fn write(&mut self, write: impl FnOnce(&mut BytesMut) -> std::fmt::Result) -> HeaderValue {
        // Writing to a buffer that grows cannot fail.
        let _ = write(&mut self.0);
        shared(self.0.split().freeze())
    }
}

fn write_policy(text: &mut BytesMut, bucket: BucketState) -> std::fmt::Result {
    let quota = bucket.quota();
    let window = whole_seconds(quota.period()).max(1);
    write!(text, "{};q={};w={window}", name(bucket), quota.limit())
}

fn write_rate_limit(text: &mut BytesMut, bucket: BucketState) -> std::fmt::Result {
    let remaining = shown(bucket);
    // Where nothing is left, a client that waits for `t` is to wait no longer than it needs to.
    let more_in = match remaining {
        0 => bucket.next_cell_after(),
        _ => bucket.reset_after(),
    };
    let more_in = whole_seconds(more_in);
    write!(text, "{};r={remaining};t={more_in}", name(bucket))
}

/// A burst above the limit leaves more than the limit; what is shown never is.
fn shown(bucket: BucketState) -> u32 {
    bucket.remaining().min(bucket.quota().limit())
}

/// The name of the bucket as a string of RFC 9651.
const fn name(bucket: BucketState) -> &'static str {
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

fn shared(value: Bytes) -> HeaderValue {
    // Built from visible ASCII and spaces alone.
    HeaderValue::from_maybe_shared(value).unwrap_or(HeaderValue::from_static(""))
}
