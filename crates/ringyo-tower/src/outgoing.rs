//! What is put on a response.

use std::mem;

use http::header::{AUTHORIZATION, CACHE_CONTROL, Entry};
use http::{HeaderMap, HeaderValue};
use ringyo_auth::{Caller, CredentialSources, HttpMapping, RateHeaderMaps};

use crate::request_id::{RequestId, X_REQUEST_ID};

/// Whoever sends more headers than that has theirs kept as they are, and ours put among them.
const MANY: usize = 24;

/// What is put on one response.
#[derive(Default)]
pub(crate) struct Outgoing {
    headers: Headers,
    /// Whether the key did not come in the header that keeps shared caches away.
    is_key_elsewhere: bool,
}

#[derive(Default)]
enum Headers {
    /// By a layer inside of another, which does it.
    #[default]
    None,
    Id(HeaderValue),
    /// About the rate, with the id.
    Rated(HeaderMap),
}

/// How the headers of callers are made.
#[derive(Clone)]
pub(crate) struct Rated {
    maps: RateHeaderMaps,
    is_bearer_only: bool,
}

impl Rated {
    pub(crate) fn new(http: &HttpMapping) -> Self {
        Self {
            maps: http.rate_header_maps(X_REQUEST_ID),
            is_bearer_only: http.style().credentials == CredentialSources::bearer(),
        }
    }

    /// The numbers are those of the decision, and the handler may take its time.
    #[inline]
    pub(crate) fn outgoing(
        &self,
        request: &HeaderMap,
        caller: &Caller,
        id: &RequestId,
    ) -> Outgoing {
        let is_key_elsewhere = !self.is_bearer_only && !request.contains_key(AUTHORIZATION);
        let id = id.header_value();
        let headers = match caller.rate() {
            Some(decision) => {
                let at = caller.authenticated_at();
                Headers::Rated(self.maps.of(&decision, at, id))
            }
            None => Headers::Id(id),
        };
        Outgoing {
            headers,
            is_key_elsewhere,
        }
    }
}

impl Outgoing {
    #[inline]
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// For a request without a caller.
    #[inline]
    pub(crate) fn of_nobody(id: &RequestId) -> Self {
        Self {
            headers: Headers::Id(id.header_value()),
            is_key_elsewhere: false,
        }
    }

    /// Once.
    #[inline]
    pub(crate) fn put_on(&mut self, headers: &mut HeaderMap) {
        match &mut self.headers {
            Headers::Rated(ours) if headers.is_empty() => mem::swap(headers, ours),
            Headers::Rated(ours) => put_among(headers, mem::take(ours)),
            Headers::Id(id) => {
                headers.insert(X_REQUEST_ID, id.clone());
            }
            Headers::None => {}
        }
        if self.is_key_elsewhere {
            // RFC 9111 §3.5 speaks of `Authorization` alone, so it has to be said (RFC 6750 §2.3).
            let private = HeaderValue::from_static("private");
            headers.entry(CACHE_CONTROL).or_insert(private);
        }
    }
}

/// Ours take the place of theirs. The few names of theirs are found sooner in our map, which has
/// room for them, than ours in theirs, which would have to grow for it.
fn put_among(theirs: &mut HeaderMap, ours: HeaderMap) {
    if theirs.len() > MANY {
        theirs.reserve(ours.len());
        for (name, value) in &ours {
            theirs.insert(name, value.clone());
        }
        return;
    }
    // The name comes with the first of its values alone.
    let mut named = None;
    for (name, value) in mem::replace(theirs, ours) {
        let Some(name) = name else {
            if let Some(name) = &named {
                theirs.append(name, value);
            }
            continue;
        };
        named = match theirs.entry(name.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                place.insert(value);
                Some(name)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{MANY, put_among};

    fn map<const N: usize>(entries: [(&'static str, &'static str); N]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in entries {
            map.append(name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn ours_take_the_place_of_theirs_and_all_others_stay() {
        for others in [0, MANY] {
            let mut theirs = map([
                ("set-cookie", "a"),
                ("ratelimit", "theirs"),
                ("set-cookie", "b"),
                ("ratelimit", "theirs too"),
                ("x-request-id", "theirs"),
                ("content-type", "text/plain"),
            ]);
            let mut wanted = map([
                ("content-type", "text/plain"),
                ("ratelimit", "ours"),
                ("set-cookie", "a"),
                ("set-cookie", "b"),
                ("x-request-id", "ours"),
            ]);
            for other in 0..others {
                let name = HeaderName::try_from(format!("x-other-{other}")).unwrap();
                theirs.insert(name.clone(), HeaderValue::from_static("other"));
                wanted.insert(name, HeaderValue::from_static("other"));
            }
            put_among(
                &mut theirs,
                map([("ratelimit", "ours"), ("x-request-id", "ours")]),
            );
            assert_eq!(theirs, wanted);
        }
    }
}
