//! Which ids of requests are kept, and where they show.

use http::{HeaderValue, Request};
use proptest::prelude::*;
use ringyo_tower::AuthLayer;
use tower::Layer as _;

use crate::support::{Answer, Setting, send, setting};

async fn ask(setting: &Setting, key: &str, ids: &[&[u8]]) -> Answer {
    let mut request = Request::get("/").header("authorization", key);
    for id in ids {
        request = request.header("x-request-id", HeaderValue::from_bytes(id).unwrap());
    }
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    send(service, request.body(()).unwrap()).await
}

fn is_made(id: &str) -> bool {
    let random = id.strip_prefix("req_").unwrap_or_default();
    random.len() == 20 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[tokio::test]
async fn harmless_ids_are_kept_and_others_replaced() {
    let setting = setting().await;
    let key = setting.key().await;
    let longest = [b'a'; 128];
    let too_long = [b'a'; 129];
    for kept in [&b"a"[..], b"Az09._-", b"7b1e-44", &longest] {
        let answer = ask(&setting, &key, &[kept]).await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id.as_bytes(), kept);
        assert_eq!(
            answer.body,
            format!("acct_1 {id}"),
            "the service inside sees the same"
        );
    }
    for replaced in [
        &b""[..],
        b" ",
        b"a b",
        b"a,b",
        b"<script>",
        b"\"",
        b"a\tb",
        b"\xc3\xa4",
        b"\xff",
        b"a%0Ab",
        b"{\"x\":1}",
        b"\x1b[31m".strip_prefix(b"\x1b").unwrap(),
        &too_long,
    ] {
        let answer = ask(&setting, &key, &[replaced]).await;
        let id = answer.header("x-request-id").unwrap();
        assert!(is_made(id), "{replaced:?} became {id}");
        assert_eq!(answer.body, format!("acct_1 {id}"));
    }
    let answer = ask(&setting, &key, &[b"one", b"two"]).await;
    assert!(
        is_made(answer.header("x-request-id").unwrap()),
        "two are none"
    );
}

#[tokio::test]
async fn made_ids_differ() {
    let setting = setting().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let answer = ask(&setting, "none", &[]).await;
        assert_eq!(answer.status, 401);
        let id = answer.header("x-request-id").unwrap();
        assert!(is_made(id) && seen.insert(id.to_owned()), "{id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_sent_the_answer_has_one_harmless_id(
        ids in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..3),
    ) {
        let sendable = |id: &&Vec<u8>| HeaderValue::from_bytes(id).is_ok();
        let ids: Vec<&[u8]> = ids.iter().filter(sendable).map(Vec::as_slice).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let setting = setting().await;
            let answer = ask(&setting, "none", &ids).await;
            let id = answer.header("x-request-id").unwrap();
            let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            assert!(!id.is_empty() && id.bytes().all(harmless), "{id}");
            assert_eq!(answer.json()["meta"]["request_id"], id);
        });
    }
}
