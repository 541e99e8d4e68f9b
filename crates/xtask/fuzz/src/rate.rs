//! The headers that tell a client its rate, against a parser of RFC 9651 and the decision itself.

use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use http::{HeaderMap, HeaderName, HeaderValue};
use ringyo::limit::{BucketState, Charge, Clock as _, Decision, Now};
use ringyo::{AuthError, HttpMapping, LocalLimiter, ManualClock, MemoryStore, Pepper, PepperId};
use ringyo::{Preset, Quota, RateHeaderMaps, Ringyo, Timestamp};
use sfv::{BareItem, List, ListEntry, Parser};

use crate::Subject;

const START: i64 = 1_767_225_600_000;

#[derive(Debug, Arbitrary)]
struct Rate {
    limit: u32,
    period_nanos: u64,
    burst: u32,
}

#[derive(Debug, Arbitrary)]
struct Schedule {
    account: Rate,
    key: Option<Rate>,
    requests: Vec<(u32, u16)>,
}

/// Name, then parameters.
type Item = (String, Vec<(String, i64)>);

static HTTP: LazyLock<HttpMapping> = LazyLock::new(http);

/// Charges a schedule and reads what is said of each request.
pub fn check(input: &[u8], subject: Subject) {
    let Ok(schedule) = Schedule::arbitrary(&mut Unstructured::new(input)) else {
        return;
    };
    let Some(account) = quota(&schedule.account) else {
        return;
    };
    let key = schedule.key.as_ref().and_then(quota);
    let (clock, limiter) = (ManualClock::new(START), LocalLimiter::new());
    for (pause, weight) in schedule.requests.iter().take(64) {
        clock.advance(Duration::from_micros(u64::from(*pause)));
        let weight = NonZeroU32::new(u32::from(*weight)).unwrap_or(NonZeroU32::MIN);
        let charge = Charge::to_account("a", account).with_weight(weight);
        let charge = match key {
            Some(key) => charge.with_key("k", key),
            None => charge,
        };
        let now = clock.now();
        let decision = limiter.decide(&charge, now.monotonic);
        let headers: HeaderMap = if decision.is_allowed() {
            check_map(&decision, now)
        } else {
            let refusal = AuthError::RateLimited(decision.into());
            let response = HTTP.reject(&refusal, now).into_response::<String>("r");
            response.into_parts().0.headers
        };
        check_headers(&headers, &decision, subject);
    }
}

/// Whether the headers of middleware are the same ones.
fn check_map(decision: &Decision, now: Now) -> HeaderMap {
    const ID: HeaderName = HeaderName::from_static("x-request-id");
    static MAPS: LazyLock<RateHeaderMaps> = LazyLock::new(|| HTTP.rate_header_maps(ID));
    let headers: HeaderMap = HTTP.rate_headers(decision, now).collect();
    let (id, at) = (HeaderValue::from_static("req_1"), now.unix_millis);
    let mut map = MAPS.of(decision, Timestamp::from_unix_millis(at), id.clone());
    assert_eq!(map.remove(ID), Some(id));
    assert_eq!(map, headers);
    headers
}

fn check_headers(headers: &HeaderMap, decision: &Decision, subject: Subject) {
    let text = |name: &str| headers[name].to_str().expect("visible ASCII");
    let buckets: Vec<BucketState> = [Some(decision.account()), decision.key()]
        .into_iter()
        .flatten()
        .collect();
    let shown = |bucket: &BucketState| match subject {
        Subject::Real => bucket.remaining().min(bucket.quota().limit()),
        // A burst above the limit is shown as it is.
        Subject::Faulty => bucket.remaining(),
    };
    let expected = |values: &dyn Fn(&BucketState) -> [(&'static str, u128); 2]| -> Vec<Item> {
        let names = ["account", "key"].into_iter();
        let items = names.zip(&buckets).map(|(name, bucket)| {
            let parameters = values(bucket).map(|(key, value)| {
                let value = i64::try_from(value).expect("an integer of RFC 9651");
                (key.to_owned(), value)
            });
            (name.to_owned(), parameters.into())
        });
        items.collect()
    };
    let policy = expected(&|bucket| {
        let window = seconds(bucket.quota().period()).max(1);
        [("q", bucket.quota().limit().into()), ("w", window)]
    });
    assert_eq!(items(text("ratelimit-policy")), policy);
    let limit = expected(&|bucket| {
        let wait = match shown(bucket) {
            0 => bucket.next_cell_after(),
            _ => bucket.reset_after(),
        };
        [("r", shown(bucket).into()), ("t", seconds(wait))]
    });
    assert_eq!(items(text("ratelimit")), limit);
    let number = |name: &str| text(name).parse::<u64>().expect("a number");
    let binding = decision.binding();
    assert_eq!(
        number("x-ratelimit-limit"),
        u64::from(binding.quota().limit())
    );
    assert_eq!(number("x-ratelimit-remaining"), u64::from(shown(&binding)));
    match decision.retry_after() {
        Some(wait) => assert_eq!(u128::from(number("retry-after")), seconds(wait).max(1)),
        None => assert!(!headers.contains_key("retry-after")),
    }
}

/// Rounded up, by the nanoseconds.
fn seconds(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000_000)
}

fn items(field: &str) -> Vec<Item> {
    let list: List = Parser::new(field).parse().expect("a list of RFC 9651");
    let item = |entry| {
        let ListEntry::Item(item) = entry else {
            panic!("an inner list in {field}");
        };
        let BareItem::String(name) = item.bare_item else {
            panic!("no string in {field}");
        };
        let parameters = item.params.into_iter().map(|(key, value)| {
            let BareItem::Integer(value) = value else {
                panic!("{key} in {field} is no integer");
            };
            (key.as_str().to_owned(), i64::from(value))
        });
        (name.as_str().to_owned(), parameters.collect())
    };
    list.into_iter().map(item).collect()
}

fn quota(rate: &Rate) -> Option<Quota> {
    // Small numbers as often as large ones: a limit is to be reached.
    let [limit, burst] = [rate.limit, rate.burst].map(|number| match number % 2 {
        0 => number / 2 % 50,
        _ => number / 2,
    });
    let quota = Quota::try_per(limit, Duration::from_nanos(rate.period_nanos)).ok()?;
    Some(quota.try_with_burst(burst).unwrap_or(quota))
}

fn http() -> HttpMapping {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let builder = Ringyo::builder(Preset::ringyo(), Pepper::generate(PepperId::new(1)));
    let built = runtime.block_on(builder.store(MemoryStore::new()).build());
    built.expect("a service").http().clone()
}
