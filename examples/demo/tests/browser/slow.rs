//! Answers that come late, or never, or twice.

use reqwest::Method;
use serde_json::json;

use crate::driver::Browser;
use crate::stage::{Stage, id, row};

const ESCAPE: &str = "\u{e00c}";

/// Keeps back the answers to what has this in its path.
async fn hold(browser: &Browser, part: &str) {
    let script = "
        const [part, real] = [arguments[0], window.real ??= window.fetch];
        window.held = [];
        window.fetch = async (path, options) => {
            const answer = await real(path, options);
            if (path.includes(part)) await new Promise((done) => held.push(done));
            return answer;
        };";
    browser.run(script, &[json!(part)]).await;
}

async fn release(browser: &Browser) {
    let script = "window.fetch = window.real; held.splice(0).forEach((done) => done())";
    browser.run(script, &[]).await;
}

const IS_HELD: &str = "return held.length === 1";

async fn is_open(browser: &Browser, dialog: &str) -> bool {
    let script = "return document.querySelector(arguments[0]).open";
    browser.run(script, &[json!(dialog)]).await == json!(true)
}

#[tokio::test]
async fn a_dialog_waits_for_its_answer() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let first = stage.create("First").await;
    stage.done(&first).await;
    let second = stage.create("Second").await;
    stage.done(&second).await;
    hold(browser, "/revoke").await;
    stage.choose(&first, "revoke").await;
    browser.fill("#confirm", "revoke").await;
    browser.press("\u{e007}").await;
    browser.until(IS_HELD).await;
    for _ in 0..3 {
        browser.press(ESCAPE).await;
    }
    assert!(is_open(browser, "#revoke-dialog").await);
    release(browser).await;
    browser
        .find(&format!("{}[data-state=revoked]", row(&first)))
        .await;
    assert!(!is_open(browser, "#revoke-dialog").await);
    // The control: without an answer on its way, Escape closes it.
    stage.choose(&second, "revoke").await;
    browser.press(ESCAPE).await;
    assert!(!is_open(browser, "#revoke-dialog").await);
    assert_eq!(demo.get(&second, "/v1/agents").await.status, 200);

    // A service that never answers is given up, and the form can be used again.
    let silent = "
        const timeout = AbortSignal.timeout.bind(AbortSignal);
        AbortSignal.timeout = () => timeout(100);
        window.fetch = (path, { signal }) => new Promise((_, fail) =>
            signal.addEventListener('abort', () => fail(signal.reason)));";
    browser.run(silent, &[]).await;
    stage.choose(&second, "revoke").await;
    browser.fill("#confirm", "revoke").await;
    browser.click("#revoke-dialog .danger").await;
    let error = browser
        .text("#revoke-dialog [data-error='']:not(:empty)")
        .await;
    assert!(error.contains("gave no answer"), "{error}");
    browser.run("window.fetch = window.real", &[]).await;
    browser
        .run(
            "AbortSignal.timeout = () => new AbortController().signal",
            &[],
        )
        .await;
    browser.click("#revoke-dialog .danger").await;
    browser
        .find(&format!("{}[data-state=revoked]", row(&second)))
        .await;
}

#[tokio::test]
async fn a_key_on_show_is_not_written_over() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    let old = stage.create("Old").await;
    stage.done(&old).await;
    let other = stage.create("Other").await;
    stage.done(&other).await;
    hold(browser, "/regenerate").await;
    stage.choose(&old, "regenerate").await;
    browser.click("#regenerate-dialog .primary").await;
    browser.until(IS_HELD).await;
    // Closed as some devices close a dialog, whatever it says.
    let close = "document.querySelector('#regenerate-dialog').close()";
    browser.run(close, &[]).await;
    stage.choose(&other, "history").await;
    browser.press(ESCAPE).await;
    let made = stage.create("Made meanwhile").await;
    release(browser).await;
    // Long enough for the answer to be read.
    let wait = "return new Promise((done) => setTimeout(() => done(true), 500))";
    browser.run(wait, &[]).await;
    assert_eq!(browser.text("#secret").await, made);
    browser.click("#secret-dialog [value=cancel]").await;
    browser
        .until("return /^rg_test_/.test(document.querySelector('#secret').textContent)")
        .await;
    assert_ne!(browser.text("#secret").await, made);
    assert_eq!(browser.text("#secret-title").await, "The new key of Old");
    let note = browser.text("#secret-note").await;
    let expected = format!("The old key, {}…, no longer works.", &old[..20]);
    assert_eq!(note, expected);
}

#[tokio::test]
async fn history_is_told_once() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let key = stage.create("Eventful").await;
    stage.done(&key).await;
    let visitor = demo.log_in("acct_agency").await;
    for number in 0..24 {
        let action = ["disable", "enable"][number % 2];
        let path = format!("/api/keys/{}/{action}", id(&key));
        assert_eq!(visitor.call(Method::POST, &path, None).await.status, 200);
    }
    let count = |expected: usize| {
        format!("return document.querySelectorAll('#history-dialog li').length === {expected}")
    };
    // Closed before it was read, and opened again.
    hold(browser, "/events").await;
    stage.choose(&key, "history").await;
    browser.until(IS_HELD).await;
    browser.press(ESCAPE).await;
    stage.choose(&key, "history").await;
    browser.until("return held.length === 2").await;
    release(browser).await;
    browser.until(&count(20)).await;
    // Clicked twice.
    browser.find("#history-dialog [value=more]").await;
    let twice = "
        const more = document.querySelector('#history-dialog [value=more]');
        window.asked = 0;
        window.fetch = (...all) => { window.asked += 1; return window.real(...all); };
        more.click();
        return more.checkVisibility()";
    assert_eq!(browser.run(twice, &[]).await, json!(false));
    browser.until(&count(25)).await;
    assert_eq!(browser.run("return window.asked", &[]).await, json!(1));
}

#[tokio::test]
async fn a_page_acts_on_its_own_account_only() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    // In another tab.
    let log_in =
        "return fetch('/dashboard/login', { method: 'POST', body: '{\"account\":\"acct_pro\"}',
        headers: { 'Content-Type': 'application/json' } }).then((answer) => answer.status)";
    assert_eq!(browser.run(log_in, &[]).await, json!(200));
    browser.click("#create").await;
    browser.fill("#new-name", "Stray").await;
    browser.click("[name=permissions][value=agents]").await;
    browser.click("#create-dialog .primary").await;
    let error = browser
        .text("#create-dialog [data-error='']:not(:empty)")
        .await;
    assert!(error.contains("another account"), "{error}");
    for account in ["acct_agency", "acct_pro"] {
        let visitor = demo.log_in(account).await;
        assert!(!visitor.get("/api/keys").await.text.contains("Stray"));
    }
    // Loaded again it is the page of the other, where it works.
    browser.open(&stage.page()).await;
    assert_eq!(browser.text(".who .code").await, "acct_pro");
    let key = stage.create("Meant").await;
    stage.done(&key).await;
    let visitor = demo.log_in("acct_pro").await;
    assert!(visitor.get("/api/keys").await.text.contains("Meant"));
}

#[tokio::test]
async fn what_people_reach_is_a_page() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    for path in ["/", "/dashboard", "/dashboard/"] {
        browser.open(&format!("{}{path}", demo.url)).await;
        assert_eq!(browser.url().await, stage.page(), "{path}");
    }
    // An account that is not there, asked for by a form.
    browser.open(&format!("{}/dashboard/login", demo.url)).await;
    let rename = "document.querySelector('.accounts button').value = 'acct_none'";
    browser.run(rename, &[]).await;
    browser.click(".accounts button").await;
    browser
        .until("return document.querySelector('h1')?.textContent === 'Not found'")
        .await;
    // The control: what is for programs is no page.
    browser
        .open(&format!("{}/dashboard/api/nothing", demo.url))
        .await;
    assert!(browser.text("body").await.contains("not_found"));
}
