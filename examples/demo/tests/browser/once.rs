//! A key is shown once: nothing that is left behind can give it back.

use std::path::Path;

use serde_json::json;

use crate::driver::Browser;
use crate::stage::Stage;

/// Where a text is within a page: in its elements and fields, its address and history, and what the
/// site may keep in the browser.
const SEARCH: &str = "
    const text = arguments[0];
    const has = (it) => String(it).includes(text);
    const found = [];
    if (has(document.documentElement.outerHTML)) found.push('elements');
    if ([...document.querySelectorAll('input, textarea, select')].some((it) => has(it.value))) found.push('fields');
    if (has(location.href)) found.push('address');
    if (has(JSON.stringify(history.state))) found.push('history');
    for (const name of ['localStorage', 'sessionStorage']) {
        if (Object.entries(window[name]).some(has)) found.push(name);
    }
    if (has(document.cookie) || has(window.name)) found.push('cookie or name');
    return Promise.all([indexedDB.databases(), caches.keys()]).then(([databases, kept]) => {
        if (databases.length + kept.length > 0) found.push('database or cache');
        return found;
    });";

async fn places(browser: &Browser, text: &str) -> Vec<String> {
    serde_json::from_value(browser.run(SEARCH, &[json!(text)]).await).unwrap()
}

#[tokio::test]
async fn after_leaving_a_key_is_nowhere() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    let nowhere: [&str; 0] = [];

    // Closed: the first control is that the same search finds it while it is shown.
    let key = stage.create("Closed").await;
    assert_eq!(places(browser, &key).await, ["elements"]);
    stage.done(&key).await;
    assert_eq!(places(browser, &key).await, nowhere);

    // Left for another page, and come back to.
    let left = stage.create("Left").await;
    assert_eq!(places(browser, &left).await, ["elements"]);
    browser
        .open(&format!("{}/dashboard/login", stage.demo.url))
        .await;
    assert_eq!(places(browser, &left).await, nowhere);
    browser.back().await;
    browser.find("#keys").await;
    assert_eq!(browser.url().await, stage.page());
    assert_eq!(places(browser, &left).await, nowhere);

    // Left, and kept alive by the browser as it is: this is the last that such a page hears.
    let kept = stage.create("Kept").await;
    assert_eq!(places(browser, &kept).await, ["elements"]);
    let hide = "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))";
    browser.run(hide, &[]).await;
    assert_eq!(places(browser, &kept).await, nowhere);

    // The other controls: each place that is searched can be seen to hold something.
    let plant = "
        localStorage.planted = sessionStorage.planted = window.name = 'planted';
        document.querySelector('#q').value = 'planted';
        history.pushState('planted', '', '?planted');
        return new Promise((done) => { indexedDB.open('planted').onsuccess = () => done(true); });";
    browser.run(plant, &[]).await;
    let everywhere = [
        "fields",
        "address",
        "history",
        "localStorage",
        "sessionStorage",
        "cookie or name",
        "database or cache",
    ];
    assert_eq!(places(browser, "planted").await, everywhere);

    // And what the browser has written down by its end. What was in the address it has.
    let Stage { browser, .. } = stage;
    let profile = browser.quit().await;
    for key in [&key, &left, &kept] {
        assert_eq!(files_with(profile.path(), &key[20..]), nowhere);
    }
    assert_ne!(files_with(profile.path(), "?planted"), nowhere);
}

/// The files below a directory that hold a text, as UTF-8 or as UTF-16.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
                if has(text.as_bytes()) || has(&utf16) {
                    found.push(entry.path().display().to_string());
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn escape_by_mistake_does_not_lose_a_key() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    const ESCAPE: &str = "\u{e00c}";
    let key = stage.create("Almost lost").await;
    browser.press(ESCAPE).await;
    assert_eq!(browser.text("#secret").await, key);
    assert!(browser.text("#copied").await.starts_with("Not copied yet."));
    // Who means it presses it again.
    browser.press(ESCAPE).await;
    browser
        .until("return !document.querySelector('#secret-dialog').open")
        .await;
    // The page hears of it a moment later.
    browser
        .until("return !document.querySelector('#secret').textContent")
        .await;
    assert!(places(browser, &key).await.is_empty());
}
