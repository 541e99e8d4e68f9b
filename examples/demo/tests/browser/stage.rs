//! A demo on a SQLite file, and somebody who looks at it through a browser.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::Browser;
use crate::service::{Demo, Place, new_place};

pub(crate) struct Stage {
    pub(crate) browser: Browser,
    pub(crate) demo: Demo,
    /// Where it keeps everything.
    pub(crate) file: PathBuf,
    _place: TempDir,
}

impl Stage {
    /// Somebody who has logged in on the page and sees their keys. `None` where there is no browser.
    pub(crate) async fn of(account: &str) -> Option<Self> {
        let browser = Browser::start().await?;
        let (directory, file) = new_place();
        let stage = Self {
            browser,
            demo: Demo::start(Place::File(&file)),
            file,
            _place: directory,
        };
        stage.log_in(account).await;
        Some(stage)
    }

    pub(crate) async fn log_in(&self, account: &str) {
        let Self { browser, demo, .. } = self;
        browser.open(&format!("{}/dashboard/login", demo.url)).await;
        browser.click(&format!("button[value={account}]")).await;
        browser.find("#keys, #empty, #no-access").await;
        assert_eq!(browser.url().await, self.page());
    }

    pub(crate) fn page(&self) -> String {
        format!("{}/dashboard/developers/api-keys", self.demo.url)
    }

    /// Creates a key in the dialog and leaves it on show; answers the key.
    pub(crate) async fn create(&self, name: &str) -> String {
        let browser = &self.browser;
        browser.click("#create").await;
        browser.fill("#new-name", name).await;
        browser.click("[name=permissions][value=agents]").await;
        browser.click("#create-dialog .primary").await;
        self.shown_key().await
    }

    /// The key that is on show.
    pub(crate) async fn shown_key(&self) -> String {
        self.browser
            .until("return document.querySelector('#secret').textContent !== ''")
            .await;
        self.browser.text("#secret").await
    }

    /// Closes what shows a key, and waits until it is in the list.
    pub(crate) async fn done(&self, key: &str) {
        self.browser.click("#secret-dialog [value=cancel]").await;
        self.browser.find(&row(key)).await;
    }

    /// Picks an action from the menu of a key.
    pub(crate) async fn choose(&self, key: &str, action: &str) {
        let row = row(key);
        self.browser.click(&format!("{row} summary")).await;
        let item = format!("{row} [data-do={action}]");
        self.browser.click(&item).await;
    }

    /// The dashboard's JSON, asked for by the page itself.
    pub(crate) async fn events(&self, key: &str) -> Value {
        let script = "return fetch(`/dashboard/api/keys/${arguments[0]}/events`)
            .then((answer) => answer.json()).then((answer) => answer.data)";
        self.browser.run(script, &[json!(id(key))]).await
    }
}

/// The id within a key.
pub(crate) fn id(key: &str) -> &str {
    &key[8..20]
}

/// Where a key is in the list, as a CSS selector.
pub(crate) fn row(key: &str) -> String {
    format!("#keys tr[data-id='{}']", id(key))
}
