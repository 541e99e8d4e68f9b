//! The real program in a process of its own, and clients that speak HTTP to it.

#![allow(dead_code, reason = "every test uses its part of it")]

use std::fs::{self, DirEntry, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// A running demo. It is killed when it is dropped.
pub(crate) struct Demo {
    child: Child,
    pub(crate) url: String,
    /// What it printed until it listened.
    pub(crate) introduction: String,
    http: Client,
}

/// Where a demo keeps things.
pub(crate) enum Place<'a> {
    Memory,
    File(&'a Path),
    /// A database that has this address.
    Database(&'a str),
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Somebody who is logged in to the dashboard.
pub(crate) struct Visitor<'d> {
    demo: &'d Demo,
    pub(crate) cookie: String,
}

impl Demo {
    pub(crate) fn start(place: Place<'_>) -> Self {
        Self::start_with(place, &[])
    }

    pub(crate) fn start_with(place: Place<'_>, flags: &[&str]) -> Self {
        Self::start_in(place, flags, &[])
    }

    pub(crate) fn start_in(place: Place<'_>, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = program();
        command.args(flags).envs(variables.iter().copied());
        Self::spawn(command, place)
    }

    /// Starts with a log of everything there is to log.
    pub(crate) fn start_logging(place: Place<'_>, log: &Path) -> Self {
        let mut command = program();
        command
            .env("RUST_LOG", "trace")
            .stderr(File::create(log).unwrap());
        Self::spawn(command, place)
    }

    pub(crate) fn spawn(mut command: Command, place: Place<'_>) -> Self {
        let store = match place {
            Place::Memory => "memory".to_owned(),
            Place::File(path) => format!("sqlite:{}", path.display()),
            Place::Database(address) => address.to_owned(),
        };
        command
            .env("RINGYO_ADDR", "127.0.0.1:0")
            .env("RINGYO_STORE", store)
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut introduction = String::new();
        let url = loop {
            let mut line = String::new();
            assert!(
                out.read_line(&mut line).unwrap() > 0,
                "it ended: {introduction}"
            );
            introduction.push_str(&line);
            if let Some(url) = line.strip_prefix("listening on ") {
                break url.trim().to_owned();
            }
        };
        let redirects = reqwest::redirect::Policy::none();
        Self {
            child,
            url,
            introduction,
            http: Client::builder().redirect(redirects).build().unwrap(),
        }
    }

    /// The key on the printed curl line.
    pub(crate) fn first_key(&self) -> Option<&str> {
        let (_, rest) = self.introduction.split_once("Authorization: Bearer ")?;
        rest.split('\'').next()
    }

    /// Sends SIGTERM and waits.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.child.wait().unwrap()
    }

    pub(crate) fn terminate(&self) {
        send_signal("-TERM", self.child.id());
    }

    /// Sends SIGSTOP: it keeps its connections, and does nothing.
    pub(crate) fn freeze(&self) {
        send_signal("-STOP", self.child.id());
        wait_until_frozen(self.child.id());
    }

    /// Sends SIGCONT: it goes on as if no time had passed.
    pub(crate) fn thaw(&self) {
        send_signal("-CONT", self.child.id());
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends SIGKILL and waits.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A call with a key.
    pub(crate) async fn call(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = self.request(method, path).bearer_auth(key);
        Answer::of(with_body(request, body)).await
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> Answer {
        self.call(key, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: Value) -> Answer {
        self.call(key, Method::POST, path, Some(body)).await
    }

    /// A call to `POST /v1/calls` with an idempotency key.
    pub(crate) async fn place(&self, key: &str, idempotency_key: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, "/v1/calls").bearer_auth(key);
        let request = request.header("Idempotency-Key", idempotency_key);
        Answer::of(request.json(&body)).await
    }

    pub(crate) async fn log_in(&self, account: &str) -> Visitor<'_> {
        let body = serde_json::json!({ "account": account });
        let request = self.request(Method::POST, "/dashboard/login").json(&body);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Visitor {
            demo: self,
            cookie: answer.cookie(),
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap()
    }

    pub(crate) async fn try_of(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let response = request.send().await?;
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text))
    }

    pub(crate) fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    pub(crate) fn code(&self) -> String {
        let json = self.json();
        json["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The names of the fields that were refused.
    pub(crate) fn refused_fields(&self) -> Vec<String> {
        assert_eq!(
            (self.status, self.code().as_str()),
            (422, "invalid_request"),
            "{}",
            self.text
        );
        let json = self.json();
        json["error"]["details"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The cookie that was set, as a client sends it back.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// What stays the same when a request is answered again.
    pub(crate) fn without_request_id(&self) -> (u16, Value) {
        let mut json = self.json();
        json["meta"]["request_id"].take();
        (self.status, json)
    }
}

impl Visitor<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.demo.request(method, &format!("/dashboard{path}"));
        request.header("Cookie", &self.cookie)
    }

    /// What a page of the dashboard would send.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self
            .request(method, path)
            .header("Sec-Fetch-Site", "same-origin");
        Answer::of(with_body(request, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Issues a key; answers its id and the key.
    pub(crate) async fn issue(&self, mode: &str, permissions: &[&str]) -> (String, String) {
        let body = serde_json::json!({
            "name": "A key", "mode": mode, "permissions": permissions,
        });
        let answer = self.post("/api/keys", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let data = answer.data();
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        (text("id"), text("key"))
    }

    pub(crate) async fn credits(&self) -> u64 {
        self.get("/api/account").await.data()["credits"]
            .as_u64()
            .unwrap()
    }
}

/// The program, with nothing from the environment of the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringyo-demo"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RINGYO_") {
            command.env_remove(name);
        }
    }
    // What is set for the whole suite is kept.
    if std::env::var_os("RUST_LOG").is_none() {
        command.env("RUST_LOG", "warn");
    }
    command
}

/// Sends SIGKILL to a process that somebody else waits for.
pub(crate) fn kill(process: u32) {
    send_signal("-KILL", process);
}

/// Waits until SIGSTOP has reached every thread of a process: those that run go on for a moment.
pub(crate) fn wait_until_frozen(process: u32) {
    let is_frozen = |thread: DirEntry| {
        // One that has ended meanwhile is not there on the next look.
        fs::read_to_string(thread.path().join("stat"))
            .is_ok_and(|stat| stat.rsplit_once(") ").unwrap().1.starts_with('T'))
    };
    let threads = || fs::read_dir(format!("/proc/{process}/task")).unwrap();
    while !threads().all(|thread| is_frozen(thread.unwrap())) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn send_signal(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .arg(signal)
        .arg(process.to_string())
        .status();
    assert!(sent.unwrap().success());
}

/// A place for a store in a directory of its own, which goes when the first of the two is dropped.
pub(crate) fn new_place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("demo.db");
    (directory, file)
}

fn with_body(request: RequestBuilder, body: Option<Value>) -> RequestBuilder {
    match body {
        Some(body) => request.json(&body),
        None => request,
    }
}
