//! Every endpoint that takes JSON.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Site, Tenant};

/// One that takes a body.
pub(crate) struct Endpoint {
    /// As the document has it.
    pub(crate) operation: &'static str,
    /// A body that it takes.
    pub(crate) good: Value,
    /// Where a value of its body is in what it answers, if it takes it.
    pub(crate) shown: &'static [&'static str],
}

/// The things of an account that paths name.
pub(crate) struct Things {
    agent: String,
    webhook: String,
    phone_number: String,
    call: String,
    /// A key for each purpose that ends one.
    pub(crate) keys: Vec<String>,
}

pub(crate) fn endpoints(things: &Things) -> Vec<Endpoint> {
    let row = |operation, good, shown| Endpoint {
        operation,
        good,
        shown,
    };
    let agent = json!({ "name": "Anna", "language": "en" });
    let webhook = json!({ "url": "https://a.example/x", "events": ["call.completed"] });
    vec![
        row("POST /v1/agents", agent.clone(), &["name", "language"]),
        row("PATCH /v1/agents/{id}", agent, &["name", "language"]),
        row(
            "POST /v1/calls",
            json!({ "agent_id": things.agent, "phone_number": "+14155550123" }),
            &["agent_id", "phone_number"],
        ),
        row(
            "PATCH /v1/phone-numbers/{id}",
            json!({ "label": "Front desk" }),
            &["label"],
        ),
        row("POST /v1/webhooks", webhook.clone(), &["url", "events"]),
        row("PATCH /v1/webhooks/{id}", webhook, &["url", "events"]),
        row(
            "POST /dashboard/api/keys",
            json!({
                "name": "A", "description": "B", "mode": "test", "permissions": ["agents"],
                "expires_in_seconds": 3600, "quota_per_minute": 10,
                "allowed_networks": ["127.0.0.0/8"],
            }),
            &["name", "description", "mode"],
        ),
        row(
            "PATCH /dashboard/api/keys/{id}",
            json!({ "name": "A", "description": "B", "permissions": ["agents"] }),
            &["name", "description"],
        ),
        row(
            "POST /dashboard/api/keys/{id}/regenerate",
            json!({ "overlap_seconds": 60 }),
            &[],
        ),
        row(
            "POST /dashboard/login",
            json!({ "account": "acct_agency" }),
            &["account"],
        ),
        row(
            "POST /integrations/github/secret-scanning",
            json!([{ "token": "x", "type": "ringyo_api_key", "url": "", "source": "commit" }]),
            &[],
        ),
    ]
}

impl Things {
    /// Makes one of each.
    pub(crate) async fn of(site: &Site, tenant: &Tenant) -> Self {
        let make = async |path: &str, body: Value| {
            let made = site.send(tenant, &Method::POST, path, &body).await;
            assert_eq!(made.status, 201, "{}", made.text);
            made.data()["id"].as_str().unwrap().to_owned()
        };
        let agent = make("/v1/agents", json!({ "name": "Anna" })).await;
        let webhook = json!({ "url": "https://a.example", "events": ["call.completed"] });
        let order = json!({ "agent_id": agent, "phone_number": "+14155550123" });
        let numbers = site
            .send(tenant, &Method::GET, "/v1/phone-numbers", &Value::Null)
            .await;
        let mut keys = Vec::new();
        for _ in 0..4 {
            let key = json!({ "name": "Mine", "mode": "test", "permissions": ["agents"] });
            keys.push(make("/dashboard/api/keys", key).await);
        }
        Self {
            webhook: make("/v1/webhooks", webhook).await,
            call: make("/v1/calls", order).await,
            phone_number: numbers.data()[0]["id"].as_str().unwrap().to_owned(),
            agent,
            keys,
        }
    }

    /// The method and the path of an operation on them; of keys, on this one.
    pub(crate) fn request(&self, operation: &str, key: &str) -> (Method, String) {
        let (method, path) = operation.split_once(' ').unwrap();
        let id = [
            ("/v1/agents", &*self.agent),
            ("/v1/webhooks", &self.webhook),
            ("/v1/phone-numbers", &self.phone_number),
            ("/v1/calls", &self.call),
        ];
        let id = id.iter().find(|(start, _)| path.starts_with(start));
        let id = id.map_or(key, |(_, id)| id);
        (method.parse().unwrap(), path.replace("{id}", id))
    }
}
