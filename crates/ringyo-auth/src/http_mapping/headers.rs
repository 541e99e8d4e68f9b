use std::cell::Cell;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use ringyo_limit::{BucketKind, BucketState, Decision};

use super::RateHeaders;
use super::meaning::Challenge;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Values that are sent soon and dropped share an allocation with those of other responses.
const CHUNK: usize = 4_096;

thread_local! {
    static SPARE: Cell<BytesMut> = Cell::default();
}

/// The names of what [`rate`] gives, in that order.
pub(super) fn rate_names(which: RateHeaders) -> &'static [HeaderName] {
    static NAMES: [HeaderName; 5] = [LIMIT, REMAINING, RESET, POLICY, RATE_LIMIT];
    match which {
        RateHeaders::Legacy => &NAMES[..3],
        RateHeaders::Draft => &NAMES[3..],
        RateHeaders::Both => &NAMES,
    }
}

/// What a limiter decided, as headers of a response. The legacy ones can speak of one bucket only:
/// the one that is nearest to refusing.
pub(super) fn rate(
    which: RateHeaders,
    decision: &Decision,
    unix_millis: i64,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut names = rate_names(which).iter().cloned();
    let mut headers = Vec::with_capacity(5);
    each_rate_value(which, decision, unix_millis, |value| {
        headers.extend(names.next().map(|name| (name, value)));
    });
    headers
}

/// The values of those headers alone, each where it is made: handing them on costs more than making
/// them.
#[inline]
pub(super) fn each_rate_value(
    which: RateHeaders,
    decision: &Decision,
    unix_millis: i64,
    mut put: impl FnMut(HeaderValue),
) {
    let mut bytes = [0; ROOM];
    let ends = write(which, decision, unix_millis, &mut bytes);
    // Those that are not there end at zero.
    let len = ends[2].max(ends[4]);
    let mut spare = SPARE.take();
    if spare.capacity() < len {
        // If nobody has any of it any more this takes back the last one.
        spare.reserve(CHUNK);
    }
    spare.extend_from_slice(&bytes[..len]);
    let mut start = 0;
    for end in ends {
        if end > start {
            let value = spare.split_to(end - start).freeze();
            start = end;
            match HeaderValue::from_maybe_shared(value) {
                Ok(value) => put(value),
                // Never: it is visible ASCII and spaces alone.
                Err(_) => put(HeaderValue::from_static("")),
            }
        }
    }
    SPARE.set(spare);
}

/// The values behind one another, and where each of the five ends; at zero if there is none.
fn write(
    which: RateHeaders,
    decision: &Decision,
    unix_millis: i64,
    bytes: &mut [u8; ROOM],
) -> [usize; 5] {
    let mut text = Text { bytes, len: 0 };
    let mut ends = [0; 5];
    let (account, key) = (decision.account(), decision.key());
    if which != RateHeaders::Draft {
        let binding = key.map_or(account, |_| decision.binding());
        let reset = unix_millis.max(0).unsigned_abs() + millis(binding.reset_after());
        ends[0] = text.number(binding.quota().limit().into()).len;
        ends[1] = text.number(shown(binding).into()).len;
        ends[2] = text.number(reset.div_ceil(1_000)).len;
    }
    if which != RateHeaders::Legacy {
        write_policy(&mut text, account);
        if let Some(key) = key {
            write_policy(text.text(", "), key);
        }
        ends[3] = text.len;
        write_rate_limit(&mut text, account);
        if let Some(key) = key {
            write_rate_limit(text.text(", "), key);
        }
        ends[4] = text.len;
    }
    ends
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
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    let whole = duration.as_secs().checked_mul(1_000);
    whole.map_or(u64::MAX / 2, |whole| {
        whole.saturating_add(rest.into()).min(u64::MAX / 2)
    })
}

/// Enough for all five values with the largest numbers: forty bytes for the legacy ones, and twice
/// two buckets of 45.
const ROOM: usize = 224;

/// Values that are written behind one another. All of it is inlined, so that the place where to go
/// on is in a register: in memory it would be waited for before each piece.
struct Text<'a> {
    bytes: &'a mut [u8; ROOM],
    len: usize,
}

impl Text<'_> {
    #[inline(always)]
    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes[self.len..][..text.len()].copy_from_slice(text.as_bytes());
        self.len += text.len();
        self
    }

    #[inline(always)]
    fn number(&mut self, mut number: u64) -> &mut Self {
        let digits = number.checked_ilog10().map_or(1, |last| last as usize + 1);
        // Where it will stand: copying it there would cost more than making it.
        for places in self.bytes[self.len..][..digits].rchunks_mut(2) {
            let two = (number % 100) as u8;
            number /= 100;
            match places {
                [tens, ones] => (*tens, *ones) = (b'0' + two / 10, b'0' + two % 10),
                ones => ones.fill(b'0' + two % 10),
            }
        }
        self.len += digits;
        self
    }
}

#[inline(always)]
fn write_policy(text: &mut Text<'_>, bucket: BucketState) {
    let quota = bucket.quota();
    let window = whole_seconds(quota.period()).max(1);
    text.text(name(bucket))
        .text(";q=")
        .number(quota.limit().into());
    text.text(";w=").number(window);
}

#[inline(always)]
fn write_rate_limit(text: &mut Text<'_>, bucket: BucketState) {
    let remaining = shown(bucket);
    // Where nothing is left, a client that waits for `t` is to wait no longer than it needs to.
    let more_in = match remaining {
        0 => bucket.next_cell_after(),
        _ => bucket.reset_after(),
    };
    text.text(name(bucket)).text(";r=").number(remaining.into());
    text.text(";t=").number(whole_seconds(more_in));
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
