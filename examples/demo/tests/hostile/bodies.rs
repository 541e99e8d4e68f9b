//! Bodies that are not what they should be: refused in the form that is documented, or kept as they
//! are; never a failure, never silence, and afterwards all is as before.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use naughty_strings::BLNS;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::endpoints::{Endpoint, Things, endpoints};
use crate::site::{Answer, Site, Tenant};

/// What was sent and what came of it.
#[derive(Debug, Default)]
struct Report {
    sent: usize,
    refused: usize,
    kept: usize,
    faults: Vec<String>,
}

/// Somebody who sends, and what they may send to.
struct Sender<'s> {
    site: &'s Site,
    tenant: Tenant,
    things: Things,
    report: Report,
}

impl Sender<'_> {
    async fn send(&mut self, endpoint: &Endpoint, body: Vec<u8>) -> Option<Answer> {
        let key = &self.things.keys[0];
        let (method, path) = self.things.request(endpoint.operation, key);
        self.report.sent += 1;
        let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let is_far_too_large = body.len() > FAR_TOO_LARGE;
        let answer = match self
            .site
            .send_bytes(&self.tenant, &method, &path, body)
            .await
        {
            Ok(answer) => answer,
            Err(_) if is_far_too_large => {
                self.report.refused += 1;
                return None;
            }
            Err(error) => {
                self.fault(endpoint, &format!("no answer to {start}: {error}"));
                return None;
            }
        };
        if answer.is_problem() {
            self.report.refused += 1;
        } else if !answer.is_success() {
            self.fault(endpoint, &format!("{start}: {answer:?}"));
        }
        if answer.is_success() && path.ends_with("/regenerate") {
            answer.data()["id"]
                .as_str()
                .unwrap()
                .clone_into(&mut self.things.keys[0]);
        }
        Some(answer)
    }

    fn fault(&mut self, endpoint: &Endpoint, what: &str) {
        self.report
            .faults
            .push(format!("{}: {what}", endpoint.operation));
    }

    /// What must not be taken.
    async fn refused(&mut self, endpoint: &Endpoint, body: Vec<u8>) {
        let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        if let Some(answer) = self.send(endpoint, body).await
            && answer.is_success()
        {
            self.fault(endpoint, &format!("has taken {start}"));
        }
    }

    /// The body with this in the place of a field: refused, or shown as it was sent.
    async fn with(&mut self, endpoint: &Endpoint, name: &str, value: Value) {
        let mut body = endpoint.good.clone();
        let fields = match &mut body {
            Value::Array(list) => &mut list[0],
            object => object,
        };
        fields[name] = value.clone();
        let bytes = serde_json::to_vec(&body).unwrap();
        let Some(answer) = self.send(endpoint, bytes).await else {
            return;
        };
        if !answer.is_success() {
            return;
        }
        self.report.kept += 1;
        if !endpoint.shown.contains(&name) || value.is_null() {
            return;
        }
        let shown = &answer.data()[name];
        let is_same = match (value.as_str(), shown.as_str()) {
            // White space around is no part of a name, and nothing at all takes one away.
            (Some(sent), Some(shown)) => shown == sent || shown == sent.trim(),
            (Some(sent), None) => shown.is_null() && sent.trim().is_empty(),
            _ => *shown == value,
        };
        if !is_same {
            self.fault(endpoint, &format!("{name} was {value}, and is {shown}"));
        }
        // What was answered is what is kept.
        let lists = ["/v1/agents", "/v1/webhooks", "/v1/phone-numbers"];
        let list = lists
            .iter()
            .find(|list| endpoint.operation.contains(**list));
        if let (Some(id), Some(list)) = (answer.data()["id"].as_str(), list) {
            let path = format!("{list}/{id}");
            let kept = self
                .site
                .send(&self.tenant, &Method::GET, &path, &Value::Null)
                .await;
            if kept.data() != answer.data() {
                self.fault(endpoint, &format!("kept is {}", kept.text));
            }
        }
    }
}

/// From here on the service need not read to the end: it may close the connection on who still sends,
/// and its answer may be lost with it (RFC 9112 §9.6).
const FAR_TOO_LARGE: usize = 1 << 20;

/// What is no JSON, or far too much.
fn no_bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "{",
        "[",
        "]",
        "nul",
        "{]",
        "{\"name\"}",
        "{\"name\":}",
        "{'name':'A'}",
        "{name:1}",
        "{\"name\":\"A\",}",
        "{\"name\":\"A\"} {}",
        "{\"name\":\"A\"}//",
        "/**/{}",
        "NaN",
        "{\"name\":1e999}",
        "{\"name\":01}",
        "{\"name\":+1}",
        "{\"name\":\"\\x41\"}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"\\udc00\\ud800\"}",
        "{\"name\":\"a\nb\"}",
        "\u{feff}{\"name\":\"A\"}",
        "name=A&mode=live",
        "<name>A</name>",
        "\0",
        "--- name: A",
        "\"text\"",
        "1",
        "true",
        "-0.0",
        "[[]]",
        "[1]",
        "[null]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    bodies.extend([
        b"{\"name\":\"\xff\xfe\"}".to_vec(),
        b"{\"name\":\"\xc0\xaf\"}".to_vec(),
        b"{\"name\":\"\xed\xa0\x80\"}".to_vec(),
        "[".repeat(60_000).into_bytes(),
        "{\"name\":".repeat(8_000).into_bytes(),
        format!("{{\"name\":{}1{}}}", "[".repeat(30_000), "]".repeat(30_000)).into_bytes(),
        vec![b' '; 66_000],
        format!("{{\"name\":\"{}\"}}", "a".repeat(66_000)).into_bytes(),
        vec![b' '; 2 * FAR_TOO_LARGE],
        format!("{{\"name\":\"{}\"}}", "a".repeat(2 * FAR_TOO_LARGE)).into_bytes(),
        format!("{{\"name\":{}}}", "9".repeat(60_000)).into_bytes(),
    ]);
    bodies
}

/// Of each type, and what is at the edge of one.
fn values() -> Vec<Value> {
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!(" "),
        json!("\0"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!([{}]),
        json!([""]),
        json!([1]),
        json!({ "name": "A" }),
        json!(vec!["agents"; 101]),
        json!(["x".repeat(60_000)]),
        json!("x".repeat(60_000)),
        nested,
    ]
}

/// Sends all of it to every endpoint whose name begins like that.
async fn send_everything(site: &Site, to: &str) -> Report {
    let tenant = site.tenant("acct_agency").await;
    let things = Things::of(site, &tenant).await;
    let rows = endpoints(&things);
    let mut sender = Sender {
        site,
        tenant,
        things,
        report: Report::default(),
    };
    for endpoint in rows.iter().filter(|row| row.operation.starts_with(to)) {
        for body in no_bodies() {
            sender.refused(endpoint, body).await;
        }
        let first = endpoint
            .good
            .as_array()
            .map_or(&endpoint.good, |list| &list[0]);
        let fields: Map<String, Value> = first.as_object().unwrap().clone();
        for name in fields.keys() {
            for value in values() {
                sender.with(endpoint, name, value).await;
            }
            // The same field once more: with the same value, and with another.
            let once = serde_json::to_string(&fields).unwrap();
            for value in [&fields[name], &json!("other")] {
                let twice = format!("{},{name:?}:{value}}}", once.trim_end_matches('}'));
                let twice = match endpoint.good.is_array() {
                    true => format!("[{twice}]"),
                    false => twice,
                };
                sender.refused(endpoint, twice.into_bytes()).await;
            }
            for text in BLNS {
                sender.with(endpoint, name, json!(text)).await;
            }
        }
        if endpoint.good.is_object() {
            let unknown = BLNS.iter().map(|text| ((*text).to_owned(), json!(1)));
            let unknown: Map<String, Value> = fields.into_iter().chain(unknown).collect();
            sender
                .refused(endpoint, serde_json::to_vec(&unknown).unwrap())
                .await;
        }
        // All is as before.
        let good = serde_json::to_vec(&endpoint.good).unwrap();
        let answer = sender.send(endpoint, good).await;
        if !answer.is_some_and(|answer| answer.is_success()) {
            sender.fault(endpoint, "does not take a good body any more");
        }
    }
    sender.report
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_refused_or_kept_as_it_is() {
    let site = Site::start(|router| router).await;
    let report = send_everything(&site, "").await;
    assert_eq!(report.faults, Vec::<String>::new());
    let Report {
        sent,
        refused,
        kept,
        ..
    } = report;
    assert!(
        sent > 15_000 && refused > 5_000 && kept > 2_000,
        "{sent} {refused} {kept}"
    );
    println!("{sent} bodies: {refused} refused, {kept} kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_that_takes_a_body_is_here() {
    let site = Site::start(|router| router).await;
    let things = Things::of(&site, &site.tenant("acct_agency").await).await;
    let rows = endpoints(&things);
    let rows: BTreeSet<String> = rows.iter().map(|row| row.operation.to_owned()).collect();
    let operations = site.operations().await.into_iter();
    let takes: BTreeSet<String> = operations
        .filter(|(_, said)| said.get("requestBody").is_some())
        .map(|(operation, _)| operation)
        .collect();
    assert_eq!(rows, takes);
}

/// Each of these is a fault of another kind, and none is in the demo.
async fn spoil(request: Request, next: Next) -> Response {
    let is_webhooks = request.uri().path() == "/v1/webhooks";
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let has = |part: &str| text.contains(part);
    if has("1;DROP TABLE") {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if has("{'name'") {
        return (StatusCode::BAD_REQUEST, "Failed to parse").into_response();
    }
    // Of two the last counts, as it is with many readers.
    let body = match serde_json::from_slice::<Value>(&body) {
        Ok(value) if is_webhooks => Body::from(value.to_string()),
        Ok(Value::Object(mut fields)) if has("Ω≈ç√") => {
            for value in fields.values_mut() {
                if let Some(text) = value.as_str() {
                    *value = json!(text.replace('Ω', "?"));
                }
            }
            Body::from(Value::Object(fields).to_string())
        }
        _ => Body::from(body),
    };
    let mut parts = parts;
    parts.headers.remove("content-length");
    next.run(Request::from_parts(parts, body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_faults_are_found() {
    let site = Site::start(|router: Router| router.layer(from_fn(spoil))).await;
    let faults = send_everything(&site, "POST /v1/").await.faults;
    for expected in [
        "POST /v1/agents: {\"language\":\"en\",\"name\":\"1;DROP TABLE",
        "POST /v1/agents: {'name':'A'}: Answer { status: 400, text: \"Failed to parse\"",
        "POST /v1/agents: name was \"Ω≈ç√",
        "POST /v1/webhooks: has taken {\"events\":",
    ] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(expected)),
            "{expected}\n{faults:#?}"
        );
    }
}
