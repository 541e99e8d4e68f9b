//! What a day with a service is: keys are issued, used, mistyped, replaced and revoked.

use reqwest::Method;
use serde_json::{Value, json};

use crate::hiding::Hidden;
use crate::service::{Answer, Demo};

/// What came of it.
pub(crate) struct Session {
    pub(crate) hidden: Hidden,
    /// One of the keys, to plant.
    pub(crate) key: String,
    /// All answers but those that show a key for the first time.
    pub(crate) answers: String,
}

pub(crate) async fn run(demo: &Demo) -> Session {
    let mut session = Session {
        hidden: Hidden::default(),
        key: demo.first_key().unwrap().to_owned(),
        answers: String::new(),
    };
    session.hidden.add_key(&session.key.clone());
    let visitor = demo.log_in("acct_pro").await;
    for mode in ["live", "test"] {
        let (id, key) = visitor.issue(mode, &["agents", "calls:read"]).await;
        session.hidden.add_key(&key);
        use_in_all_ways(demo, &key, &mut session).await;
        let change = async |path: &str| {
            let path = format!("/api/keys/{id}/{path}");
            visitor.call(Method::POST, &path, Some(json!({}))).await
        };
        for path in ["disable", "enable"] {
            session.keep(&change(path).await);
            use_in_all_ways(demo, &key, &mut session).await;
        }
        let next = change("regenerate").await.data();
        let (id, next) = (next["id"].as_str().unwrap(), next["key"].as_str().unwrap());
        session.hidden.add_key(next);
        use_in_all_ways(demo, &key, &mut session).await;
        use_in_all_ways(demo, next, &mut session).await;
        let revoke = format!("/api/keys/{id}/revoke");
        session.keep(&visitor.call(Method::POST, &revoke, Some(json!({}))).await);
        use_in_all_ways(demo, next, &mut session).await;
        let events = visitor.get(&format!("/api/keys/{id}/events")).await;
        let list = visitor.get("/api/keys?state=all").await;
        for answer in [&events, &list] {
            assert_eq!(answer.status, 200, "{}", answer.text);
            session.keep(answer);
        }
        // Only the list of all keys has it.
        let listed = list.data();
        let mut listed = listed.as_array().unwrap().iter();
        let is_there = listed.any(|key| key["id"] == id && key["state"] == "revoked");
        assert!(is_there, "{id} is not in {}", list.text);
        // Into the wrong field, where it makes no sense.
        for (field, value) in [
            ("mode", json!(key)),
            ("permissions", json!([key])),
            ("expires_at", json!(key)),
            ("expires_in_seconds", json!(key)),
            ("quota_per_minute", json!(key)),
            ("allowed_networks", json!(key)),
            ("name", json!([key])),
            (&key, json!(1)),
        ] {
            let mut body = json!({ "name": "x", "mode": "live", "permissions": ["agents"] });
            body[field] = value;
            let answer = visitor.post("/api/keys", body).await;
            assert_eq!(answer.status, 422, "{field}: {}", answer.text);
            session.keep(&answer);
        }
    }
    let page = Answer::of(visitor.request(Method::GET, "/api-keys")).await;
    session.keep(&page);
    session
}

/// As it is meant, mistyped, and in places where it does not belong.
async fn use_in_all_ways(demo: &Demo, key: &str, session: &mut Session) {
    let (start, last) = key.split_at(key.len() - 1);
    let other = if last == "0" { "1" } else { "0" };
    let mode = if key.contains("_live_") {
        "_test_"
    } else {
        "_live_"
    };
    let other_mode = key.replace("_live_", mode).replace("_test_", mode);
    for presented in [
        key.to_owned(),
        start.to_owned(),
        format!("{start}{other}"),
        format!("{key}{key}"),
        key.to_lowercase(),
        other_mode,
        format!("{key},{key}"),
        format!("\"{key}\""),
    ] {
        session.keep(&demo.get(&presented, "/v1/agents").await);
    }
    let call = json!({ "to": key, "agent_id": key });
    session.keep(&demo.post(key, "/v1/calls", call).await);
    let nowhere = [
        format!("/v1/agents?key={key}"),
        format!("/v1/agents?api_key={key}&limit={key}"),
        format!("/v1/agents/{key}"),
        format!("/{key}"),
    ];
    for path in nowhere {
        session.keep(&demo.get(key, &path).await);
    }
    let basic = demo.request(Method::GET, "/v1/agents");
    session.keep(&Answer::of(basic.basic_auth(key, Some(key))).await);
    let other_header = demo
        .request(Method::GET, "/v1/agents")
        .header("x-api-key", key);
    session.keep(&Answer::of(other_header.header("x-request-id", "leaks")).await);
    let no_json = demo.request(Method::POST, "/v1/agents").bearer_auth(key);
    let no_json = no_json.header("content-type", "application/json");
    session.keep(&Answer::of(no_json.body(format!("{{\"name\": {key}}}"))).await);
}

impl Session {
    fn keep(&mut self, answer: &Answer) {
        // Of a service that has failed nothing is known.
        assert!(answer.status < 500, "{}", answer.text);
        let headers = &answer.headers;
        self.answers += &format!("{} {headers:?} {}\n", answer.status, answer.text);
    }

    pub(crate) fn check_answers(&self) {
        self.hidden.check_lines(self.answers.as_bytes());
    }

    /// As somebody does who pastes a key where a name belongs.
    pub(crate) async fn plant(&self, demo: &Demo) {
        let visitor = demo.log_in("acct_pro").await;
        let body: Value = json!({
            "name": self.key, "mode": "test", "permissions": ["agents"],
        });
        let answer = visitor.post("/api/keys", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
}
