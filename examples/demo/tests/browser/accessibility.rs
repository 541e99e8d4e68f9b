//! An audit by axe-core, in both colour schemes, of every page and every dialog.

use reqwest::Method;
use serde_json::{Value, json};

use xtask::axe_core;

use crate::driver::Browser;
use crate::stage::{Stage, row};

/// What axe-core finds wrong with what is shown, by how bad it says that is.
async fn findings(browser: &Browser, axe: &str) -> Vec<(String, String)> {
    browser.run(axe, &[]).await;
    let run = "return axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
        violations.map((it) => [it.impact ?? 'none', `${it.id}: ${it.nodes.map((node) => node.html.slice(0, 160))}`]))";
    serde_json::from_value(browser.run(run, &[]).await).unwrap()
}

async fn audit(browser: &Browser, axe: &str, what: &str) {
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        let found = findings(browser, axe).await;
        assert!(found.is_empty(), "{what}, {scheme}: {found:#?}");
    }
}

#[tokio::test]
async fn nothing_keeps_anybody_out() {
    let Some(axe) = &axe_core::for_tests() else {
        return;
    };
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    audit(browser, axe, "no keys").await;
    browser.click("#create").await;
    browser.click(".choice summary").await;
    browser.click(".more summary").await;
    audit(browser, axe, "create").await;
    browser.click("#create-dialog .primary").await;
    browser.find("#create-dialog [aria-invalid]").await;
    audit(browser, axe, "create, with errors").await;
    browser.click("#create-dialog [value=cancel]").await;

    let key = stage.create("Audited").await;
    audit(browser, axe, "the key itself").await;
    stage.done(&key).await;
    audit(browser, axe, "the list").await;
    browser.click(&format!("{} summary", row(&key))).await;
    audit(browser, axe, "a menu").await;
    browser.press("\u{e00c}").await;
    for action in ["regenerate", "history", "revoke"] {
        stage.choose(&key, action).await;
        audit(browser, axe, action).await;
        browser.press("\u{e00c}").await;
    }
    stage.choose(&key, "rename").await;
    audit(browser, axe, "rename").await;
    browser.press("\u{e00c}").await;

    // Every state, both modes, and what is said when something does not work.
    let visitor = demo.log_in("acct_agency").await;
    let (disabled, _) = visitor.issue("live", &["calls:read"]).await;
    let (replaced, _) = visitor.issue("live", &["agents"]).await;
    let (revoked, _) = visitor.issue("test", &["read_only"]).await;
    for (id, action) in [
        (disabled, "disable"),
        (replaced, "regenerate"),
        (revoked, "revoke"),
    ] {
        let path = format!("/api/keys/{id}/{action}");
        let answer = visitor.call(Method::POST, &path, None).await;
        assert!(answer.status < 300, "{}", answer.text);
    }
    browser.select("#state", "All").await;
    for state in ["disabled", "superseded", "revoked"] {
        browser.find(&format!("[data-state={state}]")).await;
    }
    let cut = "window.real = fetch; window.fetch = () => Promise.reject(new TypeError('cut'))";
    browser.run(cut, &[]).await;
    stage.choose(&key, "disable").await;
    browser.find(".trouble button").await;
    browser.click("#filter .button").await;
    browser.find("#problem button").await;
    audit(browser, axe, "every state, and errors").await;
    browser.run("window.fetch = window.real", &[]).await;

    for width in [360, 768] {
        browser.resize(width, 800).await;
        audit(browser, axe, "a narrow list").await;
    }

    browser.open(&format!("{}/dashboard/login", demo.url)).await;
    audit(browser, axe, "the way in").await;
    stage.log_in("acct_starter").await;
    audit(browser, axe, "a plan without access").await;

    // The control: a picture without words, and text that hardly stands out.
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        let plant = "
            document.querySelector('main').append(document.createElement('img'));
            const faint = document.querySelector('.lead');
            faint.style.color = 'color-mix(in srgb, var(--text) 25%, var(--ground))';";
        browser.run(plant, &[]).await;
        let found = findings(browser, axe).await;
        for (impact, rule) in [("critical", "image-alt"), ("serious", "color-contrast")] {
            let is_found =
                |(level, what): &(String, String)| level == impact && what.starts_with(rule);
            assert!(found.iter().any(is_found), "{rule}, {scheme}: {found:#?}");
        }
    }
}

impl Browser {
    /// Lets pages believe that this is the colour scheme somebody prefers.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = [json!({ "name": "prefers-color-scheme", "value": scheme })];
        let media: Value = json!({ "features": features });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }
}
