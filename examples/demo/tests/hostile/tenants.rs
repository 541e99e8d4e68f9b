//! What belongs to another account does not exist: every route with an id, on what is own, foreign
//! and missing.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn};
use reqwest::Method;
use serde_json::{Value, json};

use crate::endpoints::Things;
use crate::site::{Site, Tenant};

/// Every route with an id, what to send there, and which of the keys is used up by it.
fn rows() -> [(&'static str, Value, usize); 14] {
    let webhook = json!({ "events": ["call.failed"] });
    [
        (
            "PATCH /dashboard/api/keys/{id}",
            json!({ "name": "Theirs" }),
            0,
        ),
        ("GET /dashboard/api/keys/{id}/events", Value::Null, 0),
        ("POST /dashboard/api/keys/{id}/disable", Value::Null, 0),
        ("POST /dashboard/api/keys/{id}/enable", Value::Null, 1),
        ("POST /dashboard/api/keys/{id}/regenerate", Value::Null, 2),
        ("POST /dashboard/api/keys/{id}/revoke", Value::Null, 3),
        ("GET /v1/calls/{id}", Value::Null, 0),
        ("GET /v1/phone-numbers/{id}", Value::Null, 0),
        (
            "PATCH /v1/phone-numbers/{id}",
            json!({ "label": "Theirs" }),
            0,
        ),
        ("GET /v1/agents/{id}", Value::Null, 0),
        ("PATCH /v1/agents/{id}", json!({ "name": "Theirs" }), 0),
        ("GET /v1/webhooks/{id}", Value::Null, 0),
        ("PATCH /v1/webhooks/{id}", webhook, 0),
        ("DELETE /v1/webhooks/{id}", Value::Null, 0),
    ]
}

/// After the others, since a call needs its agent.
const LAST: &str = "DELETE /v1/agents/{id}";

fn all_rows() -> Vec<(&'static str, Value, usize)> {
    rows().into_iter().chain([(LAST, Value::Null, 0)]).collect()
}

/// All that an account can see of what it has.
async fn everything(site: &Site, tenant: &Tenant) -> String {
    let mut all = String::new();
    for path in [
        "/dashboard/api/keys?state=all",
        "/dashboard/api/account",
        "/v1/agents",
        "/v1/calls",
        "/v1/phone-numbers",
        "/v1/webhooks",
    ] {
        let answer = site.send(tenant, &Method::GET, path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        all += &format!("{path} {}\n", answer.data());
    }
    all
}

/// Without the times of last use, which go on.
fn settled(all: &str) -> String {
    let parts = all.split("\"last_used_at\":");
    let parts = parts.map(|part| part.split_once([',', '}']).map_or(part, |(_, rest)| rest));
    parts.collect()
}

/// What is not as it should be between two accounts.
async fn faults(site: &Site, owner: &Tenant, stranger: &Tenant) -> Vec<String> {
    let mut faults = Vec::new();
    let (theirs, own) = (
        Things::of(site, owner).await,
        Things::of(site, stranger).await,
    );
    let before = everything(site, owner).await;
    for (operation, body, key) in all_rows() {
        let (method, path) = theirs.request(operation, &theirs.keys[key]);
        let foreign = site.send(stranger, &method, &path, &body).await;
        let (_, missing) = theirs.request(operation, "000000000000");
        let missing = match missing.rsplit_once('_') {
            Some((start, _)) if missing == path => format!("{start}_0000000000000000"),
            _ => missing,
        };
        let missing = site.send(stranger, &method, &missing, &body).await;
        if foreign.status != 404 || foreign.without_request_id() != missing.without_request_id() {
            faults.push(format!(
                "{operation} on foreign: {foreign:?}, on missing: {missing:?}"
            ));
        }
        let nobody = Tenant {
            cookie: String::new(),
            key: String::new(),
        };
        let unknown = site.send(&nobody, &method, &path, &body).await;
        if unknown.status != 401 {
            faults.push(format!("{operation} by nobody: {unknown:?}"));
        }
    }
    if settled(&everything(site, owner).await) != settled(&before) {
        faults.push("what was refused has happened".to_owned());
    }
    // Lists are of one's own.
    let seen = everything(site, stranger).await;
    for id in theirs.keys.iter().map(|id| &**id) {
        if seen.contains(id) {
            faults.push(format!("{id} is in a list of somebody else"));
        }
    }
    for (operation, body, key) in all_rows() {
        let (method, path) = own.request(operation, &own.keys[key]);
        let answer = site.send(stranger, &method, &path, &body).await;
        if !answer.is_success() {
            faults.push(format!("{operation} on one's own: {answer:?}"));
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_on_what_is_own_foreign_and_missing() {
    let site = Site::start(|router| router).await;
    let owner = site.tenant("acct_agency").await;
    let stranger = site.tenant("acct_pro").await;
    assert_eq!(faults(&site, &owner, &stranger).await, Vec::<String>::new());

    let operations = site.operations().await.into_iter();
    let with_id: BTreeSet<String> = operations
        .map(|(operation, _)| operation)
        // The files of the pages belong to nobody.
        .filter(|operation| operation.contains("{id}") && !operation.contains("/assets/"))
        .collect();
    let rows: BTreeSet<String> = all_rows()
        .iter()
        .map(|(row, ..)| (*row).to_owned())
        .collect();
    assert_eq!(rows, with_id);
}

/// The control: a service that takes everybody for one and the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_mixes_accounts_up_is_found_out() {
    let known: Arc<OnceLock<Tenant>> = Arc::default();
    let owner = known.clone();
    let mix = move |mut request: Request, next: Next| {
        let owner = owner.clone();
        async move {
            // Only changes of keys: whoever looks sees what is their own.
            let path = request.uri().path().to_owned();
            if let Some(owner) = owner.get()
                && path.ends_with("/revoke")
            {
                let cookie = HeaderValue::from_str(&owner.cookie).unwrap();
                request.headers_mut().insert("cookie", cookie);
            }
            next.run(request).await
        }
    };
    let site = Site::start(|router: Router| router.layer(from_fn(mix))).await;
    let owner = site.tenant("acct_agency").await;
    let stranger = site.tenant("acct_pro").await;
    assert!(known.set(owner.clone()).is_ok());
    let faults = faults(&site, &owner, &stranger).await;
    for expected in [
        "POST /dashboard/api/keys/{id}/revoke on foreign",
        "POST /dashboard/api/keys/{id}/revoke by nobody",
        "what was refused has happened",
    ] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(expected)),
            "{faults:#?}"
        );
    }
}
