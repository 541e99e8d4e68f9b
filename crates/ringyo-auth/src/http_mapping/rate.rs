//! What a limiter decided, as headers of a response.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use ringyo_limit::{BucketKind, BucketState, Decision, Quota};
use ringyo_store::Timestamp;

use super::RateHeaders;
use super::headers::{shared, whole_seconds};
use super::text::{ROOM, Text, name};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The headers of one decision.
pub(super) fn rate(
    which: RateHeaders,
    decision: &Decision,
    unix_millis: i64,
) -> Vec<(HeaderName, HeaderValue)> {
    let buckets = Buckets::of(decision);
    let numbers = DESK.with_borrow_mut(|desk| Numbers::write(desk, &buckets, unix_millis));
    let mut headers = Vec::with_capacity(5);
    if which != RateHeaders::Draft {
        headers.push((LIMIT, buckets.limit()));
        headers.push((REMAINING, numbers.remaining()));
        headers.push((RESET, numbers.reset()));
    }
    if which != RateHeaders::Legacy {
        headers.push((POLICY, buckets.policy()));
        headers.push((RATE_LIMIT, numbers.rate_limit()));
    }
    headers
}

/// Rate-limit headers of many responses, with one header more that all of them have: for middleware.
/// Get it from [`HttpMapping::rate_header_maps`](super::HttpMapping::rate_header_maps).
///
/// To find places in a map for six names takes longer than an HMAC. So each thread keeps maps for up
/// to eight limits, in which the places are found and what depends on the limit alone is written; a
/// response gets a copy and its own numbers. A clone shares them.
///
/// ```
/// use http::{HeaderMap, HeaderName, HeaderValue};
/// use ringyo_auth::{Caller, RateHeaderMaps, Ringyo};
///
/// // Once.
/// fn maps(ringyo: &Ringyo) -> RateHeaderMaps {
///     ringyo.http().rate_header_maps(HeaderName::from_static("x-request-id"))
/// }
///
/// // For each response.
/// fn headers(maps: &RateHeaderMaps, caller: &Caller, id: HeaderValue) -> Option<HeaderMap> {
///     let decision = caller.rate()?;
///     Some(maps.of(&decision, caller.authenticated_at(), id))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RateHeaderMaps(Arc<Layout>);

/// Which headers there are.
#[derive(Debug)]
struct Layout {
    which: RateHeaders,
    other: HeaderName,
    /// The names in their order, without values; `None` if a map has an order of its own.
    blank: Option<HeaderMap>,
}

impl RateHeaderMaps {
    pub(super) fn new(which: RateHeaders, other: HeaderName) -> Self {
        const NAMES: [HeaderName; 5] = [LIMIT, REMAINING, RESET, POLICY, RATE_LIMIT];
        let mut names = match which {
            RateHeaders::Legacy => NAMES[..3].to_vec(),
            RateHeaders::Draft => NAMES[3..].to_vec(),
            RateHeaders::Both => NAMES.to_vec(),
        };
        names.push(other.clone());
        let mut blank = HeaderMap::with_capacity(2 * names.len());
        for name in &names {
            blank.insert(name, HeaderValue::from_static(""));
        }
        // The order of a map is not promised. If it is another one, headers are put in one by one.
        let is_in_order = blank.clone().keys().eq(&names);
        Self(Arc::new(Layout {
            which,
            other,
            blank: is_in_order.then_some(blank),
        }))
    }

    /// The headers that tell of a decision at the time when it was made, and the other header. Reads
    /// no clock.
    #[must_use]
    #[inline]
    pub fn of(&self, decision: &Decision, at: Timestamp, other: HeaderValue) -> HeaderMap {
        let unix_millis = at.as_unix_millis();
        let Self(layout) = self;
        let which = layout.which;
        let Some(blank) = &layout.blank else {
            let mut headers: HeaderMap = rate(which, decision, unix_millis).into_iter().collect();
            headers.insert(&layout.other, other);
            return headers;
        };
        let buckets = Buckets::of(decision);
        DESK.with_borrow_mut(|desk| {
            // What has just been written is slow to read; meanwhile the copy is made.
            let numbers = Numbers::write(desk, &buckets, unix_millis);
            let mut headers = desk.begun(layout, blank, &buckets).clone();
            let mut places = headers.values_mut();
            if which != RateHeaders::Draft {
                places.next();
                put(places.next(), numbers.remaining());
                put(places.next(), numbers.reset());
            }
            if which != RateHeaders::Legacy {
                places.next();
                put(places.next(), numbers.rate_limit());
            }
            put(places.next(), other);
            headers
        })
    }
}

#[inline(always)]
fn put(place: Option<&mut HeaderValue>, value: HeaderValue) {
    if let Some(place) = place {
        *place = value;
    }
}

/// The buckets of a decision.
struct Buckets {
    account: BucketState,
    key: Option<BucketState>,
    /// Whether the key's is nearer to refusing. The legacy headers can speak of one alone.
    is_key_binding: bool,
}

impl Buckets {
    #[inline]
    fn of(decision: &Decision) -> Self {
        Self {
            account: decision.account(),
            key: decision.key(),
            is_key_binding: decision.binding().kind() == BucketKind::Key,
        }
    }

    fn binding(&self) -> BucketState {
        match self.key {
            Some(key) if self.is_key_binding => key,
            _ => self.account,
        }
    }

    fn limit(&self) -> HeaderValue {
        HeaderValue::from(self.binding().quota().limit())
    }

    fn policy(&self) -> HeaderValue {
        let policies = [Some(self.account), self.key].into_iter().flatten();
        let policies = policies.map(|bucket| {
            let quota = bucket.quota();
            let window = whole_seconds(quota.period()).max(1);
            format!("{};q={};w={window}", name(bucket), quota.limit())
        });
        shared(policies.collect::<Vec<_>>().join(", ").into())
    }
}

/// What a thread makes headers with.
#[derive(Default)]
struct Desk {
    /// Values that are sent soon and dropped share an allocation with those of other responses.
    chunk: BytesMut,
    begun: Vec<Begun>,
    /// Whose place the next one takes, once all are taken.
    next: usize,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// How many limits a thread keeps headers for. They are gone through one by one.
const LIMITS: usize = 8;

const CHUNK: usize = 4_096;

/// Headers to which only the numbers of a response are missing.
struct Begun {
    layout: Arc<Layout>,
    account: Quota,
    key: Option<Quota>,
    is_key_binding: bool,
    headers: HeaderMap,
}

impl Begun {
    fn new(layout: &Arc<Layout>, blank: &HeaderMap, buckets: &Buckets) -> Self {
        let mut headers = blank.clone();
        if layout.which != RateHeaders::Draft {
            headers.insert(LIMIT, buckets.limit());
        }
        if layout.which != RateHeaders::Legacy {
            headers.insert(POLICY, buckets.policy());
        }
        Self {
            layout: layout.clone(),
            account: buckets.account.quota(),
            key: buckets.key.map(|key| key.quota()),
            is_key_binding: buckets.is_key_binding,
            headers,
        }
    }

    #[inline]
    fn is_for(&self, layout: &Arc<Layout>, buckets: &Buckets) -> bool {
        Arc::ptr_eq(&self.layout, layout)
            && self.account == buckets.account.quota()
            && self.key == buckets.key.map(|key| key.quota())
            && self.is_key_binding == buckets.is_key_binding
    }
}

impl Desk {
    #[inline]
    fn begun(&mut self, layout: &Arc<Layout>, blank: &HeaderMap, buckets: &Buckets) -> &HeaderMap {
        let mut begun = self.begun.iter();
        let place = match begun.position(|begun| begun.is_for(layout, buckets)) {
            Some(place) => place,
            None => self.begin(Begun::new(layout, blank, buckets)),
        };
        &self.begun[place].headers
    }

    #[cold]
    fn begin(&mut self, begun: Begun) -> usize {
        if self.begun.len() < LIMITS {
            self.begun.push(begun);
            return self.begun.len() - 1;
        }
        let place = self.next % LIMITS;
        self.next = place + 1;
        self.begun[place] = begun;
        place
    }
}

/// The numbers of one response, as text.
struct Numbers {
    /// `X-RateLimit-Reset`, and from there on `RateLimit`.
    text: Bytes,
    reset_end: usize,
    /// Where in it `X-RateLimit-Remaining` is.
    remaining: Range<usize>,
}

impl Numbers {
    #[inline(always)]
    fn write(desk: &mut Desk, buckets: &Buckets, unix_millis: i64) -> Self {
        let chunk = &mut desk.chunk;
        if chunk.len() < ROOM {
            // If nobody has any of it any more this takes back the last one.
            chunk.clear();
            chunk.reserve(CHUNK);
            chunk.resize(CHUNK, 0);
        }
        let mut text = Text::new(&mut chunk[..ROOM]);
        let reset = millis(buckets.binding().reset_after());
        let reset = unix_millis.max(0).unsigned_abs() + reset;
        text.number(reset.div_ceil(1_000));
        let reset_end = text.len;
        let mut remaining = text.rate_limit(buckets.account);
        if let Some(key) = buckets.key {
            text.text(", ");
            let of_key = text.rate_limit(key);
            if buckets.is_key_binding {
                remaining = of_key;
            }
        }
        let len = text.len;
        Self {
            text: chunk.split_to(len).freeze(),
            reset_end,
            remaining,
        }
    }

    #[inline(always)]
    fn reset(&self) -> HeaderValue {
        shared(self.text.slice(..self.reset_end))
    }

    #[inline(always)]
    fn remaining(&self) -> HeaderValue {
        shared(self.text.slice(self.remaining.clone()))
    }

    #[inline(always)]
    fn rate_limit(mut self) -> HeaderValue {
        shared(self.text.split_off(self.reset_end))
    }
}

fn millis(duration: Duration) -> u64 {
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    let whole = duration.as_secs().checked_mul(1_000);
    whole.map_or(u64::MAX / 2, |whole| {
        whole.saturating_add(rest.into()).min(u64::MAX / 2)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use std::sync::Arc;
    use std::time::Duration;

    use http::HeaderMap;
    use http::header::{HeaderName, HeaderValue};
    use ringyo_limit::{Backlog, BucketKind, Charge, Decision, Quota, Verdict};
    use ringyo_store::Timestamp;

    use super::{Layout, RateHeaderMaps, RateHeaders, rate};

    fn moment(unix_millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(unix_millis)
    }

    /// Of more limits than a thread keeps headers for, which differ in one thing or another.
    fn decisions() -> Vec<Decision> {
        let quotas = [
            Quota::per_minute(60),
            Quota::per_hour(60),
            Quota::per_minute(60).strict(10),
            Quota::per_minute(300),
            Quota::per_second(u32::MAX),
        ];
        let own = [None, Some(quotas[1]), Some(quotas[3])];
        let backlogs = [0, 1_500, 59_000, 3_599_000].map(Duration::from_millis);
        let backlogs =
            backlogs.map(|backlog| [(backlog, Duration::ZERO), (Duration::ZERO, backlog)]);
        let by_key = own.map(|key| quotas.map(|account| (account, key)));
        let by_account = quotas.map(|account| own.map(|key| (account, key)));
        // One after the other that differ in one thing alone, whichever.
        let limits = by_key.concat().into_iter().chain(by_account.concat());
        let charged =
            limits.flat_map(|limits| backlogs.concat().into_iter().map(move |b| (limits, b)));
        let decided = charged.map(|((account, key), backlog)| {
            let charge = Charge::to_account("acct_1", account);
            let charge = match key {
                Some(key) => charge.with_key("key_1", key),
                None => charge,
            };
            let (account, key) = backlog;
            Decision::from_backlog(&charge, Verdict::Allowed, Backlog { account, key })
        });
        decided.collect()
    }

    #[test]
    fn the_legacy_headers_speak_of_the_bucket_that_is_nearer_to_refusing() {
        const AT: i64 = 1_767_225_600_001;
        let mut of_key = 0;
        for decision in decisions() {
            let binding = decision.binding();
            of_key += usize::from(binding.kind() == BucketKind::Key);
            let headers: HeaderMap = rate(RateHeaders::Legacy, &decision, AT)
                .into_iter()
                .collect();
            let limit = binding.quota().limit();
            assert_eq!(headers["x-ratelimit-limit"], limit.to_string());
            let remaining = binding.remaining().min(limit);
            assert_eq!(headers["x-ratelimit-remaining"], remaining.to_string());
            let full_at = Duration::from_millis(AT.unsigned_abs()) + binding.reset_after();
            let seconds = full_at.as_nanos().div_ceil(1_000_000_000);
            assert_eq!(headers["x-ratelimit-reset"], seconds.to_string());
        }
        assert!((1..decisions().len()).contains(&of_key), "{of_key}");
    }

    #[test]
    fn headers_are_begun_once_for_each_of_the_last_limits() {
        // A thread of its own has begun none yet.
        let begun = std::thread::spawn(|| {
            let maps = RateHeaderMaps::new(RateHeaders::Both, HeaderName::from_static("x-id"));
            let mut begun = Vec::new();
            for limit in [60, 300, 60, 300, 1, 2, 3, 4, 5, 6, 7, 8] {
                let quota = Quota::per_minute(limit);
                let charge = Charge::to_account("acct_1", quota);
                let full = Backlog::default();
                let decision = Decision::from_backlog(&charge, Verdict::Allowed, full);
                let headers = maps.of(&decision, moment(0), HeaderValue::from_static("1"));
                assert_eq!(headers["x-ratelimit-limit"], limit.to_string());
                begun = super::DESK.with_borrow(|desk| {
                    let limits = desk.begun.iter().map(|begun| begun.account.limit());
                    limits.collect()
                });
            }
            begun
        });
        // The last two have taken the places of the first two.
        assert_eq!(begun.join().unwrap(), [7, 8, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_copy_says_what_is_put_in_one_by_one() {
        let id = HeaderName::from_static("x-request-id");
        for which in [RateHeaders::Legacy, RateHeaders::Draft, RateHeaders::Both] {
            let maps = RateHeaderMaps::new(which, id.clone());
            let Layout { blank, other, .. } = &*maps.0;
            assert!(blank.is_some(), "a map is in another order than it was");
            let unordered = RateHeaderMaps(Arc::new(Layout {
                which,
                other: other.clone(),
                blank: None,
            }));
            let others = RateHeaderMaps::new(RateHeaders::Both, HeaderName::from_static("x-other"));
            for (number, decision) in decisions().iter().cycle().take(1_000).enumerate() {
                let at = 1_767_225_600_000 + number as i64;
                let value = HeaderValue::from(number);
                let mut expected: HeaderMap = rate(which, decision, at).into_iter().collect();
                expected.insert(&id, value.clone());
                for maps in [&maps, &unordered] {
                    let headers = maps.of(decision, moment(at), value.clone());
                    assert!(headers.iter().eq(&expected), "{headers:?} for {expected:?}");
                }
                // Of another service in the same thread.
                assert_eq!(
                    others.of(decision, moment(at), value.clone())["x-other"],
                    value
                );
            }
        }
    }

    #[test]
    fn a_header_that_is_among_them_already_takes_the_place_of_theirs() {
        let maps = RateHeaderMaps::new(RateHeaders::Both, HeaderName::from_static("ratelimit"));
        let value = HeaderValue::from_static("mine");
        let headers = maps.of(&decisions()[0], moment(0), value.clone());
        assert_eq!((headers.len(), &headers["ratelimit"]), (5, &value));
    }
}
