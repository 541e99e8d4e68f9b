//! What a browser loads, and that nothing of it is refused by the page's own policy.

use serde_json::{Value, json};

use crate::stage::{Stage, row};

const LOADED: &str = "return performance.getEntriesByType('resource')
    .map((it) => new URL(it.name).pathname.replace(/\\.[0-9a-f]{16}\\./, '.')).sort()";

#[tokio::test]
async fn the_list_is_there_after_one_round_trip() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    let key = stage.create("Listed").await;
    stage.done(&key).await;

    // All it loads stands in the HTML, and the list needs no more than that.
    browser.open(&stage.page()).await;
    browser.find(&row(&key)).await;
    let assets = json!([
        "/dashboard/assets/dashboard.css",
        "/dashboard/assets/dashboard.js",
        "/dashboard/assets/icon.svg"
    ]);
    assert_eq!(browser.run(LOADED, &[]).await, assets);
    // The control: what is loaded later is seen.
    browser.click("#filter .button").await;
    let seen = format!("{LOADED}.includes('/dashboard/api/keys')");
    browser.until(&seen).await;
}

#[tokio::test]
async fn the_page_keeps_to_its_own_policy() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    let key = stage.create("Quiet").await;
    stage.done(&key).await;
    for action in ["history", "revoke", "regenerate"] {
        stage.choose(&key, action).await;
        browser.press("\u{e00c}").await;
    }
    let complaints: [&str; 0] = [];
    assert_eq!(browser.console().await, complaints);

    // The control: a picture from another origin, and an address that is written in a handler.
    let plant = "
        const image = document.createElement('img');
        image.src = 'http://127.0.0.1:9/planted';
        document.body.append(image);
        return new Promise((done) => setTimeout(() => done(true), 200))";
    assert_eq!(browser.run(plant, &[]).await, Value::Bool(true));
    let said = browser.console().await;
    assert!(
        said.iter()
            .any(|line| line.contains("Content Security Policy")),
        "{said:?}"
    );
}
