//! What goes wrong around the service, and what it makes of it.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use crate::service::{Demo, Place, new_place, program};

#[tokio::test]
async fn a_lost_pepper_file_is_not_replaced_beside_keys() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let key = demo.first_key().unwrap().to_owned();
    assert!(demo.stop().success());
    let mut peppers = file.clone().into_os_string();
    peppers.push(".peppers");
    let kept = std::fs::read(&peppers).unwrap();
    std::fs::remove_file(&peppers).unwrap();

    let store = format!("sqlite:{}", file.display());
    let refused = program()
        .args(["--addr", "127.0.0.1:0", "--store", &store])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("pepper file") && said.contains("missing"),
        "{said}"
    );
    assert!(!std::path::Path::new(&peppers).exists());

    // Put back, the keys work as before.
    std::fs::write(&peppers, kept).unwrap();
    let demo = Demo::start(Place::File(&file));
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);
    assert!(demo.stop().success());
}

#[tokio::test]
async fn a_lock_elsewhere_is_no_fault_of_the_request_and_holds_up_no_reader() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let visitor = demo.log_in("acct_agency").await;
    let (_, key) = visitor.issue("live", &["agents"]).await;
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);

    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    let body = json!({ "name": "Anna" });
    let writing = demo.post(&key, "/v1/agents", body.clone());
    let reading = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let read = demo.get(&key, "/v1/agents").await;
        (read.status, asked.elapsed())
    };
    let (written, (read, after)) = tokio::join!(writing, reading);
    assert_eq!(read, 200);
    assert!(after < Duration::from_secs(3), "read after {after:?}");
    assert_eq!(written.status, 503, "{}", written.text);
    assert_eq!(written.header("retry-after"), Some("1"));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(demo.post(&key, "/v1/agents", body).await.status, 201);
}

#[tokio::test]
async fn a_first_key_that_was_not_shown_is_made_again() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let lost = demo.first_key().unwrap().to_owned();
    assert!(demo.stop().success());
    let demo = Demo::start(Place::File(&file));
    assert_eq!(demo.first_key(), None, "the control: it has been shown");
    assert!(demo.stop().success());

    // As after a crash between making the key and showing it.
    let database = Connection::open(&file).unwrap();
    let forgotten = database.execute("DELETE FROM demo_documents WHERE kind = 'note'", []);
    assert_eq!(forgotten.unwrap(), 1);
    let demo = Demo::start(Place::File(&file));
    let shown = demo.first_key().unwrap().to_owned();
    assert_ne!(shown, lost);
    assert_eq!(demo.get(&shown, "/v1/agents").await.status, 200);
}
