//! Clients that know nothing of ringyo get through a refusal by the retry policy that they come
//! with, because they are told how long to wait in words that they understand.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod service;

use std::process::{Command, Output};
use std::time::Duration;

use ringyo::Quota;
use service::Service;
use typespec_client_core::http::policies::RetryHeaders;
use typespec_client_core::http::{
    ClientOptions, Context, Method, Pipeline, PipelineOptions, Request,
};
use xtask::python::Python;
use xtask::servers::for_tests;

/// One request in 3 seconds: longer than what a client waits that was told nothing, a second at
/// first. Whoever guesses runs into more refusals than one.
const PERIOD: Duration = Duration::from_secs(3);

const ONE_REFUSAL: [u16; 3] = [200, 429, 200];

async fn unspent() -> Service {
    Service::start(Quota::try_per(1, PERIOD).unwrap()).await
}

/// A service whose only request of the next 3 seconds has been spent.
async fn spent() -> Service {
    let service = unspent().await;
    let first = reqwest::Client::new()
        .get(format!("{}/v1/agents", service.base))
        .bearer_auth(&service.key);
    assert_eq!(first.send().await.unwrap().status(), 200);
    service
}

/// `typespec_client_core`, which is below the clients of Azure in Rust.
#[tokio::test]
async fn a_rust_client_waits_as_told() {
    let service = spent().await;
    assert_eq!(typespec(&service, PipelineOptions::default()).await, 200);
    assert_eq!(service.statuses(), ONE_REFUSAL);

    // The control: one that looks at no header guesses, and is refused again.
    let service = spent().await;
    let heedless = PipelineOptions {
        retry_headers: RetryHeaders::default(),
        ..PipelineOptions::default()
    };
    typespec(&service, heedless).await;
    assert_eq!(service.statuses()[..3], [200, 429, 429]);
}

/// The status that a GET ends with.
async fn typespec(service: &Service, options: PipelineOptions) -> u16 {
    let client = Pipeline::new(ClientOptions::default(), vec![], vec![], Some(options));
    let url = format!("{}/v1/agents", service.base).parse().unwrap();
    let mut request = Request::new(url, Method::Get);
    request.insert_header("authorization", format!("Bearer {}", service.key));
    let answer = client.send(&Context::new(), &mut request, None).await;
    answer.map_or_else(
        |error| error.http_status().map_or(0, u16::from),
        |answer| u16::from(answer.status()),
    )
}

/// urllib3, which is below most HTTP clients of Python.
#[tokio::test]
async fn a_python_client_waits_as_told() {
    let Some(python) = for_tests::python() else {
        return;
    };
    let service = unspent().await;
    assert_eq!(urllib3(&python, &service, "").await, "200");
    assert_eq!(service.statuses(), ONE_REFUSAL);

    // The control: one that is told not to look at `Retry-After` is refused for good.
    let service = unspent().await;
    let heedless = ", retries=urllib3.Retry(3, respect_retry_after_header=False)";
    assert_eq!(urllib3(&python, &service, heedless).await, "429");
    assert_eq!(service.statuses(), [200, 429]);
}

/// The status that a GET by urllib3 ends with, after one that spends the only request: Python may
/// take long to start.
async fn urllib3(python: &Python, service: &Service, more: &str) -> String {
    let program = format!(
        "import os, urllib3\n\
         url = '{}/v1/agents'\n\
         headers = {{'Authorization': 'Bearer ' + os.environ['RINGYO_API_KEY']}}\n\
         urllib3.request('GET', url, headers=headers)\n\
         print(urllib3.request('GET', url, headers=headers{more}).status)",
        service.base,
    );
    let mut command = Command::new(python.interpreter());
    // The key by the environment: everybody on a machine can read the arguments of a process.
    command
        .args(["-c", &program])
        .env("RINGYO_API_KEY", &service.key);
    let run = tokio::task::spawn_blocking(move || command.output());
    let Output { stdout, stderr, .. } = run.await.unwrap().unwrap();
    assert!(!stdout.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).trim().to_owned()
}
