//! Messages of GitHub's secret scanning: its own samples, and real signatures by a key of the
//! tests.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use p256::PublicKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use ringyo_auth::{
    Actor, Credential, IssuedKey, KeyManager, LeakPolicy, LeakResponse, NewKey, Preset, Ringyo,
};
use ringyo_key::{Pepper, PepperId, PepperRing};
use ringyo_leak::{AlertError, GithubAlerts, GithubKeys, KeysError, Label, Received};
use ringyo_sqlite::SqliteStore;
use ringyo_store::{EventKind, KeyStatus, MemoryStore, PageSize};
use serde_json::{Value, json};

/// What the endpoint answered when GitHub's documentation was written.
const PUBLISHED: &str = r#"{ "public_keys": [
    {
        "key_identifier": "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a",
        "key": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq\nkCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==\n-----END PUBLIC KEY-----\n",
        "is_current": false
    },
    {
        "key_identifier": "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c",
        "key": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n",
        "is_current": true
    }
] }"#;

/// Identifier, signature and body of the two samples that the documentation has had.
/// <https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partnership-program/secret-scanning-partner-program>
const SAMPLES: [(&str, &str, &str); 2] = [
    (
        "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a",
        "MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=",
        r#"[{"token":"some_token","type":"some_type","url":"some_url"}]"#,
    ),
    (
        "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c",
        "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==",
        r#"[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]"#,
    ),
];

const PEPPER: &str = "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

const ID: &str = "test-key";

/// The pair with which the tests sign as GitHub does.
fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn published(keys: &[(&str, &SigningKey)]) -> GithubKeys {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(id, key)| {
            let key = PublicKey::from(key.verifying_key());
            let pem = key.to_public_key_pem(LineEnding::LF).unwrap();
            json!({ "key_identifier": id, "key": pem, "is_current": true })
        })
        .collect();
    GithubKeys::from_json(json!({ "public_keys": keys }).to_string().as_bytes()).unwrap()
}

fn headers(identifier: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Github-Public-Key-Identifier", identifier.parse().unwrap());
    headers.insert("Github-Public-Key-Signature", signature.parse().unwrap());
    headers
}

fn sign(key: &SigningKey, body: &[u8]) -> HeaderMap {
    let signature: Signature = key.sign(body);
    headers(ID, &STANDARD.encode(signature.to_der()))
}

fn message<'a>(tokens: impl IntoIterator<Item = &'a str>) -> String {
    let alert = |token: &str| {
        json!({
            "token": token, "type": "ringyo_api_key", "source": "content",
            "url": format!("https://github.com/octocat/app/blob/1234/{token}.txt"),
        })
    };
    tokens.into_iter().map(alert).collect::<Value>().to_string()
}

/// A service with an account, and a receiver that takes what `signing_key(1)` signs.
struct Setting {
    ringyo: Ringyo,
    alerts: GithubAlerts,
    github: SigningKey,
}

async fn setting() -> Setting {
    let pepper = Pepper::generate(PepperId::new(1));
    let builder = Ringyo::builder(Preset::ringyo(), pepper).store(MemoryStore::new());
    let ringyo = builder.build().await.unwrap();
    ringyo.accounts().create("acct_1", "agency").await.unwrap();
    let github = signing_key(1);
    Setting {
        ringyo,
        alerts: GithubAlerts::new(published(&[(ID, &github)])),
        github,
    }
}

impl Setting {
    async fn issue(&self) -> IssuedKey {
        issue(&self.ringyo).await
    }

    async fn receive(&self, headers: &HeaderMap, body: &str) -> Result<Received, AlertError> {
        let manager = manager(&self.ringyo);
        self.alerts
            .receive(&manager, headers, body.as_bytes())
            .await
    }

    async fn status(&self, key: &IssuedKey) -> KeyStatus {
        self.ringyo.keys().find(key.record.id).await.unwrap().status
    }
}

async fn issue(ringyo: &Ringyo) -> IssuedKey {
    let new = NewKey::live("acct_1", "Server").scopes(["*"]);
    ringyo.keys().issue(new).await.unwrap()
}

fn manager(ringyo: &Ringyo) -> KeyManager {
    let github = Actor::operator("github-secret-scanning");
    ringyo.keys().acting_as(github)
}

#[test]
fn the_samples_of_the_documentation_are_verified() {
    let alerts = GithubAlerts::new(GithubKeys::from_json(PUBLISHED.as_bytes()).unwrap());
    for (identifier, signature, body) in SAMPLES {
        let found = alerts
            .verify(&headers(identifier, signature), body.as_bytes())
            .unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&*found[0].token, &*found[0].kind),
            ("some_token", "some_type")
        );

        // The controls: any byte of the body, and any of the signature.
        for position in 0..body.len() {
            let mut changed = body.as_bytes().to_vec();
            changed[position] ^= 1;
            let refused = alerts.verify(&headers(identifier, signature), &changed);
            assert!(matches!(refused, Err(AlertError::Signature)), "{position}");
        }
        let der = STANDARD.decode(signature).unwrap();
        for position in 0..der.len() {
            let mut changed = der.clone();
            changed[position] ^= 1;
            let changed = headers(identifier, &STANDARD.encode(changed));
            let refused = alerts.verify(&changed, body.as_bytes());
            assert!(matches!(refused, Err(AlertError::Signature)), "{position}");
        }
    }
    // One sample under the key of the other.
    let (_, signature, body) = SAMPLES[0];
    let swapped = headers(SAMPLES[1].0, signature);
    let refused = alerts.verify(&swapped, body.as_bytes());
    assert!(matches!(refused, Err(AlertError::Signature)), "{refused:?}");
}

#[tokio::test]
async fn keys_of_ours_are_revoked_and_github_hears_which_they_were() {
    let setting = setting().await;
    let (one, two, kept) = (
        setting.issue().await,
        setting.issue().await,
        setting.issue().await,
    );
    let (start, last) = two.key.expose().split_at(63);
    let mistyped = format!("{start}{}", if last == "0" { "1" } else { "0" });
    let tokens = [
        one.key.expose(),
        "ghp_something",
        two.key.expose(),
        &mistyped,
        one.key.expose(),
    ];
    let body = message(tokens);
    let signed = sign(&setting.github, body.as_bytes());
    let received = setting.receive(&signed, &body);
    let received = received.await.unwrap();

    let ours: Vec<_> = received
        .leaked
        .iter()
        .map(|leaked| (leaked.record.id, leaked.response))
        .collect();
    use LeakResponse::{AlreadyDone, Revoked};
    let (first, second) = (one.record.id, two.record.id);
    assert_eq!(
        ours,
        [(first, Revoked), (second, Revoked), (first, AlreadyDone)]
    );
    for (key, status) in [
        (&one, KeyStatus::Revoked),
        (&two, KeyStatus::Revoked),
        (&kept, KeyStatus::Active),
    ] {
        assert_eq!(setting.status(key).await, status);
    }

    let feedback: Value = serde_json::from_str(&received.feedback.to_json()).unwrap();
    let labels: Vec<&str> = feedback
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            assert_eq!(entry["token_type"], "ringyo_api_key");
            let keys: HashSet<&str> = entry
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(keys, HashSet::from(["token_hash", "token_type", "label"]));
            entry["label"].as_str().unwrap()
        })
        .collect();
    let (real, not_real) = ("true_positive", "false_positive");
    assert_eq!(labels, [real, not_real, real, not_real, real]);
    // By `printf ghp_something | sha256sum`.
    let hash = "18677361083afa906e2aae987cffc8d7c05b5517b8b28792ede48686a029f9b3";
    assert_eq!(feedback[1]["token_hash"], hash);

    // What is kept and said of it holds no key.
    let events = setting
        .ringyo
        .keys()
        .events(first, None, PageSize::DEFAULT)
        .await
        .unwrap();
    let leak = &events.items[0].entry;
    assert_eq!(leak.kind, EventKind::KeyLeaked);
    assert_eq!(leak.actor, "operator:github-secret-scanning");
    assert_eq!(
        leak.detail,
        "revoked; found at content https://github.com/octocat/app/blob/1234/….txt"
    );
    let shown = format!(
        "{received:?} {events:?} {:?}",
        setting.alerts.verify(&signed, body.as_bytes())
    );
    for key in [&one, &two] {
        let secret = &key.key.expose()[20..52];
        assert!(body.contains(secret), "the control");
        assert!(!shown.contains(secret), "{shown}");
        assert!(!received.feedback.to_json().contains(secret));
    }
}

#[tokio::test]
async fn a_message_that_comes_again_changes_nothing() {
    let setting = setting().await;
    let key = setting.issue().await;
    let body = message([key.key.expose()]);
    let signed = sign(&setting.github, body.as_bytes());
    let mut answers = Vec::new();
    let mut revisions = HashSet::new();
    for expected in [
        LeakResponse::Revoked,
        LeakResponse::AlreadyDone,
        LeakResponse::AlreadyDone,
    ] {
        let received = setting.receive(&signed, &body);
        let received = received.await.unwrap();
        assert_eq!(received.leaked[0].response, expected);
        assert_eq!(
            received.feedback.labels().collect::<Vec<_>>(),
            [Label::TruePositive]
        );
        answers.push(received.feedback.to_json());
        revisions.insert(received.leaked[0].record.revision);
    }
    assert_eq!(answers[0], answers[2]);
    assert_eq!(revisions.len(), 1);
}

#[tokio::test]
async fn who_cannot_sign_revokes_nothing() {
    let setting = setting().await;
    let key = setting.issue().await;
    let body = message([key.key.expose()]);
    let good = sign(&setting.github, body.as_bytes());
    let without = |name: &str| {
        let mut headers = good.clone();
        headers.remove(name);
        headers
    };
    let with = |name: &'static str, value: &str| {
        let mut headers = good.clone();
        headers.insert(name, value.parse().unwrap());
        headers
    };
    let mut twice = good.clone();
    let signature = good["github-public-key-signature"].clone();
    twice.append("github-public-key-signature", signature.clone());
    let raw: Signature = setting.github.sign(body.as_bytes());
    let refused = [
        ("no header", HeaderMap::new()),
        ("no identifier", without("github-public-key-identifier")),
        ("no signature", without("github-public-key-signature")),
        ("two signatures", twice),
        (
            "another identifier",
            with("github-public-key-identifier", "test-kez"),
        ),
        (
            "no identifier in it",
            with("github-public-key-identifier", ""),
        ),
        ("another key", sign(&signing_key(2), body.as_bytes())),
        (
            "a signature of something else",
            sign(&setting.github, b"[]"),
        ),
        ("no base64", with("github-public-key-signature", "*")),
        ("nothing", with("github-public-key-signature", "")),
        (
            "no DER",
            with(
                "github-public-key-signature",
                &STANDARD.encode(raw.to_bytes()),
            ),
        ),
        // r = 0 and s = 0, which a verifier that does not look would take for anything.
        ("zeros", with("github-public-key-signature", "MAYCAQACAQA=")),
    ];
    for (what, headers) in &refused {
        let answer = setting.receive(headers, &body);
        let error = answer.await.unwrap_err();
        assert_eq!(error.status(), StatusCode::FORBIDDEN, "{what}: {error}");
        assert_eq!(setting.status(&key).await, KeyStatus::Active, "{what}");
    }
    for changed in [
        body.replace("content", "conTent"),
        format!("{body} "),
        format!(" {body}"),
    ] {
        let answer = setting.receive(&good, &changed);
        assert!(
            matches!(answer.await, Err(AlertError::Signature)),
            "{changed}"
        );
        assert_eq!(setting.status(&key).await, KeyStatus::Active);
    }

    // The control: what it was all made from.
    let answer = setting.receive(&good, &body);
    assert_eq!(answer.await.unwrap().leaked.len(), 1);
    assert_eq!(setting.status(&key).await, KeyStatus::Revoked);
}

#[tokio::test]
async fn keys_are_replaced_in_every_handle() {
    let setting = setting().await;
    let key = setting.issue().await;
    let body = message([key.key.expose()]);
    let (alerts, next) = (setting.alerts.clone(), signing_key(3));
    let signed = sign(&next, body.as_bytes());
    let refused = alerts.verify(&signed, body.as_bytes());
    assert!(matches!(refused, Err(AlertError::Signature)), "{refused:?}");
    setting.alerts.replace_keys(published(&[(ID, &next)]));
    assert_eq!(alerts.verify(&signed, body.as_bytes()).unwrap().len(), 1);
    // And those from before are none any more.
    let before = sign(&setting.github, body.as_bytes());
    assert!(alerts.verify(&before, body.as_bytes()).is_err());
    setting.alerts.replace_keys(published(&[("other", &next)]));
    let refused = alerts.verify(&signed, body.as_bytes());
    assert!(
        matches!(refused, Err(AlertError::UnknownKey)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_message_has_bounds_and_a_form() {
    let setting = setting().await;
    let verify = |body: &str| {
        let alerts = setting
            .alerts
            .verify(&sign(&setting.github, body.as_bytes()), body.as_bytes());
        alerts
            .map(|alerts| alerts.len())
            .map_err(|error| error.status())
    };
    let many = |count: usize| {
        let alerts = vec![r#"{"token":"","type":""}"#; count].join(",");
        format!("[{alerts}]")
    };
    assert_eq!(
        verify(&many(GithubAlerts::MAX_ALERTS)),
        Ok(GithubAlerts::MAX_ALERTS)
    );
    let too_much = Err(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(verify(&many(GithubAlerts::MAX_ALERTS + 1)), too_much);
    let long = |length: usize| format!("[]{}", " ".repeat(length - 2));
    assert_eq!(verify(&long(GithubAlerts::MAX_BODY)), Ok(0));
    assert_eq!(verify(&long(GithubAlerts::MAX_BODY + 1)), too_much);

    // What GitHub may add is passed over, and texts may be escaped.
    let more = r#"[{"token":"\u0061","type":"t","url":null,"new":{"a":[1]}}]"#;
    assert_eq!(verify(&more.replace("null", "\"\"")), Ok(1));
    for bad in [
        "",
        "{}",
        "null",
        "[1]",
        "[{}]",
        "[null]",
        more,
        "[]]",
        "[",
        "[{\"token\":1,\"type\":\"\"}]",
        &"[".repeat(100_000),
    ] {
        assert_eq!(
            verify(bad),
            Err(StatusCode::BAD_REQUEST),
            "{}",
            &bad[..bad.len().min(40)]
        );
    }
}

#[test]
fn keys_that_cannot_be_read_are_no_keys() {
    let read = |text: &str| GithubKeys::from_json(text.as_bytes()).map(|_| ());
    assert_eq!(read(PUBLISHED), Ok(()));
    for text in ["", "[]", "{}", r#"{"message":"API rate limit exceeded"}"#] {
        assert_eq!(read(text), Err(KeysError::Malformed), "{text}");
    }
    assert_eq!(read(r#"{"public_keys":[]}"#), Err(KeysError::None));
    // A point that is not on the curve.
    let off = PUBLISHED
        .replace("E9MJJ", "E9MJK")
        .replace("EYAGM", "EYAGN");
    assert_eq!(read(&off), Err(KeysError::None));
    // One of another kind does not keep those from being read that are beside it.
    let one = PUBLISHED.replace("E9MJJ", "E9MJK");
    assert_eq!(read(&one), Ok(()));
}

#[tokio::test]
async fn a_flagging_receiver_lets_keys_work_on() {
    let setting = setting().await;
    let key = setting.issue().await;
    let body = message([key.key.expose()]);
    let alerts = setting.alerts.clone().policy(LeakPolicy::Flag);
    let signed = sign(&setting.github, body.as_bytes());
    let received = alerts
        .receive(&manager(&setting.ringyo), &signed, body.as_bytes())
        .await
        .unwrap();
    assert_eq!(received.leaked[0].response, LeakResponse::Flagged);
    let credential = Credential::key(key.key.expose());
    setting.ringyo.authenticate(credential).await.unwrap();
}

/// The store goes away while a message is worked on; when it is back, the same message ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_on_the_way_is_no_feedback_and_the_rest_can_follow() {
    const KEYS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let start = async || {
        let store = SqliteStore::open(&path).await.unwrap();
        let builder = Ringyo::builder(Preset::ringyo(), PepperRing::parse(PEPPER).unwrap());
        (builder.store(store.clone()).build().await.unwrap(), store)
    };
    let (ringyo, store) = start().await;
    ringyo.accounts().create("acct_1", "agency").await.unwrap();
    let mut keys = Vec::new();
    for _ in 0..KEYS {
        keys.push(issue(&ringyo).await);
    }
    let body = message(keys.iter().map(|key| key.key.expose()));
    let github = signing_key(1);
    let signed = sign(&github, body.as_bytes());
    let alerts = GithubAlerts::new(published(&[(ID, &github)]));

    let receiving = {
        let (alerts, manager) = (alerts.clone(), manager(&ringyo));
        let (signed, body) = (signed.clone(), body.clone());
        tokio::spawn(async move { alerts.receive(&manager, &signed, body.as_bytes()).await })
    };
    while ringyo.keys().find(keys[0].record.id).await.unwrap().status != KeyStatus::Revoked {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    store.close().await.unwrap();
    let error = receiving.await.unwrap().unwrap_err();
    assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
    let AlertError::Interrupted { leaked, .. } = error else {
        panic!("{error:?}");
    };
    assert!((1..KEYS).contains(&leaked.len()), "{}", leaked.len());

    let (ringyo, store) = start().await;
    let manager = manager(&ringyo);
    let received = alerts
        .receive(&manager, &signed, body.as_bytes())
        .await
        .unwrap();
    let done = received
        .leaked
        .iter()
        .filter(|key| key.response == LeakResponse::AlreadyDone);
    // One may have been written and not been answered.
    let done = done.count();
    assert!(done == leaked.len() || done == leaked.len() + 1, "{done}");
    assert_eq!(received.leaked.len(), KEYS);
    assert!(
        received
            .leaked
            .iter()
            .all(|key| key.record.status == KeyStatus::Revoked)
    );
    store.close().await.unwrap();
}
