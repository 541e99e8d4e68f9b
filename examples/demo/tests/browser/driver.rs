//! A Chromium without windows, driven by chromedriver. WebDriver is JSON over HTTP, and this is the
//! part of it that the tests need.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use xtask::servers::debian::CHROMIUM;
use xtask::servers::for_tests;

/// How long something may take to appear. It is that long so that a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a reference to an element is written (WebDriver §12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser at a time, also where the tests of a file share a process.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A browser with a profile of its own.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    http: Client,
    /// Where it keeps what it keeps.
    pub(crate) profile: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// Something on a page.
pub(crate) struct Element<'b> {
    browser: &'b Browser,
    id: String,
}

impl Browser {
    /// Starts one, which is installed if need be. `None` only where the environment says that it
    /// is not to be had, which is said loudly.
    pub(crate) async fn start() -> Option<Self> {
        let alone = ALONE.lock().await;
        if !for_tests::program(&CHROMIUM) {
            return None;
        }
        let [chromium, chromedriver] =
            ["chromium", "chromedriver"].map(|it| CHROMIUM.find(it).unwrap());
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = port(&mut driver);
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            http: Client::new(),
            profile,
            _alone: alone,
        };
        browser.begin(&chromium).await;
        Some(browser)
    }

    async fn begin(&mut self, chromium: &Path) {
        let profile = self.profile.path().display();
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": {
                "binary": chromium,
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                    "--disable-dev-shm-usage", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update",
                    "--disable-sync", "--force-prefers-reduced-motion", "--lang=en-US", "--window-size=1280,900",
                    format!("--user-data-dir={profile}"),
                ],
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let answer = self
            .send(Method::POST, "/session", Some(capabilities))
            .await;
        let answer = answer.unwrap();
        self.session = answer["sessionId"].as_str().unwrap().to_owned();
    }

    /// Ends it, so that all it wants to keep is in its profile.
    pub(crate) async fn quit(mut self) -> TempDir {
        self.command(Method::DELETE, "", None).await;
        self.end();
        std::mem::replace(&mut self.profile, tempfile::tempdir().unwrap())
    }

    pub(crate) async fn open(&self, url: &str) {
        self.command(Method::POST, "/url", Some(json!({ "url": url })))
            .await;
    }

    pub(crate) async fn back(&self) {
        self.command(Method::POST, "/back", Some(json!({}))).await;
    }

    pub(crate) async fn url(&self) -> String {
        let url = self.command(Method::GET, "/url", None).await;
        url.as_str().unwrap().to_owned()
    }

    /// What a function with that body returns, or its promise comes to.
    pub(crate) async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let body = json!({ "script": script, "args": arguments });
        self.command(Method::POST, "/execute/sync", Some(body))
            .await
    }

    /// Waits until a script returns something true.
    pub(crate) async fn until(&self, script: &str) {
        let start = Instant::now();
        while self.run(script, &[]).await != json!(true) {
            let text = self.run("return document.body.innerText", &[]).await;
            assert!(start.elapsed() < PATIENCE, "never: {script}\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for something that can be seen. It is found by a CSS selector.
    pub(crate) async fn find(&self, selector: &str) -> Element<'_> {
        let script = "const found = [...document.querySelectorAll(arguments[0])];
            return found.find((it) => it.checkVisibility({ visibilityProperty: true })) ?? null";
        let start = Instant::now();
        loop {
            let found = self.run(script, &[json!(selector)]).await;
            if let Some(id) = found[ELEMENT].as_str() {
                let id = id.to_owned();
                return Element { browser: self, id };
            }
            let text = self.run("return document.body.innerText", &[]).await;
            assert!(start.elapsed() < PATIENCE, "no {selector} on:\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await;
    }

    /// Picks an option of a select by what it says.
    pub(crate) async fn select(&self, selector: &str, option: &str) {
        let select = self.find(selector).await;
        select.command("/value", json!({ "text": option })).await;
    }

    /// Puts text into a field, in place of what was there.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        field.command("/clear", json!({})).await;
        field.command("/value", json!({ "text": text })).await;
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await
    }

    /// Presses keys one after another, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        let press = |key: char| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        };
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.command(Method::POST, "/actions", Some(body)).await;
    }

    /// What an alert says that comes up, and goes.
    pub(crate) async fn alert(&self) -> String {
        let path = format!("/session/{}/alert/text", self.session);
        let start = Instant::now();
        let text = loop {
            match self.send(Method::GET, &path, None).await {
                Ok(text) => break text,
                Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        self.command(Method::POST, "/alert/accept", Some(json!({})))
            .await;
        text.as_str().unwrap().to_owned()
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.command(Method::POST, "/goog/cdp/execute", Some(body))
            .await
    }

    /// What the console says since it was last asked.
    pub(crate) async fn console(&self) -> Vec<String> {
        let body = json!({ "type": "browser" });
        let entries = self.command(Method::POST, "/se/log", Some(body)).await;
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn command(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let answer = self.send(method, &path, body).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Value> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let is_good = response.status().is_success();
        let mut answer: Value = response.json().await.unwrap();
        match is_good {
            true => Ok(answer["value"].take()),
            false => Err(answer["value"]["message"].take()),
        }
    }

    /// Ends the driver, which ends what it has started.
    fn end(&mut self) {
        let pid = self.driver.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if matches!(self.driver.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A test that failed leaves a browser; the lock in its profile names the process.
        let lock = std::fs::read_link(self.profile.path().join("SingletonLock"));
        let lock = lock.map(|lock| lock.to_string_lossy().into_owned());
        self.end();
        if let Some((_, pid)) = lock.as_deref().unwrap_or_default().rsplit_once('-') {
            let _ = Command::new("kill")
                .args(["-KILL", pid])
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Element<'_> {
    pub(crate) async fn click(&self) {
        self.command("/click", json!({})).await;
    }

    pub(crate) async fn text(&self) -> String {
        let path = format!("/element/{}/text", self.id);
        let text = self.browser.command(Method::GET, &path, None).await;
        text.as_str().unwrap().to_owned()
    }

    async fn command(&self, what: &str, body: Value) {
        let path = format!("/element/{}{what}", self.id);
        self.browser.command(Method::POST, &path, Some(body)).await;
    }
}

/// The port that the driver says it listens on.
fn port(driver: &mut Child) -> u16 {
    let out = BufReader::new(driver.stdout.take().unwrap());
    for line in out.lines().map_while(Result::ok) {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().unwrap();
        }
    }
    panic!("chromedriver has not started");
}
