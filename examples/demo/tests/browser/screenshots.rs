//! What it looks like, for people to look at: `target/screenshots`. What a machine can say of it is
//! that nothing sticks out.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::driver::Browser;
use crate::stage::{Stage, id, row};

/// What is wider than the window, if anything.
const OVERFLOW: &str = "
    const wide = document.documentElement.scrollWidth > innerWidth;
    const roots = [...document.querySelectorAll('dialog[open], main, header')];
    const out = roots.flatMap((root) => [...root.querySelectorAll('*')]).filter((it) => {
        const box = it.getBoundingClientRect();
        const isSeen = it.checkVisibility() && box.width > 1 && !it.closest('.visually-hidden, thead');
        return isSeen && (box.right > innerWidth + 1 || box.left < -1);
    });
    return [...(wide ? ['the page'] : []), ...out.map((it) => it.outerHTML.slice(0, 100))]";

struct Camera<'b> {
    browser: &'b Browser,
    directory: PathBuf,
}

impl Camera<'_> {
    /// Takes what is shown at three widths in both colour schemes.
    async fn take(&self, name: &str) {
        for scheme in ["light", "dark"] {
            self.browser.prefer(scheme).await;
            for width in [360, 768, 1280] {
                self.browser.resize(width, 900).await;
                // As it was when the focus went there.
                let focus = "document.querySelector('dialog[open] [aria-invalid]')?.scrollIntoView({ block: 'center' })";
                self.browser.run(focus, &[]).await;
                let what = format!("{name}-{width}-{scheme}");
                self.photograph(&what).await;
                let overflow = self.browser.run(OVERFLOW, &[]).await;
                assert_eq!(overflow, json!([]), "{what}");
            }
        }
        self.browser.resize(1280, 900).await;
    }

    /// All of a page, however long it is; of a dialog, what is seen of it.
    async fn photograph(&self, name: &str) {
        let script = "
            if (document.querySelector('dialog[open]')) return innerHeight;
            return Math.max(innerHeight, Math.ceil(document.body.getBoundingClientRect().bottom))";
        let height = self.browser.run(script, &[]).await;
        let width = self.browser.run("return innerWidth", &[]).await;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let png = self.browser.devtools("Page.captureScreenshot", parameters);
        let png = STANDARD
            .decode(png.await["data"].as_str().unwrap())
            .unwrap();
        std::fs::write(self.directory.join(format!("{name}.png")), png).unwrap();
    }
}

/// Keys of all kinds, and calls on most days.
async fn furnish(stage: &Stage) {
    let demo = &stage.demo;
    let visitor = demo.log_in("acct_agency").await;
    let key = async |name: &str, description: &str, mode: &str, permissions: Value| {
        let body = json!({
            "name": name, "description": description, "mode": mode, "permissions": permissions,
            "expires_in_seconds": if name == "Contractor" { json!(2_592_000) } else { Value::Null },
        });
        let answer = visitor.post("/api/keys", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.data()["key"].as_str().unwrap().to_owned()
    };
    let act = async |key: &str, action: &str| {
        let path = format!("/api/keys/{}/{action}", id(key));
        let answer = visitor.call(Method::POST, &path, None).await;
        assert!(answer.status < 300, "{}", answer.text);
    };
    let old = key("Old laptop", "", "test", json!(["agents", "calls"])).await;
    act(&old, "revoke").await;
    let long = "The nightly import of all telephone numbers, without-a-place-to-break-the-line-in-it-anywhere-x";
    key(
        long,
        "",
        "live",
        json!(["phone_numbers", "agents:read@agent_0a1B2c3D4e5F6g7H"]),
    )
    .await;
    let paused = key(
        "Partner integration",
        "Paused until the contract is signed",
        "live",
        json!(["calls:read"]),
    )
    .await;
    act(&paused, "disable").await;
    key(
        "Contractor",
        "",
        "test",
        json!(["agents", "calls", "read_only"]),
    )
    .await;
    let rotated = key("Webhook relay", "", "live", json!(["webhooks"])).await;
    let path = format!("/api/keys/{}/regenerate", id(&rotated));
    let overlap = json!({ "overlap_seconds": 604_800 });
    assert_eq!(visitor.post(&path, overlap).await.status, 201);
    let dashboard = key(
        "Reporting",
        "Reads everything, changes nothing",
        "live",
        json!(["read_only"]),
    )
    .await;
    let staging = key(
        "Staging",
        "",
        "test",
        json!(["agents", "calls", "webhooks"]),
    )
    .await;
    let production = key(
        "Production Server",
        "Two machines behind the shop",
        "live",
        json!(["agents:read", "calls"]),
    )
    .await;
    // Some days later, when some have been used since: the page believes in that day.
    let later = "const now = Date.now; Date.now = () => now() + 3 * 86_400_000;";
    let script = json!({ "source": later });
    let add = "Page.addScriptToEvaluateOnNewDocument";
    stage.browser.devtools(add, script).await;
    let database = rusqlite::Connection::open(&stage.file).unwrap();
    let used = "INSERT INTO key_usage (key, last_used_at)
        VALUES (?1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+3 days', ?2))
        ON CONFLICT (key) DO UPDATE SET last_used_at = excluded.last_used_at";
    for (key, ago) in [
        (&production, "-190 seconds"),
        (&staging, "-5 hours"),
        (&dashboard, "-26 hours"),
        (&rotated, "-80 seconds"),
    ] {
        database.execute(used, [id(key), ago]).unwrap();
    }

    // The calls of days that are over, as the demo keeps them.
    let insert = "INSERT INTO demo_documents (account, kind, id, body)
        VALUES ('acct_agency', 'call', ?1, json_object('id', ?1, 'agent_id', 'agent_0a1B2c3D4e5F6g7H',
            'phone_number', '+14155550123', 'status', 'completed', 'simulated', json(?2), 'credits', ?3,
            'created_at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?4)))";
    let of_days = [
        (6, 2),
        (9, 0),
        (4, 4),
        (0, 0),
        (1, 0),
        (11, 3),
        (14, 1),
        (12, 6),
        (15, 2),
        (17, 0),
        (5, 0),
        (3, 1),
        (19, 4),
        (8, 3),
    ];
    let mut number = 0;
    for (back, (live, simulated)) in (0..14).rev().zip(of_days) {
        for call in 0..live + simulated {
            number += 1;
            let is_live = call < live;
            let row = rusqlite::params![
                format!("call_{number:016}"),
                (!is_live).to_string(),
                u8::from(is_live),
                format!("-{back} days"),
            ];
            database.execute(insert, row).unwrap();
        }
    }
}

#[tokio::test]
async fn nothing_sticks_out() {
    let Some(stage) = Stage::of("acct_agency").await else {
        return;
    };
    let browser = &stage.browser;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
    std::fs::create_dir_all(&directory).unwrap();
    let camera = Camera { browser, directory };
    camera.take("empty").await;

    furnish(&stage).await;
    browser.open(&stage.page()).await;
    camera.take("active").await;
    browser.select("#state", "All").await;
    browser.find("[data-state=revoked]").await;
    camera.take("all").await;

    let first = browser
        .run(
            "return document.querySelector('#keys tbody tr').dataset.id",
            &[],
        )
        .await;
    // As a key begins, so that it is found by its row.
    let first = format!("rg_live_{}", first.as_str().unwrap());
    browser.click(&format!("{} summary", row(&first))).await;
    camera.take("menu").await;
    browser.press("\u{e00c}").await;
    for action in ["rename", "regenerate", "revoke", "history"] {
        stage.choose(&first, action).await;
        if action == "history" {
            browser.find("#history-dialog li").await;
        }
        camera.take(action).await;
        browser.press("\u{e00c}").await;
    }

    browser.click("#create").await;
    camera.take("create").await;
    browser.fill("#new-name", &"x".repeat(101)).await;
    browser.click(".choice summary").await;
    browser.click(".more summary").await;
    browser.select("#new-expiry", "In …").await;
    browser.click("#create-dialog .primary").await;
    browser.find("#create-dialog [aria-invalid]").await;
    camera.take("create-errors").await;
    browser.click("#create-dialog [value=cancel]").await;
    let key = stage.create("Shown once").await;
    camera.take("secret").await;
    stage.done(&key).await;

    browser
        .open(&format!("{}/dashboard/login", stage.demo.url))
        .await;
    camera.take("login").await;
    stage.log_in("acct_starter").await;
    camera.take("starter").await;

    // The control: what is too wide is found.
    let plant = "document.querySelector('.lead').style.minWidth = '1300px'; return true";
    browser.run(plant, &[]).await;
    assert_ne!(browser.run(OVERFLOW, &[]).await, json!([]));
}
