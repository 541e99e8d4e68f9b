use reqwest::Method;
use serde_json::json;

use crate::stage::{Stage, id, row};

#[tokio::test]
async fn a_key_from_its_first_day_to_its_last() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let status = async |key: &str| demo.get(key, "/v1/agents").await.status;

    let key = stage.create("Staging").await;
    assert!(
        key.starts_with("rg_test_") && key.len() == 64,
        "{}",
        key.len()
    );
    let permission = json!({ "name": "clipboard-read" });
    let granted = json!({ "permission": permission, "setting": "granted" });
    browser.devtools("Browser.setPermission", granted).await;
    browser.click("#copy").await;
    browser
        .until("return document.querySelector('#copied').textContent === 'Copied.'")
        .await;
    let copied = browser.run("return navigator.clipboard.readText()", &[]);
    assert_eq!(copied.await, json!(key));
    stage.done(&key).await;

    let used = format!("{} .used", row(&key));
    assert_eq!(browser.text(&used).await, "never");
    assert_eq!(status(&key).await, 200);
    browser.click("#filter .button").await;
    browser.find(&format!("{used} time[title]")).await;
    assert_eq!(browser.text(&used).await, "just now");

    stage.choose(&key, "rename").await;
    browser
        .fill(".rename [name=name]", "Production Server")
        .await;
    browser
        .fill(".rename [name=description]", "For the shop")
        .await;
    browser.click(".rename .primary").await;
    let name = format!("{} .name", row(&key));
    assert_eq!(browser.text(&name).await, "Production Server");
    let description = format!("{} .description", row(&key));
    assert_eq!(browser.text(&description).await, "For the shop");

    stage.choose(&key, "disable").await;
    browser
        .find(&format!("{}[data-state=disabled]", row(&key)))
        .await;
    assert_eq!(status(&key).await, 401);
    stage.choose(&key, "enable").await;
    browser
        .find(&format!("{}[data-state=active]", row(&key)))
        .await;
    assert_eq!(status(&key).await, 200);

    stage.choose(&key, "regenerate").await;
    browser.click("#regenerate-dialog .primary").await;
    let new = stage.shown_key().await;
    assert_ne!(new, key);
    stage.done(&new).await;
    assert_eq!((status(&key).await, status(&new).await), (401, 200));

    // What is typed must be the word.
    stage.choose(&new, "revoke").await;
    browser.fill("#confirm", "no").await;
    browser.click("#revoke-dialog .danger").await;
    let error = browser.text("#revoke-dialog [data-error=confirm]").await;
    assert_eq!(error, "Type the word revoke.");
    assert_eq!(status(&new).await, 200);
    browser.fill("#confirm", "revoke").await;
    browser.click("#revoke-dialog .danger").await;
    browser
        .find(&format!("{}[data-state=revoked]", row(&new)))
        .await;
    assert_eq!(status(&new).await, 401);

    stage.choose(&new, "history").await;
    browser.find("#history-dialog li:nth-child(2)").await;
    let history = browser.text("#history-dialog .events").await;
    assert!(history.starts_with("Revoked"), "{history}");
    assert!(
        history.contains(&format!("in place of {}", id(&key))),
        "{history}"
    );
    assert!(history.contains("by user:acct_agency"), "{history}");
}

#[tokio::test]
async fn an_overlap_lets_both_keys_work() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let old = stage.create("A").await;
    stage.done(&old).await;
    stage.choose(&old, "regenerate").await;
    browser.click("[name=overlap][value='3600']").await;
    browser.click("#regenerate-dialog .primary").await;
    let new = stage.shown_key().await;
    let note = browser.text("#secret-note").await;
    let expected = format!("The old key, {}…, stops working in 1 hour", &old[..20]);
    assert!(note.starts_with(&expected), "{note}");
    stage.done(&new).await;
    for key in [&old, &new] {
        assert_eq!(demo.get(key, "/v1/agents").await.status, 200);
    }
    let ends = format!("{} .ends", row(&old));
    assert_eq!(browser.text(&ends).await, "replaced, ends in 1 hour");
    stage.choose(&old, "history").await;
    browser.find("#history-dialog li:nth-child(2)").await;
    let history = browser.text("#history-dialog").await;
    assert!(history.contains("both work for 1 hour"), "{history}");
    // The times themselves, without a mouse.
    assert!(
        history.contains("Ends: ") && history.contains(" UTC"),
        "{history}"
    );
    browser.press("\u{e00c}").await;

    // Once that time has come the row says so.
    let later = "const now = Date.now; Date.now = () => now() + 3_600_000;
        document.dispatchEvent(new Event('visibilitychange'))";
    browser.run(later, &[]).await;
    browser
        .find(&format!("{}[data-state=superseded]", row(&old)))
        .await;
    browser
        .find(&format!("{}[data-state=active]", row(&new)))
        .await;
}

#[tokio::test]
async fn every_choice_reaches_the_key() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    browser.click("#create").await;
    browser.fill("#new-name", "Chosen").await;
    browser.click("[name=mode][value=live]").await;
    browser.click("[name=permissions][value=webhooks]").await;
    // One action of calls, and then all of that cut down to reading.
    browser.click(".choice:nth-of-type(2) summary").await;
    browser
        .click("[name=permissions][value='calls:create']")
        .await;
    browser
        .click("[name=permissions][value='calls:read']")
        .await;
    let effect = async || browser.text("#effect").await;
    assert_eq!(
        effect().await,
        "It can create and read calls; create, read, update, and delete webhooks."
    );
    browser.click("[name=permissions][value=read_only]").await;
    assert_eq!(effect().await, "It can read calls; read webhooks.");
    browser
        .click("[name=permissions][value='calls:create']")
        .await;

    browser.click(".more summary").await;
    browser.select("#new-expiry", "In 7 days").await;
    browser.fill("#new-quota", "10").await;
    browser.fill("#new-networks", "127.0.0.0/8\n::1").await;
    browser.click("#create-dialog .primary").await;
    let key = stage.shown_key().await;
    stage.done(&key).await;
    assert!(key.starts_with("rg_live_"));

    let used = demo.get(&key, "/v1/calls").await;
    assert_eq!(
        (used.status, used.header("x-ratelimit-limit")),
        (200, Some("10"))
    );
    let refused = demo.post(&key, "/v1/webhooks", json!({})).await;
    assert_eq!(refused.code(), "insufficient_permissions");
    let whoami = demo.call(&key, Method::GET, "/v1/whoami", None).await;
    assert_eq!(
        whoami.data()["scopes"],
        json!(["calls:read", "read_only", "webhooks"])
    );
    let ends = format!("{} .ends", row(&key));
    assert_eq!(browser.text(&ends).await, "expires in 7 days");
}

#[tokio::test]
async fn the_list_is_searched_filtered_and_paged() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let visitor = demo.log_in("acct_agency").await;
    for number in 0..25 {
        let mode = if number < 3 { "live" } else { "test" };
        let body = json!({
            "name": format!("Server {number}"), "mode": mode, "permissions": ["read_only"],
        });
        assert_eq!(visitor.post("/api/keys", body).await.status, 201);
    }
    let count = |expected: usize| {
        format!("return document.querySelectorAll('#keys tbody tr').length === {expected}")
    };
    // They come with the page, and the rest when asked for.
    browser.open(&stage.page()).await;
    browser.until(&count(20)).await;
    browser.click("#more").await;
    browser.until(&count(25)).await;
    browser
        .until("return document.querySelector('#more').hidden")
        .await;
    let focused = "return document.activeElement.closest('tr') === document.querySelectorAll('#keys tbody tr')[20]";
    browser.until(focused).await;

    browser.fill("#q", "server 1").await;
    browser.until(&count(11)).await;
    browser.select("#mode", "Live").await;
    browser.until(&count(1)).await;
    browser.fill("#q", "nothing of that name").await;
    browser.until(&count(0)).await;
    assert!(browser.text("#empty").await.starts_with("No key fits."));
    browser.click("#empty .button").await;
    browser.until(&count(20)).await;
}

#[tokio::test]
async fn a_plan_without_access_says_so() {
    let Some(stage) = Stage::of("acct_starter").await else {
        return;
    };
    let browser = &stage.browser;
    let notice = browser.text(".notice[aria-labelledby=no-access]").await;
    assert!(
        notice.contains("The Starter plan has no API access"),
        "{notice}"
    );
    assert!(notice.contains("Agency or Pro plan"), "{notice}");
    let shown = "return [...document.querySelectorAll('#create, #filter, #empty')]
        .some((it) => it.checkVisibility())";
    assert_eq!(browser.run(shown, &[]).await, json!(false));
    // The control: where there is access the same is found.
    stage.log_in("acct_agency").await;
    assert_eq!(browser.run(shown, &[]).await, json!(true));

    browser.click(".top .button").await;
    browser.find("main.narrow").await;
    browser.open(&stage.page()).await;
    assert!(browser.url().await.ends_with("/dashboard/login"));
}
