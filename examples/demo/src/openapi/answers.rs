//! What the layers and the extractors answer, whatever the operation.

use serde_json::{Map, Value, json};

/// What stands before an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    None,
    Key,
    Session,
}

/// The status of a response, and its name among the components.
pub(super) type Named = (&'static str, &'static str);

/// What the extractor of a body answers.
pub(super) const OF_BODIES: [Named; 4] = [
    ("400", "BadBody"),
    ("413", "TooLarge"),
    ("415", "NoJson"),
    ("422", "Invalid"),
];

impl Guard {
    /// What it answers itself.
    pub(super) fn answers(self) -> &'static [Named] {
        match self {
            Self::None => &[],
            Self::Key => &[
                ("400", "BadRequest"),
                ("401", "BadKey"),
                ("403", "Forbidden"),
                ("429", "TooManyRequests"),
                ("503", "Unavailable"),
            ],
            Self::Session => &[("401", "NoSession"), ("503", "StoreUnavailable")],
        }
    }

    /// The headers of whatever comes from behind it.
    pub(super) fn headers(self) -> Vec<&'static str> {
        match self {
            Self::None | Self::Session => vec![REQUEST_ID],
            Self::Key => [REQUEST_ID].into_iter().chain(RATE).collect(),
        }
    }

    /// What a response from behind it is called among the components.
    pub(super) fn name(self, name: &str) -> String {
        let is_its_own = self.answers().iter().any(|(_, own)| *own == name);
        match self {
            Self::Key if !is_its_own => format!("{name}BehindKey"),
            _ => name.to_owned(),
        }
    }
}

/// Says that a response has headers that are among the components.
pub(super) fn add_headers(response: &mut Value, names: Vec<&str>) {
    for name in names {
        response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

const REQUEST_ID: &str = "x-request-id";

const RATE: [&str; 5] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit-policy",
    "ratelimit",
];

/// Headers that a response has for sure where it has them at all.
pub(super) fn headers() -> Value {
    let items = |item: &str| format!(r#"^"(account|key)"{item}(, "(account|key)"{item})*$"#);
    let number = |minimum: u32| json!({ "type": "integer", "minimum": minimum });
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let header = |description: &str, schema: Value| json!({ "description": description, "required": true, "schema": schema });
    json!({
        REQUEST_ID: header(
            "Names the request, as `meta.request_id` does",
            text("^[0-9A-Za-z._-]{1,128}$"),
        ),
        "x-ratelimit-limit": header("Requests a minute", number(1)),
        "x-ratelimit-remaining": header("Requests left", number(0)),
        "x-ratelimit-reset": header("The Unix second at which all are there again", number(1)),
        "ratelimit-policy": header(
            "For each limit `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers)",
            text(&items(";q=[0-9]+;w=[0-9]+")),
        ),
        "ratelimit": header(
            "For each limit `r` requests left; all, or with none left the next, are there in `t` seconds",
            text(&items(";r=[0-9]+;t=[0-9]+")),
        ),
        "retry-after": header("Seconds to wait", number(1)),
        "www-authenticate": header(
            "What is asked for, and what is wrong with what came (RFC 6750 §3)",
            text("^Bearer realm=\"ringyo\""),
        ),
    })
}

/// Refusals, each under its name.
pub(super) fn responses() -> Value {
    let mut all = Map::new();
    let mut add = |name: String, description: &str, codes: &[&str], headers: &[&str]| {
        let mut refusal = json!({
            "description": description,
            "content": { "application/json": { "schema": { "allOf": [
                { "$ref": "#/components/schemas/ErrorBody" },
                { "properties": { "error": { "properties": { "code": { "enum": codes } } } } },
            ] } } },
        });
        add_headers(&mut refusal, headers.to_vec());
        all.insert(name, refusal);
    };

    for guard in [Guard::Session, Guard::Key] {
        for (name, description, code) in [
            (
                "NotFound",
                "There is no such thing in this account",
                "not_found",
            ),
            (
                "TooLarge",
                "The body is larger than 64 KiB",
                "payload_too_large",
            ),
            (
                "NoJson",
                "The body does not say that it is JSON",
                "unsupported_media_type",
            ),
            ("InternalError", "A fault of the service", "internal_error"),
        ] {
            add(guard.name(name), description, &[code], &guard.headers());
        }
        let description = "Fields or parameters are not valid; `details` has the rule for each";
        let codes = ["invalid_request", "idempotency_conflict"];
        let codes = if guard == Guard::Key {
            &codes
        } else {
            &codes[..1]
        };
        add(guard.name("Invalid"), description, codes, &guard.headers());
    }

    add(
        "BadBody".into(),
        "The body is no JSON",
        &["invalid_request"],
        &[REQUEST_ID],
    );
    let refused = [REQUEST_ID, "www-authenticate"];
    let codes = ["ambiguous_credentials", "invalid_request"];
    let description = "There is more than one key, or the body is no JSON";
    add("BadRequest".into(), description, &codes, &[REQUEST_ID]);
    let codes = [
        "missing_api_key",
        "invalid_api_key",
        "api_key_revoked",
        "api_key_expired",
        "api_key_disabled",
    ];
    add(
        "BadKey".into(),
        "There is no key, or none that is good",
        &codes,
        &refused,
    );
    let codes = [
        "insufficient_permissions",
        "plan_required",
        "ip_not_allowed",
    ];
    add(
        "Forbidden".into(),
        "The key is good and not enough",
        &codes,
        &refused,
    );
    let limited: Vec<&str> = Guard::Key
        .headers()
        .into_iter()
        .chain(["retry-after"])
        .collect();
    add(
        "TooManyRequests".into(),
        "Wait, then try again",
        &["rate_limit_exceeded"],
        &limited,
    );
    let later = [REQUEST_ID, "retry-after"];
    let codes = ["auth_unavailable", "wallet_unavailable"];
    let description = "This cannot be decided right now";
    add("Unavailable".into(), description, &codes, &later);
    let codes = ["store_unavailable", "wallet_unavailable"];
    add("StoreUnavailable".into(), description, &codes, &later);

    add(
        "NoSession".into(),
        "Nobody is logged in, or another account than the one that `x-ringyo-account` names",
        &["login_required", "other_account"],
        &[REQUEST_ID],
    );
    let codes = ["cross_site_request", "plan_required"];
    let description = "A foreign page asks, or the plan has no API access";
    add("CrossSite".into(), description, &codes, &[REQUEST_ID]);
    let codes = [
        "key_active",
        "key_disabled",
        "key_expired",
        "key_superseded",
        "key_revoked",
        "too_many_keys",
        "conflict",
    ];
    add(
        "KeyState".into(),
        "The key is not in a state for that",
        &codes,
        &[REQUEST_ID],
    );
    Value::Object(all)
}
