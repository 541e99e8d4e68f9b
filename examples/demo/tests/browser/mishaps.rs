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
    // What the page sees by itself, all at once.
    browser.fill("#new-name", &"x".repeat(101)).await;
    browser.click("#create-dialog .primary").await;
    browser
        .find("#create-dialog [data-error=name]:not(:empty)")
        .await;
    assert_eq!(error("name").await, "Must have 1 to 100 characters");
    assert_eq!(
        error("permissions").await,
        "Choose at least one permission."
    );
    let focused = browser.run("return document.activeElement.id", &[]);
    assert_eq!(focused.await, json!("new-name"));

    // What the service says.
    browser.fill("#new-name", "Almost").await;
    browser.click("[name=permissions][value=read_only]").await;
    let long = "document.querySelector('#new-description').value = 'x'.repeat(1001)";
    browser.run(long, &[]).await;
    browser.click(".more summary").await;
    browser
        .fill("#new-networks", "10.0.0.0/8\neverywhere")
        .await;
    // What is folded away is unfolded for its error.
    browser.click(".more summary").await;
    browser.click("#create-dialog .primary").await;
    browser
        .find("#create-dialog [data-error=description]:not(:empty)")
        .await;
    let networks = error("allowed_networks").await;
    assert!(networks.ends_with("number 2 is not one"), "{networks}");
    let focused = browser.run("return document.activeElement.id", &[]);
    assert_eq!(focused.await, json!("new-description"));

    // Mended, nothing is left of the errors.
    browser.fill("#new-name", "Mended").await;
    browser.fill("#new-description", "").await;
    browser.fill("#new-networks", "127.0.0.1").await;
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
    // It leaves the list of active keys, is named above it, and there is nothing to try again.
    let problem = browser.text("#problem").await;
    assert!(
        problem.contains("Changed: ") && problem.contains("revoked"),
        "{problem}"
    );
    let so = "return [document.activeElement.id, document.querySelectorAll('#problem button, #keys tbody tr').length]";
    assert_eq!(browser.run(so, &[]).await, json!(["problem", 0]));

    // What may work the next time is said in the row.
    let other = stage.create("Other").await;
    stage.done(&other).await;
    let cut = "window.real = fetch; window.fetch = () => Promise.reject(new TypeError('cut'))";
    browser.run(cut, &[]).await;
    stage.choose(&other, "disable").await;
    let trouble = format!("{} .trouble", row(&other));
    assert!(browser.text(&trouble).await.contains("gave no answer"));
    browser.run("window.fetch = window.real", &[]).await;
    browser.click(&format!("{trouble} button")).await;
    browser
        .find(&format!("{}[data-state=disabled]", row(&other)))
        .await;

    // Logged out in another tab.
    let out = "return fetch('/dashboard/logout', { method: 'POST' }).then((it) => it.status)";
    assert_eq!(browser.run(out, &[]).await, json!(204));
    browser.click("#filter .button").await;
    browser.find("#problem a[href='/dashboard/login']").await;
    let problem = browser.text("#problem").await;
    assert!(problem.contains("no longer logged in"), "{problem}");
    let rows = "return document.querySelectorAll('#keys tbody tr').length";
    assert_eq!(browser.run(rows, &[]).await, json!(0));
    // Whoever signs out then is where they want to be.
    browser.click(".top .button").await;
    browser.find(".accounts").await;
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
