//! What counts as one credential, and what a parser is spared.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use ringyo_auth::{AuthError, Caller, Credential, CredentialSources, InvalidKey, Preset, Ringyo};
use ringyo_store::MemoryStore;

use crate::support::setting;

#[derive(Debug, PartialEq, Clone, Copy)]
enum Expect {
    LetIn,
    Missing,
    Ambiguous,
    Invalid,
}

#[tokio::test]
async fn naughty_headers() {
    use Expect::{Ambiguous, Invalid, LetIn, Missing};
    let setting = setting().await;
    let key = setting.key().await;
    let key = key.key.expose();
    let long = "A".repeat(10_240);
    let cases: Vec<(Vec<Vec<u8>>, Expect)> = [
        (vec![], Missing),
        (vec![format!("Bearer {key}")], LetIn),
        (vec![format!("bearer {key}")], LetIn),
        (vec![format!("BEARER {key}")], LetIn),
        (vec![format!("bEaReR    {key}")], LetIn),
        (
            vec![format!("Bearer {key}"), format!("Bearer {key}")],
            Ambiguous,
        ),
        (
            vec![format!("Bearer {key}"), "Basic dTpw".to_owned()],
            Ambiguous,
        ),
        (vec![format!("Bearer {key}, Bearer {key}")], Ambiguous),
        (vec![format!("Bearer {key},")], Ambiguous),
        (vec![format!("Bearer ,{key}")], Ambiguous),
        (vec!["Basic dTpw".to_owned()], Missing),
        (
            vec!["Digest username=\"a\", realm=\"b\"".to_owned()],
            Missing,
        ),
        (vec![key.to_owned()], Missing),
        (vec![format!("Bearer{key}")], Missing),
        (vec![format!("Bearer:{key}")], Missing),
        (vec![format!("Bearer\t{key}")], Missing),
        (vec![format!(" Bearer {key}")], Missing),
        (vec!["Bearer".to_owned()], Missing),
        (vec!["Bearer ".to_owned()], Missing),
        (vec![String::new()], Missing),
        (vec![format!("Bearer {key} ")], Invalid),
        (vec![format!("Bearer \t{key}")], Invalid),
        (vec![format!("Bearer {key}\t")], Invalid),
        (vec![format!("Bearer \"{key}\"")], Invalid),
        (vec![format!("Bearer {}", key.to_uppercase())], Invalid),
        (
            vec![format!("Bearer {}", key.replace("rg_", "RG_"))],
            Invalid,
        ),
        (vec![format!("Bearer {key}{key}")], Invalid),
        (vec![format!("Bearer {key} {key}")], Invalid),
        (vec![format!("Bearer {long}")], Invalid),
        (vec![format!("Bearer rg_live_{long}")], Invalid),
        (vec![long], Missing),
    ]
    .into_iter()
    .map(|(values, expect)| (values.into_iter().map(String::into_bytes).collect(), expect))
    .chain([
        (vec![b"Bearer \xff\xfe".to_vec()], Invalid),
        (vec!["Bearer rg_live_ключ".as_bytes().to_vec()], Invalid),
        (
            vec![[b"Bearer ".as_slice(), key.as_bytes(), b"\xc2\xa0"].concat()],
            Invalid,
        ),
    ])
    .collect();

    for (values, expect) in cases {
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append("Authorization", HeaderValue::from_bytes(value).unwrap());
        }
        let answer = setting
            .ringyo
            .authenticate(Credential::from_headers(&headers))
            .await;
        let got = expectation(answer);
        let shown: Vec<_> = values
            .iter()
            .map(|value| String::from_utf8_lossy(value))
            .collect();
        assert_eq!(got, expect, "{shown:?}");
    }
}

#[tokio::test]
async fn other_places_for_a_key() {
    use Expect::{Ambiguous, Invalid, LetIn, Missing};
    let setting = setting().await;
    let issued = setting.key().await;
    let key = issued.key.expose();
    let bearer = format!("Bearer {key}");
    let query = format!("a=1&api_key={key}&b");
    let only = CredentialSources::bearer();
    let header = only.clone().or_header(HeaderName::from_static("x-api-key"));
    let all = header
        .clone()
        .or_query_parameter_that_ends_up_in_logs("api_key");
    type Row<'a> = (
        &'a CredentialSources,
        Option<&'a str>,
        &'a [&'a str],
        Option<&'a str>,
        Expect,
    );
    let rows: [Row<'_>; 17] = [
        (&only, Some(&bearer), &[], None, LetIn),
        (&only, None, &[key], Some(&query), Missing),
        (&header, None, &[key], None, LetIn),
        (&header, None, &[], Some(&query), Missing),
        (&header, Some(&bearer), &[], None, LetIn),
        (&header, Some(&bearer), &[key], None, Ambiguous),
        (&header, Some("Basic dTpw"), &[key], None, LetIn),
        (&header, Some("Bearer"), &[key], None, LetIn),
        (&header, None, &[key, key], None, Ambiguous),
        (&header, None, &[""], None, Missing),
        (&header, None, &["Bearer x"], None, Invalid),
        (&all, None, &[], Some(&query), LetIn),
        (
            &all,
            None,
            &[],
            Some("api_keys=1&xapi_key=1&API_KEY=1"),
            Missing,
        ),
        (&all, None, &[], Some("api_key="), Missing),
        (&all, None, &[], Some("api_key=%72g_live"), Invalid),
        (&all, None, &[key], Some(&query), Ambiguous),
        (&all, Some(&bearer), &[], Some(&query), Ambiguous),
    ];
    for (number, (sources, authorization, api_keys, query, expect)) in rows.into_iter().enumerate()
    {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.append("authorization", value.parse().unwrap());
        }
        for value in api_keys {
            headers.append("x-api-key", value.parse().unwrap());
        }
        let credential = sources.find(&headers, query);
        let got = expectation(setting.ringyo.authenticate(credential).await);
        assert_eq!(got, expect, "row {number}");
    }
}

fn expectation(answer: Result<Caller, AuthError>) -> Expect {
    match answer {
        Ok(_) => Expect::LetIn,
        Err(AuthError::MissingCredential) => Expect::Missing,
        Err(AuthError::AmbiguousCredential) => Expect::Ambiguous,
        Err(AuthError::InvalidKey(InvalidKey::Malformed(_))) => Expect::Invalid,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_credential_does_not_print_what_it_holds() {
    let shown = format!("{:?}", Credential::bearer("Bearer rg_live_secret"));
    assert!(!shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn any_header_is_answered(
        scheme in "(?i)(bearer|basic|token)?[ \t]{0,3}",
        key in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "(rg|RG|sk)_(live|test|prod)_[0-9A-Za-z_ ]{50,60}".prop_map(String::into_bytes),
        ],
    ) {
        // One service for all: making one takes longer than asking it.
        static SERVICE: std::sync::LazyLock<(tokio::runtime::Runtime, Ringyo)> =
            std::sync::LazyLock::new(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let builder = Ringyo::builder(Preset::ringyo(), crate::support::peppers());
                let built = runtime.block_on(builder.store(MemoryStore::new()).build());
                (runtime, built.unwrap())
            });
        let (runtime, ringyo) = &*SERVICE;
        let value = [scheme.as_bytes(), &key].concat();
        let answer = runtime.block_on(ringyo.authenticate(Credential::bearer(&value)));
        prop_assert!(answer.is_err());
    }
}
