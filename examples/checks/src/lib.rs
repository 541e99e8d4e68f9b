//! What every example of a web framework has to answer, asked over HTTP by the tests of each.

mod program;

pub use program::Program;

use reqwest::{Client, Method, Response};
use serde_json::Value;

/// What was not as it has to be.
pub type Surprise = Box<dyn std::error::Error>;

/// More requests than an account on the plan `pro` can have answered within a test.
const MORE_THAN_ALLOWED: usize = 500;

/// One request, and what has to come back.
struct Case<'k> {
    request: (Method, &'static str),
    key: Option<&'k str>,
    status: u16,
    code: Option<&'static str>,
    /// The whole `WWW-Authenticate`.
    challenge: Option<&'static str>,
    has_rate: bool,
}

/// Asks a service at that address for everything that an example shows. The key is a test key of
/// an account on the plan `pro`, with `agents:read` and `calls:create`.
///
/// # Errors
///
/// What was not as it has to be, or was not answered at all.
pub async fn check(url: &str, key: &str) -> Result<(), Surprise> {
    let http = Client::new();
    let (rest, last) = key.split_at(key.len() - 1);
    let wrong = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    let agents = (Method::GET, "/agents");
    let cases = [
        // Nobody is asked for a key here.
        Case::answered((Method::GET, "/healthz"), None),
        Case::refused(agents.clone(), None, 401, "missing_api_key")
            .challenged(r#"Bearer realm="ringyo""#),
        Case::refused(agents.clone(), Some(&wrong), 401, "invalid_api_key")
            .challenged(r#"Bearer realm="ringyo", error="invalid_token""#),
        Case::answered(agents, Some(key)).rated(),
        Case::answered((Method::GET, "/whoami"), Some(key)).rated(),
        Case::refused(
            (Method::DELETE, "/agents/agent_1"),
            Some(key),
            403,
            "insufficient_permissions",
        )
        .challenged(r#"Bearer realm="ringyo", error="insufficient_scope", scope="agents:delete""#)
        .rated(),
        Case::refused(
            (Method::POST, "/calls"),
            Some(key),
            403,
            "live_key_required",
        )
        .challenged(r#"Bearer realm="ringyo""#)
        .rated(),
    ];
    for case in cases {
        let (method, path) = case.request.clone();
        let sent = ask(&http, url, case.request.clone(), case.key).await?;
        case.compare(sent)
            .await
            .map_err(|surprise| format!("{method} {path}: {surprise}"))?;
    }

    for _ in 0..MORE_THAN_ALLOWED {
        let response = ask(&http, url, (Method::GET, "/whoami"), Some(key)).await?;
        if response.status() == 429 {
            let wait: u64 = header(&response, "retry-after").parse()?;
            let remaining = header(&response, "x-ratelimit-remaining").to_owned();
            if wait == 0 || remaining != "0" {
                return Err(format!("429 with {remaining} left, again in {wait} s").into());
            }
            return Ok(());
        }
    }
    Err("there is no limit".into())
}

async fn ask(
    http: &Client,
    url: &str,
    (method, path): (Method, &str),
    key: Option<&str>,
) -> reqwest::Result<Response> {
    let request = http.request(method, format!("{url}{path}"));
    match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    }
    .send()
    .await
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    let value = response.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

impl<'k> Case<'k> {
    fn answered(request: (Method, &'static str), key: Option<&'k str>) -> Self {
        Self {
            request,
            key,
            status: 200,
            code: None,
            challenge: None,
            has_rate: false,
        }
    }

    fn refused(
        request: (Method, &'static str),
        key: Option<&'k str>,
        status: u16,
        code: &'static str,
    ) -> Self {
        Self {
            status,
            code: Some(code),
            ..Self::answered(request, key)
        }
    }

    fn challenged(self, challenge: &'static str) -> Self {
        Self {
            challenge: Some(challenge),
            ..self
        }
    }

    fn rated(self) -> Self {
        Self {
            has_rate: true,
            ..self
        }
    }

    async fn compare(&self, response: Response) -> Result<(), Surprise> {
        if response.status() != self.status {
            return Err(format!("{} instead of {}", response.status(), self.status).into());
        }
        let challenge = header(&response, "www-authenticate");
        if challenge != self.challenge.unwrap_or_default() {
            return Err(format!("`WWW-Authenticate: {challenge}`").into());
        }
        // All of them or none.
        for (name, expected) in [
            ("x-ratelimit-limit", "60"),
            ("ratelimit-policy", r#""account";q=60;w=60"#),
        ] {
            let value = header(&response, name);
            if value != if self.has_rate { expected } else { "" } {
                return Err(format!("`{name}: {value}`").into());
            }
        }
        let id = header(&response, "x-request-id").to_owned();
        if let Some(code) = self.code {
            let body: Value = response.json().await?;
            if body["error"]["code"] != code || body["meta"]["request_id"] != *id {
                return Err(format!("{body}").into());
            }
        }
        Ok(())
    }
}
