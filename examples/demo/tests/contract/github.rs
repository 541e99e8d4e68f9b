//! What GitHub's secret scanning has found, signed by a key of the tests.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::PublicKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Answer, Demo, Place, program};

const PATH: &str = "/integrations/github/secret-scanning";

/// Somebody who signs, and the file that says how to tell.
struct Github {
    key: SigningKey,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Github {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let github = Self {
            key: SigningKey::from_slice(&[1; 32]).unwrap(),
            file: folder.path().join("github.json"),
            _folder: folder,
        };
        github.publish(&github.key);
        github
    }

    fn publish(&self, key: &SigningKey) {
        let pem = PublicKey::from(key.verifying_key());
        let pem = pem.to_public_key_pem(LineEnding::LF).unwrap();
        let keys = json!({ "public_keys": [{ "key_identifier": "1", "key": pem }] });
        // In one step, as who keeps it up to date should: it may be read at any time.
        let next = self.file.with_extension("next");
        fs::write(&next, keys.to_string()).unwrap();
        fs::rename(next, &self.file).unwrap();
    }

    fn start(&self) -> Demo {
        Demo::start_with(
            Place::Memory,
            &["--github-keys", self.file.to_str().unwrap()],
        )
    }
}

fn message(key: &str) -> String {
    json!([
        { "token": key, "type": "demo_key", "source": "commit", "url": "https://example.com/1" },
        { "token": "something", "type": "demo_key", "source": "commit", "url": "" },
    ])
    .to_string()
}

async fn send(demo: &Demo, body: &str, signature: Option<&str>) -> Answer {
    let request = demo.request(Method::POST, PATH).body(body.to_owned());
    let request = request.header("Github-Public-Key-Identifier", "1");
    Answer::of(match signature {
        Some(signature) => request.header("Github-Public-Key-Signature", signature),
        None => request,
    })
    .await
}

fn sign(key: &SigningKey, body: &str) -> String {
    let signature: Signature = key.sign(body.as_bytes());
    STANDARD.encode(signature.to_der())
}

#[tokio::test]
async fn a_key_that_github_has_found_is_revoked_and_its_trail_says_so() {
    let github = Github::new();
    let demo = github.start();
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("test", &["agents:read"]).await;
    let body = message(&key);
    let signature = sign(&github.key, &body);

    // Who cannot sign it revokes nothing.
    let stranger = SigningKey::from_slice(&[2; 32]).unwrap();
    let forged = sign(&stranger, &body);
    for (what, body, signature) in [
        ("no signature", body.clone(), None),
        ("another's", body.clone(), Some(&forged)),
        ("another body", format!("{body} "), Some(&signature)),
    ] {
        let answer = send(&demo, &body, signature.map(String::as_str)).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (403, "bad_signature"),
            "{what}"
        );
        assert_eq!(demo.get(&key, "/v1/agents").await.status, 200, "{what}");
    }

    let answer = send(&demo, &body, Some(&signature)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let labels: Vec<Value> = answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["label"].clone())
        .collect();
    assert_eq!(labels, ["true_positive", "false_positive"]);
    assert!(!answer.text.contains(&key));
    assert_eq!(demo.get(&key, "/v1/agents").await.code(), "api_key_revoked");

    // Again, it is what it was.
    let again = send(&demo, &body, Some(&signature)).await;
    assert_eq!((again.status, again.text), (200, answer.text));
    let events = visitor.get(&format!("/api/keys/{id}/events")).await.json();
    let kinds: Vec<&str> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["key.leaked", "key.issued"]);
    assert_eq!(
        events["data"][0]["actor"],
        "operator:github-secret-scanning"
    );
}

#[tokio::test]
async fn other_keys_of_githubs_are_taken_in_while_it_runs() {
    let github = Github::new();
    let demo = github.start();
    let next = SigningKey::from_slice(&[3; 32]).unwrap();
    let body = message("x");
    let signature = sign(&next, &body);
    assert_eq!(send(&demo, &body, Some(&signature)).await.status, 403);
    github.publish(&next);
    for _ in 0..600 {
        if send(&demo, &body, Some(&signature)).await.status == 200 {
            // What makes no sense does not take them away.
            fs::write(&github.file, "{}").unwrap();
            tokio::time::sleep(Duration::from_secs(6)).await;
            assert_eq!(send(&demo, &body, Some(&signature)).await.status, 200);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the keys were not taken in");
}

#[tokio::test]
async fn it_is_there_and_documented_if_it_is_configured() {
    let github = Github::new();
    let (without, with) = (Demo::start(Place::Memory), github.start());
    for (demo, is_there) in [(&without, false), (&with, true)] {
        let document = Answer::of(demo.request(Method::GET, "/openapi.json"))
            .await
            .json();
        let operation = &document["paths"][PATH]["post"];
        assert_eq!(operation.is_object(), is_there);
        let answer = send(demo, &message("x"), None).await;
        assert_eq!(answer.status, if is_there { 403 } else { 404 });
        if is_there {
            let statuses: Vec<&String> =
                operation["responses"].as_object().unwrap().keys().collect();
            assert_eq!(statuses, ["200", "400", "403", "413", "500", "503"]);
        }
    }
    let signed = async |body: &str| send(&with, body, Some(&sign(&github.key, body))).await;
    // Larger than other bodies may be, and as large as this one may be.
    let padded = |length: usize| format!("[]{}", " ".repeat(length - 2));
    assert_eq!(signed(&padded(1 << 20)).await.status, 200);
    let answer = signed(&padded((1 << 20) + 1)).await;
    assert_eq!((answer.status, &*answer.code()), (413, "payload_too_large"));
    let answer = signed("{}").await;
    assert_eq!((answer.status, &*answer.code()), (400, "invalid_request"));
}

#[test]
fn without_the_file_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("github.json");
    for text in [None, Some("{}"), Some(r#"{"public_keys":[]}"#)] {
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let mut command = program();
        command
            .env("RINGYO_STORE", "memory")
            .env("RINGYO_ADDR", "127.0.0.1:0");
        let output = command.arg("--github-keys").arg(&file).output().unwrap();
        assert!(!output.status.success());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains("the keys of GitHub in"), "{errors}");
    }
}
