//! Pages of other origins, which really send what a page of the dashboard would.

use std::slice;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::stage::{Stage, id, row};

/// A page that another site serves, under every name of this machine; answers its port.
async fn other_site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/", get(async || Html("<title>Another site</title>")));
    tokio::spawn(async { axum::serve(listener, router).await });
    port
}

/// Posts without asking, as any page can: with the cookies that the browser is willing to send.
const POST: &str = "return fetch(arguments[0], {
    method: 'POST', mode: 'no-cors', credentials: 'include', body: arguments[1] ?? undefined,
}).then(() => true)";

/// Posts by a form, which leads to what is answered.
const SUBMIT: &str = "
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', action: arguments[0] });
    document.body.append(form);
    form.submit();";

#[tokio::test]
async fn what_another_origin_posts_is_refused() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let Stage { browser, demo, .. } = &stage;
    let key = stage.create("Wanted").await;
    stage.done(&key).await;
    let target = |action: &str| {
        json!(format!(
            "{}/dashboard/api/keys/{}/{action}",
            demo.url,
            id(&key)
        ))
    };
    let create = json!(format!("{}/dashboard/api/keys", demo.url));
    let new = json!(json!({ "name": "A", "mode": "live", "permissions": ["*"] }).to_string());
    let log_out = json!(format!("{}/dashboard/logout", demo.url));
    let port = other_site().await;

    // To the browser another port is the same site, so that the cookie comes along; another name
    // is another site, and it does not.
    for (host, refusal) in [
        ("127.0.0.1", "cross_site_request"),
        // Without it a browser is shown the way in.
        ("localhost", "pick an account"),
    ] {
        let site = format!("http://{host}:{port}/");
        browser.open(&site).await;
        for action in ["revoke", "disable", "regenerate"] {
            browser.run(POST, &[target(action)]).await;
        }
        browser.run(POST, &[create.clone(), new.clone()]).await;
        browser.run(POST, slice::from_ref(&log_out)).await;
        for action in ["revoke", "disable"] {
            browser.open(&site).await;
            browser.run(SUBMIT, &[target(action)]).await;
            let answered = format!("return document.body.innerText.includes('{refusal}')");
            browser.until(&answered).await;
        }
        // Nor can it read what it may not change.
        browser.open(&site).await;
        let read = "return fetch(arguments[0], { credentials: 'include' }).then(() => 'read', () => 'refused')";
        assert_eq!(
            browser.run(read, slice::from_ref(&create)).await,
            json!("refused")
        );
        assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);
    }

    // Still logged in, and nothing has happened to the key or beside it.
    browser.open(&stage.page()).await;
    browser.find(&row(&key)).await;
    assert_eq!(stage.events(&key).await.as_array().unwrap().len(), 1);
    let rows = browser.run(
        "return document.querySelectorAll('#keys tbody tr').length",
        &[],
    );
    assert_eq!(rows.await, json!(1));

    // The control: from a page of the dashboard the very same is done.
    browser.run(POST, &[target("revoke")]).await;
    assert_eq!(demo.get(&key, "/v1/agents").await.code(), "api_key_revoked");
}
