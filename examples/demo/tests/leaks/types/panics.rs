//! What is left of a panic.

use std::panic;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ringyo::{NewKey, Overlap};

use super::Stage;
use super::listed::sources;

/// A panic takes along what it is given, as a message and to the hook.
#[tokio::test]
async fn no_panic_carries_a_secret_away() {
    let mut stage = Stage::new().await;
    let keys = stage.ringyo.keys();
    let new = NewKey::live("acct_1", "Other").scopes(["agents:read"]);
    let issued = keys.issue(new).await.unwrap();
    stage.hidden.add_key(issued.key.expose());
    let regenerated = keys
        .regenerate(issued.record.id, Overlap::NONE)
        .await
        .unwrap();
    stage.hidden.add_key(regenerated.new.key.expose());

    let told = Arc::new(Mutex::new(String::new()));
    let hook = panic::take_hook();
    let hearing = told.clone();
    panic::set_hook(Box::new(move |info| {
        let mut heard = hearing.lock().unwrap();
        heard.push_str(&format!("{info} {info:?}"));
    }));
    let text = issued.key.expose().to_owned();
    let unwrapped = tokio::spawn(async move {
        let _held = issued;
        let refused = Some(regenerated).map_or(Ok(()), Err);
        refused.unwrap();
    });
    let error = unwrapped.await.unwrap_err();
    let all = format!("{error} {error:?}");
    let carried = error.into_panic().downcast::<String>().unwrap();
    // The control: a panic that says what nobody should.
    let planted = tokio::spawn(async move { panic!("{text} is not good") });
    let planted = planted.await.unwrap_err().into_panic().downcast::<String>();
    panic::set_hook(hook);
    let told = told.lock().unwrap().clone();
    assert!(told.contains("RegeneratedKey"), "{told}");
    let (told, _) = told.split_once("is not good").unwrap();
    let (told, planted_told) = told.split_at(told.rfind("panicked at").unwrap());
    assert_eq!(
        stage
            .hidden
            .find(format!("{told}{all}{carried}").as_bytes()),
        None
    );
    assert!(stage.hidden.find(planted_told.as_bytes()).is_some());
    assert!(stage.hidden.find(planted.unwrap().as_bytes()).is_some());
}

/// What may be put into the message of a panic: the paths of routes, which the service's own code
/// declares when it starts.
const TOLD: [&str; 3] = [
    "{path} has no parameter",
    "{path} cannot be in the map: {error}",
    "{method} {path} is in the map already",
];

/// The messages in these sources that are put together when the panic happens, and so may hold
/// what should not be told. An `expect` has a fixed text, followed by its error.
fn put_together(source: &str) -> Vec<String> {
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let starts = [
        "panic!(",
        "unreachable!(",
        "assert!(",
        "assert_eq!(",
        ".expect(",
    ];
    let messages = starts.iter().flat_map(|start| code.split(start).skip(1));
    messages
        .filter_map(|rest| {
            let call = rest.split_once(";\n").map_or(rest, |(call, _)| call);
            let text = call.split('"').nth(1)?;
            let text = text.replace("{{", "").replace("}}", "");
            let is_told = TOLD.iter().any(|told| text.starts_with(told));
            (text.contains('{') && !is_told).then_some(text)
        })
        .collect()
}

#[test]
fn messages_of_panics_are_fixed() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let mut messages = 0;
    for name in [
        "auth", "key", "leak", "limit", "postgres", "redis", "scope", "sqlite", "store", "tower",
    ] {
        for source in sources(&crates.join(format!("ringyo-{name}/src"))) {
            messages += source.matches("panic!(").count() + source.matches(".expect(").count();
            assert_eq!(put_together(&source), Vec::<String>::new(), "{name}");
        }
    }
    assert!(messages > 10, "{messages}");
    let planted = "fn f() {\n    panic!(\"{key} is bad\");\n}";
    assert_eq!(put_together(planted), ["{key} is bad"]);
}
