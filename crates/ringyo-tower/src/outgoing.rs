//! What is put on a response.

use std::mem;

use http::header::{AUTHORIZATION, CACHE_CONTROL, Entry};
use http::{HeaderMap, HeaderName, HeaderValue};
use ringyo_auth::{Caller, CredentialSources, HttpMapping};

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

/// How the headers of callers with a rate are made.
#[derive(Clone)]
pub(crate) struct Rated {
    /// All of them, without values. Finding the places of six names in a map costs more than one
    /// HMAC, and copying a map in which they have been found a fraction of it.
    blank: Option<HeaderMap>,
    is_bearer_only: bool,
}

impl Rated {
    pub(crate) fn new(http: &HttpMapping) -> Self {
        let names: Vec<HeaderName> = http.rate_header_names().chain([X_REQUEST_ID]).collect();
        let mut blank = HeaderMap::with_capacity(2 * names.len());
        for name in &names {
            blank.insert(name, HeaderValue::from_static(""));
        }
        // The order of a map is not promised. If it is another one they are put in one by one.
        let is_in_order = blank.clone().keys().eq(&names);
        Self {
            blank: is_in_order.then_some(blank),
            is_bearer_only: http.style().credentials == CredentialSources::bearer(),
        }
    }

    /// The numbers are those of the decision, and the handler may take its time.
    #[inline]
    pub(crate) fn outgoing(
        &self,
        http: &HttpMapping,
        request: &HeaderMap,
        caller: &Caller,
        id: &RequestId,
    ) -> Outgoing {
        let is_key_elsewhere = !self.is_bearer_only && !request.contains_key(AUTHORIZATION);
        let Some(blank) = &self.blank else {
            return self.one_by_one(http, caller, id, is_key_elsewhere);
        };
        // Filled in where it will stay.
        let mut outgoing = Outgoing {
            headers: Headers::Rated(blank.clone()),
            is_key_elsewhere,
        };
        if let Headers::Rated(headers) = &mut outgoing.headers {
            let mut places = headers.values_mut();
            let is_rated = http.each_rate_value_of(caller, |value| {
                if let Some(place) = places.next() {
                    *place = value;
                }
            });
            if !is_rated {
                outgoing.headers = Headers::Id(id.header_value());
            } else if let Some(place) = places.next() {
                *place = id.header_value();
            }
        }
        outgoing
    }

    #[cold]
    fn one_by_one(
        &self,
        http: &HttpMapping,
        caller: &Caller,
        id: &RequestId,
        is_key_elsewhere: bool,
    ) -> Outgoing {
        let mut headers: HeaderMap = http.rate_headers_of(caller).collect();
        let id = id.header_value();
        let headers = if headers.is_empty() {
            Headers::Id(id)
        } else {
            headers.insert(X_REQUEST_ID, id);
            Headers::Rated(headers)
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
    use ringyo_auth::{Credential, NewKey, Preset, Ringyo};
    use ringyo_key::{Pepper, PepperId};
    use ringyo_store::MemoryStore;

    use super::{Headers, MANY, Rated, put_among};
    use crate::RequestId;

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

    #[tokio::test]
    async fn places_that_were_found_before_are_the_right_ones() {
        let pepper = Pepper::generate(PepperId::new(1));
        let builder = Ringyo::builder(Preset::ringyo(), pepper).store(MemoryStore::new());
        let ringyo = builder.build().await.unwrap();
        ringyo.accounts().create("acct_1", "pro").await.unwrap();
        let issued = ringyo
            .keys()
            .issue(NewKey::live("acct_1", "Server").scopes(["agents:read"]))
            .await
            .unwrap();
        let credential = Credential::key(issued.key.expose());
        let caller = ringyo
            .authenticator()
            .authenticate(credential)
            .await
            .unwrap();

        let known = Rated::new(ringyo.http());
        assert!(
            known.blank.is_some(),
            "a map is in another order than it was"
        );
        let searched = Rated {
            blank: None,
            ..known.clone()
        };
        let request = HeaderMap::new();
        let id = RequestId::of(&request);
        let [known, searched] = [known, searched].map(|rated| {
            match rated
                .outgoing(ringyo.http(), &request, &caller, &id)
                .headers
            {
                Headers::Rated(headers) => headers,
                Headers::None | Headers::Id(_) => panic!("no rate"),
            }
        });
        assert_eq!(known.len(), 6);
        assert_eq!(known, searched);
    }
}
