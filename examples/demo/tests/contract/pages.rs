//! The pages of the dashboard, as they are sent.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::service::{Answer, Demo, Place, Visitor, new_place};

const PAGE: &str = "/dashboard/developers/api-keys";

async fn page(demo: &Demo, visitor: &Visitor<'_>) -> Answer {
    let request = demo.request(Method::GET, PAGE);
    Answer::of(request.header("Cookie", &visitor.cookie)).await
}

/// What a page loads: the addresses in its elements.
fn loads(html: &str) -> BTreeSet<&str> {
    let mut loads = BTreeSet::new();
    for attribute in [" src=\"", " href=\""] {
        for (place, _) in html.match_indices(attribute) {
            let address = html[place + attribute.len()..].split('"').next().unwrap();
            if !address.starts_with('#') {
                loads.insert(address);
            }
        }
    }
    loads
}

#[tokio::test]
async fn a_page_lets_nothing_in() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let keys = page(&demo, &visitor).await;
    let log_in = Answer::of(demo.request(Method::GET, "/dashboard/login")).await;
    for page in [&keys, &log_in] {
        assert_eq!(page.status, 200);
        let policy = page.header("content-security-policy").unwrap();
        let directives: BTreeSet<&str> = policy.split("; ").collect();
        let expected = [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ];
        assert_eq!(directives, BTreeSet::from(expected));
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.header(name), Some(value), "{name}");
        }
        // All of it is from here, and nothing is written into the page that would not be run.
        let all = loads(&page.text);
        assert!(
            all.iter().all(|address| address.starts_with("/dashboard/")),
            "{all:?}"
        );
        assert!(!page.text.contains(" style=") && !page.text.contains(" onclick="));
    }
    // The control: an address elsewhere is seen.
    let spoilt = keys
        .text
        .replace("<main", "<img src=\"https://evil.example/\"><main");
    assert!(loads(&spoilt).contains("https://evil.example/"));
}

#[tokio::test]
async fn what_pages_load_is_kept_for_good() {
    let demo = Demo::start(Place::Memory);
    let log_in = Answer::of(demo.request(Method::GET, "/dashboard/login")).await;
    let style = *loads(&log_in.text)
        .iter()
        .find(|it| it.ends_with(".css"))
        .unwrap();
    let answer = Answer::of(demo.request(Method::GET, style)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let kept = answer.header("cache-control").unwrap();
    assert_eq!(kept, "public, max-age=31536000, immutable");
    assert_eq!(answer.header("set-cookie"), None);
    // Under the name of another content there is nothing.
    let (stem, _) = style.rsplit_once(".css").unwrap();
    for other in [
        format!("{stem}0.css"),
        "/dashboard/assets/dashboard.css".into(),
    ] {
        let answer = Answer::of(demo.request(Method::GET, &other)).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// How many bytes a page is with all that it loads.
async fn weight(demo: &Demo, html: &str) -> usize {
    let mut bytes = html.len();
    for address in loads(html) {
        if address.contains("/assets/") || address == "/openapi.json" {
            let answer = Answer::of(demo.request(Method::GET, address)).await;
            assert_eq!(answer.status, 200, "{address}");
            bytes += answer.text.len();
        }
    }
    bytes
}

/// 60 kB, and that before anything has compressed it.
#[tokio::test]
async fn a_page_with_all_it_loads_is_light() {
    const MOST: usize = 60_000;
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let html = page(&demo, &visitor).await.text;
    assert_eq!(
        loads(&html)
            .iter()
            .filter(|it| it.contains("/assets/"))
            .count(),
        3
    );
    let bytes = weight(&demo, &html).await;
    assert!(bytes < MOST, "{bytes}");
    // The control: one thing more that it loads.
    let heavier = html.replace("<main", "<img src=\"/openapi.json\"><main");
    assert!(weight(&demo, &heavier).await > MOST);
}

#[tokio::test]
async fn the_list_comes_with_the_page() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("test", &["agents"]).await;
    let html = page(&demo, &visitor).await.text;
    assert!(html.contains(&format!(r#""id":"{id}""#)));
    assert!(!html.contains(&key[20..26]));
    let (other, _) = demo
        .log_in("acct_pro")
        .await
        .issue("test", &["agents"])
        .await;
    let html = page(&demo, &visitor).await.text;
    assert!(!html.contains(&other));

    // Text from outside cannot end the element that it is in.
    let body = json!({ "name": "</script><b>", "mode": "test", "permissions": ["agents"] });
    assert_eq!(visitor.post("/api/keys", body).await.status, 201);
    let html = page(&demo, &visitor).await.text;
    assert!(!html.contains("</script><b>") && html.contains("/script"));
}

#[tokio::test]
async fn calls_are_shown_by_day() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let none = page(&demo, &visitor).await.text;
    assert!(none.contains("No calls yet."));
    for (mode, calls) in [("live", 3), ("test", 2)] {
        let (_, key) = visitor.issue(mode, &["agents", "calls"]).await;
        let agent = demo
            .post(&key, "/v1/agents", json!({ "name": "Anna" }))
            .await;
        let agent = agent.data()["id"].clone();
        for _ in 0..calls {
            let order = json!({ "phone_number": "+14155550123", "agent_id": agent });
            let call = demo.post(&key, "/v1/calls", order).await;
            assert_eq!(call.status, 201, "{}", call.text);
        }
    }
    let html = page(&demo, &visitor).await.text;
    assert!(html.contains("They cost 3 credits."), "{html}");
    assert!(html.contains(": 3 live, 2 simulated</title>"), "{html}");
    assert!(html.contains(r#"<p class="figure" id="credits">997</p>"#));
    // Those of another account are its own.
    let stranger = demo.log_in("acct_pro").await;
    assert!(page(&demo, &stranger).await.text.contains("No calls yet."));
}

#[tokio::test]
async fn without_a_session_a_page_leads_to_the_way_in() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_pro").await;
    for cookie in ["", "ringyo_session=guess"] {
        let request = demo.request(Method::GET, PAGE).header("Cookie", cookie);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("/dashboard/login"));
    }
    // The control.
    assert_eq!(page(&demo, &visitor).await.status, 200);
}

#[tokio::test]
async fn a_page_that_cannot_be_made_is_a_page_that_says_so() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let visitor = demo.log_in("acct_agency").await;
    let database = rusqlite::Connection::open(&file).unwrap();
    let rename = |from: &str, to: &str| {
        let statement = format!("ALTER TABLE {from} RENAME TO {to}");
        database.execute_batch(&statement).unwrap();
    };
    rename("demo_documents", "elsewhere");
    let sorry = page(&demo, &visitor).await;
    assert_eq!(sorry.status, 500);
    assert_eq!(
        sorry.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(sorry.header("content-security-policy").is_some());
    assert!(sorry.text.contains("Try again") && !sorry.text.contains("demo_documents"));
    assert!(!sorry.text.contains("internal_error"), "{}", sorry.text);
    // The control: put back, the page is there.
    rename("elsewhere", "demo_documents");
    assert_eq!(page(&demo, &visitor).await.status, 200);
}
