//! All of it without a mouse.

use serde_json::{Value, json};

use crate::driver::Browser;
use crate::stage::{Stage, id, row};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const SPACE: &str = " ";

/// Goes on with the Tab key until the focus is on what a CSS selector names, and sees that the
/// focus can be seen all the way.
async fn tab_to(browser: &Browser, selector: &str) {
    let state = "
        const focused = document.activeElement;
        return [focused.matches(arguments[0]), focused.matches(':focus-visible'),
            getComputedStyle(focused).outlineStyle !== 'none', focused.outerHTML.slice(0, 80)]";
    let mut seen = Vec::new();
    for _ in 0..60 {
        browser.press(TAB).await;
        let state = browser.run(state, &[json!(selector)]).await;
        assert!(
            state[1] == true && state[2] == true,
            "not to be seen: {}",
            state[3]
        );
        if state[0] == true {
            return;
        }
        seen.push(state[3].clone());
    }
    panic!("no {selector} among {seen:#?}");
}

async fn focused(browser: &Browser, selector: &str) -> Value {
    let script = "return document.activeElement.matches(arguments[0])";
    browser.run(script, &[json!(selector)]).await
}

#[tokio::test]
async fn a_key_is_made_and_revoked_by_keyboard() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    // From the way in on.
    browser.open(&format!("{}/dashboard/login", demo.url)).await;
    tab_to(browser, "button[value=acct_agency]").await;
    browser.press(ENTER).await;
    browser.find("#create").await;

    tab_to(browser, "#create").await;
    browser.press(ENTER).await;
    browser
        .until("return document.activeElement.id === 'new-name'")
        .await;
    // What is missing is said at its field, and that is where the focus goes.
    browser.press(ENTER).await;
    let error = browser.text("#create-dialog [data-error=name]").await;
    assert!(!error.is_empty());
    assert_eq!(
        focused(browser, "#new-name[aria-invalid=true][aria-describedby]").await,
        true
    );
    browser.press("By keyboard").await;
    tab_to(browser, "[name=permissions][value=calls]").await;
    browser.press(SPACE).await;
    tab_to(browser, "#create-dialog .primary").await;
    browser.press(ENTER).await;

    let key = stage.shown_key().await;
    browser
        .until("return document.activeElement.id === 'copy'")
        .await;
    tab_to(browser, "#secret-dialog [value=cancel]").await;
    browser.press(ENTER).await;
    // The focus goes to the key that was made.
    let row = format!("tr[data-id='{}']", id(&key));
    let summary = format!("{row} summary");
    browser
        .until(&format!(
            "return document.activeElement.matches(\"{summary}\")"
        ))
        .await;

    browser.press(ENTER).await;
    tab_to(browser, &format!("{row} [data-do=revoke]")).await;
    browser.press(ESCAPE).await;
    assert_eq!(focused(browser, &summary).await, true);
    browser.press(ENTER).await;
    tab_to(browser, &format!("{row} [data-do=revoke]")).await;
    browser.press(ENTER).await;
    browser
        .until("return document.activeElement.id === 'confirm'")
        .await;
    // Backed out of, the focus is where it was.
    browser.press(ESCAPE).await;
    browser
        .until(&format!(
            "return document.activeElement.matches(\"{summary}\")"
        ))
        .await;
    browser.press(ENTER).await;
    tab_to(browser, &format!("{row} [data-do=revoke]")).await;
    browser.press(ENTER).await;
    browser
        .until("return document.activeElement.id === 'confirm'")
        .await;
    browser.press("revoke").await;
    browser.press(ENTER).await;
    browser.find(&format!("{row}[data-state=revoked]")).await;
    browser
        .until(&format!(
            "return document.activeElement.matches(\"{summary}\")"
        ))
        .await;
    assert_eq!(demo.get(&key, "/v1/calls").await.code(), "api_key_revoked");
}

#[tokio::test]
async fn a_key_is_renamed_switched_off_and_regenerated_by_keyboard() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let key = stage.create("By mouse").await;
    stage.done(&key).await;
    let row = row(&key);
    let summary = format!("{row} summary");
    // Each is chosen from the menu, to which the focus comes back.
    let choose = async |action: &str| {
        let back = format!("return document.activeElement.matches(\"{summary}\")");
        browser.until(&back).await;
        browser.press(ENTER).await;
        tab_to(browser, &format!("{row} [data-do={action}]")).await;
        browser.press(ENTER).await;
    };
    choose("rename").await;
    browser.press("By keyboard").await;
    browser.press(ENTER).await;
    choose("disable").await;
    browser.find(&format!("{row}[data-state=disabled]")).await;
    let name = browser.text(&format!("{row} .name")).await;
    assert_eq!(name, "By keyboard");
    assert_eq!(
        demo.get(&key, "/v1/agents").await.code(),
        "api_key_disabled"
    );
    choose("enable").await;
    browser.find(&format!("{row}[data-state=active]")).await;
    choose("regenerate").await;
    tab_to(browser, "#regenerate-dialog .primary").await;
    browser.press(ENTER).await;
    let new = stage.shown_key().await;
    assert_eq!(demo.get(&new, "/v1/agents").await.status, 200);
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 401);
}
