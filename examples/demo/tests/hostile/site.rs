//! The whole service with plans that nobody comes to the end of, and clients of it.

use std::fs;
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Parser as _;
use p256::PublicKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use reqwest::{Client, Method};
use ringyo::{Plan, Preset, Quota};
use ringyo_demo::{Config, Service};
use serde_json::{Value, json};
use tempfile::TempDir;

/// After that long a request hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A demo that runs for as long as its test.
pub(crate) struct Site {
    url: String,
    http: Client,
    github: SigningKey,
    _place: TempDir,
}

/// Somebody of an account: with a session, and with a live key that may do everything.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) cookie: String,
    pub(crate) key: String,
}

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Site {
    /// Starts one, with this around all of its routes.
    pub(crate) async fn start(wrap: impl FnOnce(Router) -> Router) -> Self {
        let place = tempfile::tempdir().unwrap();
        let github = SigningKey::from_slice(&[1; 32]).unwrap();
        let pem = PublicKey::from(github.verifying_key()).to_public_key_pem(LineEnding::LF);
        let keys = json!({ "public_keys": [{ "key_identifier": "1", "key": pem.unwrap() }] });
        let file = place.path().join("github.json");
        fs::write(&file, keys.to_string()).unwrap();
        let store = format!("sqlite:{}", place.path().join("demo.db").display());
        let arguments = ["demo", "--addr", "127.0.0.1:0", "--store", &store];
        let arguments = arguments
            .into_iter()
            .chain(["--github-keys", file.to_str().unwrap()]);
        let config = Config::try_parse_from(arguments).unwrap();
        let service = Service::start_with(config, generous())
            .await
            .unwrap()
            .wrapped(wrap);
        let url = format!("http://{}", service.addr());
        // It ends with the runtime of the test.
        tokio::spawn(service.serve(std::future::pending()));
        Self {
            url,
            http: Client::builder().timeout(PATIENCE).build().unwrap(),
            github,
            _place: place,
        }
    }

    /// Logs in, and makes a key.
    pub(crate) async fn tenant(&self, account: &str) -> Tenant {
        let login = self.http.post(format!("{}/dashboard/login", self.url));
        let login = login
            .json(&json!({ "account": account }))
            .send()
            .await
            .unwrap();
        let cookie = login.headers()["set-cookie"].to_str().unwrap();
        let mut tenant = Tenant {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            key: String::new(),
        };
        let body = json!({ "name": "All", "mode": "live", "permissions": ["*"] });
        let issued = self
            .send(&tenant, &Method::POST, "/dashboard/api/keys", &body)
            .await;
        issued.data()["key"]
            .as_str()
            .unwrap()
            .clone_into(&mut tenant.key);
        tenant
    }

    pub(crate) async fn send(
        &self,
        tenant: &Tenant,
        method: &Method,
        path: &str,
        body: &Value,
    ) -> Answer {
        let bytes = match body {
            Value::Null => Vec::new(),
            body => serde_json::to_vec(body).unwrap(),
        };
        self.send_bytes(tenant, method, path, bytes).await.unwrap()
    }

    /// With all that each route asks for: a key, a session, a signature. An error is a request that
    /// was not answered.
    pub(crate) async fn send_bytes(
        &self,
        tenant: &Tenant,
        method: &Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json");
        let request = if path.starts_with("/integrations/") {
            let signature: Signature = self.github.sign(&body);
            request.header("github-public-key-identifier", "1").header(
                "github-public-key-signature",
                BASE64_STANDARD.encode(signature.to_der()),
            )
        } else if path.starts_with("/dashboard/") {
            request
                .header("cookie", &tenant.cookie)
                .header("sec-fetch-site", "same-origin")
        } else {
            request.bearer_auth(&tenant.key)
        };
        let response = request.body(body).send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            text: response.text().await?,
        })
    }

    /// The operations of the document, as `POST /v1/agents`, each with what is said of it.
    pub(crate) async fn operations(&self) -> Vec<(String, Value)> {
        let document = self
            .http
            .get(format!("{}/openapi.json", self.url))
            .send()
            .await;
        let document: Value = document.unwrap().json().await.unwrap();
        let paths = document["paths"].as_object().unwrap().clone();
        let of_path = |(path, methods): (String, Value)| {
            let methods = methods.as_object().unwrap().clone();
            let named = move |(method, said): (String, Value)| {
                (format!("{} {path}", method.to_uppercase()), said)
            };
            methods.into_iter().map(named).collect::<Vec<_>>()
        };
        paths.into_iter().flat_map(of_path).collect()
    }
}

impl Answer {
    pub(crate) fn data(&self) -> Value {
        let mut json: Value = serde_json::from_str(&self.text).unwrap_or_default();
        json["data"].take()
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is a refusal in the form that is documented.
    pub(crate) fn is_problem(&self) -> bool {
        let json: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let is_text = |place: &str| json.pointer(place).is_some_and(Value::is_string);
        (400..500).contains(&self.status)
            && ["/error/code", "/error/message", "/meta/request_id"]
                .iter()
                .all(|at| is_text(at))
    }

    /// What is the same for two refusals of one kind.
    pub(crate) fn without_request_id(&self) -> (u16, Value) {
        let mut json: Value = serde_json::from_str(&self.text).unwrap_or_default();
        if let Some(id) = json.pointer_mut("/meta/request_id") {
            id.take();
        }
        (self.status, json)
    }
}

fn generous() -> Preset {
    let plenty = Quota::per_minute(1_000_000);
    let plans = ["pro", "agency"].map(|name| Plan::limited(name, plenty));
    Preset {
        plans: plans
            .into_iter()
            .chain([Plan::without_api("starter")])
            .collect(),
        ..Preset::ringyo()
    }
}
