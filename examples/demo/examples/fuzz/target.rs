//! The demo as it is fuzzed: the whole service on a port of its own, with a SQLite file.

use clap::Parser as _;
use reqwest::{Client, RequestBuilder};
use ringyo::{Plan, Preset, Quota};
use ringyo_demo::{Config, Service, StartError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::holes;
use crate::tally::Tally;

/// Whether the demo is as it is, or has holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    Sound,
    Planted,
}

/// A demo that runs.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// A live key that may do everything. It belongs to another account than the one that the
    /// fuzzer logs in to, so that nothing done on the dashboard takes it away.
    pub(crate) key: String,
    /// Agents of the same account.
    pub(crate) agents: Vec<String>,
    /// Everything that it documents, as `GET /v1/agents`.
    pub(crate) operations: Vec<String>,
    /// Those that have been seen to succeed.
    pub(crate) tally: Tally,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), StartError>>,
    /// Where its file is, for as long as it runs.
    _place: TempDir,
}

impl Target {
    pub(crate) async fn start(soundness: Soundness) -> Result<Self, StartError> {
        let place = tempfile::tempdir()?;
        let store = format!("sqlite:{}", place.path().join("demo.db").display());
        let arguments = ["fuzz", "--addr", "127.0.0.1:0", "--store", &store];
        let service = Service::start_with(Config::try_parse_from(arguments)?, generous()).await?;
        let url = format!("http://{}", service.addr());
        let operations = operations(&url);
        let tally = Tally::default();
        let service = service.wrapped(|router| tally.of(router));
        let service = match soundness {
            Soundness::Sound => service,
            Soundness::Planted => service.wrapped(holes::plant),
        };
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(service.serve(async {
            // When nobody is left to say stop, it is time as well.
            let _ = stopped.await;
        }));

        let key = issue(&url).await?;
        let mut agents = Vec::new();
        for _ in 0..20 {
            let make = Client::new()
                .post(format!("{url}/v1/agents"))
                .bearer_auth(&key);
            agents.push(text(
                &answer(make.json(&json!({ "name": "Anna" }))).await?["id"],
            )?);
        }
        let operations = operations.await?;
        Ok(Self {
            url,
            key,
            agents,
            operations,
            tally,
            stop,
            serving,
            _place: place,
        })
    }

    pub(crate) async fn stop(self) -> Result<(), StartError> {
        // It may have ended already, and then its own error says more.
        let _ = self.stop.send(());
        self.serving.await?
    }
}

/// Ringyo with plans that a fuzzer does not come to the end of, else most answers would be 429.
fn generous() -> Preset {
    let plenty = Quota::per_minute(1_000_000);
    let plans = [
        Plan::without_api("starter"),
        Plan::limited("pro", plenty),
        Plan::limited("agency", plenty),
    ];
    Preset {
        plans: plans.into_iter().collect(),
        ..Preset::ringyo()
    }
}

async fn issue(url: &str) -> Result<String, StartError> {
    let http = Client::new();
    let login = http.post(format!("{url}/dashboard/login"));
    let login = login
        .json(&json!({ "account": "acct_agency" }))
        .send()
        .await?;
    let cookie = login
        .headers()
        .get("set-cookie")
        .ok_or("no cookie was set")?;
    let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
    let issue = http
        .post(format!("{url}/dashboard/api/keys"))
        .header("Cookie", cookie)
        .header("Sec-Fetch-Site", "same-origin")
        .json(&json!({ "name": "Fuzzer", "mode": "live", "permissions": ["*"] }));
    text(&answer(issue).await?["key"])
}

async fn operations(url: &str) -> Result<Vec<String>, StartError> {
    let document: Value = Client::new()
        .get(format!("{url}/openapi.json"))
        .send()
        .await?
        .json()
        .await?;
    let paths = document["paths"]
        .as_object()
        .ok_or("the document has no paths")?;
    let of_path = |(path, methods): (&String, &Value)| -> Vec<String> {
        let methods = methods.as_object().into_iter().flatten();
        methods
            .map(|(method, _)| format!("{} {path}", method.to_uppercase()))
            .collect()
    };
    Ok(paths.into_iter().flat_map(of_path).collect())
}

async fn answer(request: RequestBuilder) -> Result<Value, StartError> {
    let mut answer: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(answer["data"].take())
}

fn text(value: &Value) -> Result<String, StartError> {
    Ok(value.as_str().ok_or("the answer lacks a field")?.to_owned())
}
