//! Names that look like HTML are text.

use serde_json::json;

use crate::stage::{Stage, row};

const NAME: &str = "<img src=x onerror=alert(1)>";
const DESCRIPTION: &str = "</script><script>alert(2)</script>";

/// How many elements the texts above have made, were they taken for HTML.
const MADE: &str = "return [...document.querySelectorAll('img, script')]
    .filter((it) => it.getAttribute('src') === 'x' || it.text === 'alert(2)').length";

#[tokio::test]
async fn a_name_that_looks_like_html_is_text() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    let key = stage.create(NAME).await;
    stage.done(&key).await;
    stage.choose(&key, "rename").await;
    browser.fill(".rename textarea", DESCRIPTION).await;
    browser.click(".rename .primary").await;
    let row = row(&key);
    browser
        .find(&format!("{row} .description:not(:empty)"))
        .await;

    // Once as the script has drawn it, and once as it came with the page.
    for _ in 0..2 {
        assert_eq!(browser.text(&format!("{row} .name")).await, NAME);
        let description = browser.text(&format!("{row} .description")).await;
        assert_eq!(description, DESCRIPTION);
        for (action, title) in [
            ("revoke", "#revoke-title"),
            ("regenerate", "#regenerate-title"),
            ("history", "#history-title"),
        ] {
            stage.choose(&key, action).await;
            assert!(browser.text(title).await.ends_with(NAME), "{action}");
            assert_eq!(browser.run(MADE, &[]).await, json!(0), "{action}");
            browser.press("\u{e00c}").await;
        }
        browser.open(&stage.page()).await;
        browser.find(&row).await;
    }

    // No script of the page could make HTML from text if it tried.
    let insert = "
        try { document.body.insertAdjacentHTML('beforeend', arguments[0]); }
        catch (error) { return error.name; }";
    assert_eq!(
        browser.run(insert, &[json!(NAME)]).await,
        json!("TypeError")
    );
    // The control: where this is possible the search finds what it made.
    browser.open("about:blank").await;
    browser.run(insert, &[json!(NAME)]).await;
    assert_eq!(browser.alert().await, "1");
    assert_eq!(browser.run(MADE, &[]).await, json!(1));
}
