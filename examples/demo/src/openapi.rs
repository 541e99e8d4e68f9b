//! `/openapi.json`: what stands beside the handlers, and what the layers around them and the
//! extractors before them add to every operation.

mod answers;
#[cfg(test)]
mod served;
pub(crate) mod words;

use axum::Extension;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use ringyo::preset::ringyo::CATALOG;
use ringyo::tower::{Access, RouteMap};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use answers::Guard;

/// The OpenAPI document of the service, as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Document(Bytes);

/// Show this document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "show_openapi", tag = "Service",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object)),
)]
pub(crate) async fn show(Extension(Document(json)): Extension<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], json)
}

impl Document {
    /// Completes what the routes say of themselves. Those below `prefix` ask for keys, and what
    /// they ask of them is in the map.
    pub(crate) fn new(routes: OpenApi, prefix: &str, access: &RouteMap) -> Self {
        // What has been made from Rust types is made of JSON.
        let mut document = serde_json::to_value(&routes).unwrap_or_default();
        for route in access.routes() {
            let path = format!("{prefix}{}", route.path);
            let method = route.method.as_str().to_lowercase();
            document["paths"][path][method]["security"] = security(route.access);
        }
        let operations = document["paths"]
            .as_object_mut()
            .into_iter()
            .flat_map(Map::values_mut)
            .filter_map(Value::as_object_mut)
            .flatten();
        for (method, operation) in operations {
            complete(method, operation);
        }
        let schemas = document["components"]["schemas"].as_object_mut();
        schemas.into_iter().for_each(refer);
        document["info"] = json!({
            "title": "Ringyo demo",
            "description": "A small voice-agent API protected by ringyo, and the JSON behind the \
                dashboard where its keys are managed. A path that is not here answers 404, a \
                method that is not here 405, both with an error like all others.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        });
        document["tags"] = json!([
            { "name": "Agents", "description": "Voices that speak on the telephone" },
            { "name": "Calls", "description": "What costs credits" },
            { "name": "Phone numbers", "description": "Numbers that the account has rented" },
            { "name": "Webhooks", "description": "Where the account wants to hear of events" },
            { "name": "Keys", "description": "The key that is used" },
            { "name": "Dashboard", "description": "Where people manage the keys of their account" },
            { "name": "Integrations", "description": "What others tell the service" },
            { "name": "Service", "description": "The service itself" },
        ]);
        let components = &mut document["components"];
        components["securitySchemes"] = json!({
            "api_key": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "rg_live_… or rg_test_…",
                "description": "An API key. What it must be permitted stands at each operation.",
            },
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "ringyo_session",
                "description": "The cookie that `POST /dashboard/login` sets.",
            },
        });
        components["headers"] = answers::headers();
        components["responses"] = answers::responses();
        Self(document.to_string().into())
    }
}

/// What a route asks of a key, as security requirement objects: any one of them will do.
fn security(access: Access) -> Value {
    let needs = |scopes: Vec<String>| json!({ "api_key": scopes });
    match (access, access.requirement()) {
        (Access::Public, _) => json!([]),
        (_, None) => json!([needs(Vec::new())]),
        (_, Some(requirement)) => requirement
            .alternatives(&CATALOG)
            .map(|names| needs(names.map(|name| name.to_string()).collect()))
            .collect(),
    }
}

/// Lets the answers refer to what they carry, which is among the schemas as well.
fn refer(schemas: &mut Map<String, Value>) {
    let names: Vec<String> = schemas.keys().cloned().collect();
    for name in names {
        let reference = |name| json!({ "$ref": format!("#/components/schemas/{name}") });
        if let Some(carried) = name.strip_prefix("DataBody_") {
            schemas[&name]["properties"]["data"] = reference(carried);
        } else if let Some(carried) = name.strip_prefix("ListBody_") {
            schemas[&name]["properties"]["data"]["items"] = reference(carried);
        }
    }
}

fn complete(method: &str, operation: &mut Value) {
    let guard = match &operation["security"][0] {
        scheme if scheme.get("api_key").is_some() => Guard::Key,
        scheme if scheme.get("session").is_some() => Guard::Session,
        _ => Guard::None,
    };
    let mut parameters = operation["parameters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for parameter in &mut parameters {
        // One that may be left out is `null` in Rust and never in a header.
        if parameter["schema"]["type"] == json!(["string", "null"]) {
            parameter["schema"]["type"] = "string".into();
        }
    }
    let has = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
    let (has_id, has_query) = (has("path"), has("query"));
    // Elsewhere a body is taken as it comes, and whoever takes it says what may be wrong with it.
    let is_form = operation["tags"][0] != "Integrations";
    let has_body = operation.get("requestBody").is_some() && is_form;

    let mut added = guard.answers().to_vec();
    added.push(("500", "InternalError"));
    if has_id {
        added.push(("404", "NotFound"));
    }
    if has_body {
        added.extend(answers::OF_BODIES);
    }
    if has_query {
        added.push(("422", "Invalid"));
    }
    if guard == Guard::Session && method != "get" {
        added.push(("403", "CrossSite"));
        if has_id || has_body {
            added.push(("409", "KeyState"));
        }
        parameters.push(json!({
            "name": "Sec-Fetch-Site",
            "in": "header",
            "required": true,
            "description": "Browsers send it; other clients do as if they were a page of this \
                site. An `Origin` of this site does as well.",
            "schema": { "type": "string", "enum": ["same-origin", "same-site"] },
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }

    let responses = &mut operation["responses"];
    for response in responses
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        answers::add_headers(response, guard.headers());
    }
    for (status, name) in added {
        if responses.get(status).is_none() {
            let name = guard.name(name);
            responses[status] = json!({ "$ref": format!("#/components/responses/{name}") });
        }
    }
}
