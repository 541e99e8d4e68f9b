//! Where a request carries its key, against a reader by a regular expression.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use regex::bytes::Regex;
use ringyo::{
    ApiAccess, AuthError, CredentialSources, InvalidKey, MemoryStore, NewKey, Pepper, PepperId,
    Plan, Preset, Ringyo,
};
use tokio::runtime::Runtime;

use crate::Subject;

/// What stands in an input for the good key.
const KEY: u8 = 1;

#[derive(Debug, PartialEq)]
enum Answer {
    LetIn,
    Missing,
    Ambiguous,
    Invalid,
}

struct Service {
    runtime: Runtime,
    ringyo: Ringyo,
    key: Vec<u8>,
}

/// Takes a line as a header: after `a` an `Authorization`, after `x` an `x-api-key`, after `q` the
/// query string.
pub fn check(input: &[u8], subject: Subject) {
    static SERVICE: LazyLock<Service> = LazyLock::new(Service::new);
    static BEARER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("(?s-u)^[Bb][Ee][Aa][Rr][Ee][Rr] +(.+)$").expect("a pattern"));
    let service = &*SERVICE;

    let mut headers = HeaderMap::new();
    let mut query = None;
    let mut bearers = Vec::new();
    let mut others = Vec::new();
    for line in input.split(|&byte| byte == b'\n') {
        let Some((kind, rest)) = line.split_first() else {
            continue;
        };
        let value = spelled_out(rest, &service.key);
        let Ok(header) = HeaderValue::from_bytes(&value) else {
            continue;
        };
        match kind {
            b'a' => {
                let kept = BEARER.captures(&value).map(|found| found[1].to_vec());
                // The spaces before a key are not of the key, also if there is nothing else.
                bearers.push(kept.filter(|key| key.iter().any(|&byte| byte != b' ')));
                let header = match subject {
                    Subject::Real => header,
                    Subject::Faulty => tab_for_space(&value),
                };
                headers.append(http::header::AUTHORIZATION, header);
            }
            b'x' => {
                others.push(value);
                headers.append("x-api-key", header);
            }
            b'q' if query.is_none() => query = String::from_utf8(value).ok(),
            _ => {}
        }
    }
    for pair in query.iter().flat_map(|query| query.split('&')) {
        if let Some((name, value)) = pair.split_once('=')
            && name == "key"
        {
            others.push(value.as_bytes().to_vec());
        }
    }
    let expected = match (&bearers[..], &others[..]) {
        ([_, _, ..], _) | ([Some(_)], [_, ..]) | (_, [_, _, ..]) => Answer::Ambiguous,
        ([Some(key)], []) if key.len() <= 1_024 && key.contains(&b',') => Answer::Ambiguous,
        ([Some(key)], []) => service.expect(key),
        ([] | [None], [key]) if !key.is_empty() => service.expect(key),
        ([] | [None], _) => Answer::Missing,
    };
    let sources = CredentialSources::bearer()
        .or_header(HeaderName::from_static("x-api-key"))
        .or_query_parameter_that_ends_up_in_logs("key");
    let credential = sources.find(&headers, query.as_deref());
    let decided = service.ringyo.authenticate(credential);
    let answer = match service.runtime.block_on(decided) {
        Ok(_) => Answer::LetIn,
        Err(AuthError::MissingCredential) => Answer::Missing,
        Err(AuthError::AmbiguousCredential) => Answer::Ambiguous,
        Err(AuthError::InvalidKey(InvalidKey::Malformed(_))) => Answer::Invalid,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(answer, expected);
}

impl Service {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut preset = Preset::ringyo();
        let open = Plan {
            access: ApiAccess::Unlimited,
            ..Plan::without_api("open")
        };
        preset.plans = [open].into_iter().collect();
        let builder = Ringyo::builder(preset, Pepper::generate(PepperId::new(1)));
        let (ringyo, key) = runtime.block_on(async {
            let ringyo = builder.store(MemoryStore::new()).build().await;
            let ringyo = ringyo.expect("a service");
            let made = ringyo.accounts().create("acct_1", "open").await;
            made.expect("an account");
            let new = NewKey::live("acct_1", "Fuzzed").scopes(["*"]);
            let issued = ringyo.keys().issue(new).await.expect("a key");
            (ringyo, issued.key.expose().as_bytes().to_vec())
        });
        Self {
            runtime,
            ringyo,
            key,
        }
    }

    fn expect(&self, key: &[u8]) -> Answer {
        match key == self.key {
            true => Answer::LetIn,
            false => Answer::Invalid,
        }
    }
}

fn spelled_out(text: &[u8], key: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = text.split(|&byte| byte == KEY).collect();
    parts.join(key)
}

/// A reader that takes any white space after the scheme.
fn tab_for_space(value: &[u8]) -> HeaderValue {
    let value: Vec<u8> = value
        .iter()
        .map(|&byte| if byte == b'\t' { b' ' } else { byte })
        .collect();
    HeaderValue::from_bytes(&value).expect("it was one with the tab")
}
