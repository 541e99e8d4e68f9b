//! What people read when something does not work, and where.

use serde_json::json;

use crate::stage::{Stage, row};

#[tokio::test]
async fn what_the_service_refuses_stands_at_its_field() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    browser.click("#create").await;
    let error = async |field: &str| {
        browser
            .text(&format!("#create-dialog [data-error={field}]"))
            .await
    };
    browser.fill("#new-name", &"x".repeat(101)).await;
    browser.click(".more summary").await;
    browser.fill("#new-networks", "everywhere").await;
    // What is folded away is unfolded for its error.
    browser.click(".more summary").await;
    browser.click("#create-dialog .primary").await;
    browser
        .find("#create-dialog [data-error=name]:not(:empty)")
        .await;
    assert_eq!(error("name").await, "Must have 1 to 100 characters");
    assert_eq!(
        error("permissions").await,
        "Must name at least one permission"
    );
    assert!(error("allowed_networks").await.contains("203.0.113.0/24"));
    let focused = browser.run("return document.activeElement.id", &[]);
    assert_eq!(focused.await, json!("new-name"));

    // Mended, nothing is left of the errors.
    browser.fill("#new-name", "Mended").await;
    browser.fill("#new-networks", "127.0.0.1").await;
    browser.click("[name=permissions][value=read_only]").await;
    browser.click("#create-dialog .primary").await;
    let key = stage.shown_key().await;
    stage.done(&key).await;
    stage.choose(&key, "rename").await;
    browser.fill(".rename [name=name]", &"x".repeat(101)).await;
    browser.click(".rename .primary").await;
    let text = browser.text(".rename [data-error=name]:not(:empty)").await;
    assert_eq!(text, "Must have 1 to 100 characters");
    browser.press("\u{e00c}").await;
    let name = format!("{} .name", row(&key));
    assert_eq!(browser.text(&name).await, "Mended");
}

#[tokio::test]
async fn what_changed_elsewhere_is_said() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let key = stage.create("Changed").await;
    stage.done(&key).await;
    let visitor = demo.log_in("acct_agency").await;
    let path = format!("/api/keys/{}/revoke", crate::stage::id(&key));
    assert_eq!(visitor.post(&path, json!({})).await.status, 200);
    stage.choose(&key, "disable").await;
    let problem = browser.text("#problem").await;
    assert!(problem.contains("revoked"), "{problem}");

    // Logged out in another tab.
    let out = "return fetch('/dashboard/logout', { method: 'POST' }).then((it) => it.status)";
    assert_eq!(browser.run(out, &[]).await, json!(204));
    browser.click("#filter .button").await;
    browser.find("#problem a[href='/dashboard/login']").await;
    let problem = browser.text("#problem").await;
    assert!(problem.contains("no longer logged in"), "{problem}");
}

#[tokio::test]
async fn a_service_that_is_gone_leaves_no_doubt() {
    let Some(mut stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    browser.click("#create").await;
    browser.fill("#new-name", "Never made").await;
    browser.click("[name=permissions][value=agents]").await;
    stage.demo.kill();
    browser.click("#create-dialog .primary").await;
    let error = browser
        .text("#create-dialog [data-error='']:not(:empty)")
        .await;
    assert!(error.contains("gave no answer"), "{error}");
    assert!(error.contains("There may be a new key"), "{error}");
    browser.click("#create-dialog [value=cancel]").await;
    browser.find("#problem .button").await;
}
