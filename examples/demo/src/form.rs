//! Bodies of requests. Everything that is wrong with one is said at once, field by field.

use std::collections::BTreeSet;
use std::fmt;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::answer::Problem;

/// A body that was received and not looked at yet.
#[derive(Debug)]
pub(crate) struct Payload {
    content_type: String,
    bytes: Bytes,
}

/// What a body is made of.
pub(crate) trait Fields {
    /// Takes the fields it knows from a form, noting what is wrong with them.
    fn take(form: &mut Form) -> Self;
}

/// The fields of a JSON object, taken one by one.
#[derive(Debug, Default)]
pub(crate) struct Form {
    fields: Map<String, Value>,
    faults: Map<String, Value>,
}

impl Payload {
    /// Reads the body as a JSON object with these fields and no others.
    pub(crate) fn read<F: Fields>(&self) -> Result<F, Problem> {
        let mut form = self.form()?;
        let fields = F::take(&mut form);
        form.check()?;
        Ok(fields)
    }

    /// The same, where sending nothing or `null` is fine.
    pub(crate) fn read_or_default<F: Fields + Default>(&self) -> Result<F, Problem> {
        if self.bytes.is_empty() || self.json()? == Value::Null {
            return Ok(F::default());
        }
        self.read()
    }

    /// Reads the body as a JSON object.
    pub(crate) fn form(&self) -> Result<Form, Problem> {
        match self.json()? {
            Value::Object(fields) => {
                let mut form = Form {
                    fields,
                    ..Form::default()
                };
                form.refuse_repeated(&self.bytes);
                Ok(form)
            }
            _ => Err(invalid_body(
                StatusCode::UNPROCESSABLE_ENTITY,
                "must be a JSON object".to_owned(),
            )),
        }
    }

    fn json(&self) -> Result<Value, Problem> {
        if self.content_type != "application/json" {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send JSON, with `Content-Type: application/json`.",
            ));
        }
        serde_json::from_slice(&self.bytes)
            .map_err(|error| invalid_body(StatusCode::BAD_REQUEST, error.to_string()))
    }

    /// Whether it is what an HTML form sends.
    pub(crate) fn is_html_form(&self) -> bool {
        self.content_type == "application/x-www-form-urlencoded"
    }
}

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let essence = content_type.unwrap_or_default().split(';').next();
        let content_type = essence.unwrap_or_default().trim().to_ascii_lowercase();
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
            _ => invalid_body(StatusCode::BAD_REQUEST, "could not be read".to_owned()),
        })?;
        Ok(Self {
            content_type,
            bytes,
        })
    }
}

impl Form {
    /// A field that may be left out or `null`.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.fields.remove(name)? {
            Value::Null => None,
            value => serde_json::from_value(whole(value))
                .map_err(|error| self.refuse(name, without_value(&error.to_string())))
                .ok(),
        }
    }

    /// A field that must be there; its default stands in until [`check`](Self::check) refuses.
    pub(crate) fn required<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        self.optional(name).unwrap_or_else(|| {
            self.refuse(name, "is required");
            T::default()
        })
    }

    /// A field where `null` means the empty one.
    pub(crate) fn clearable<T: DeserializeOwned + Default>(&mut self, name: &str) -> Option<T> {
        if self.fields.get(name) == Some(&Value::Null) {
            self.fields.remove(name);
            return Some(T::default());
        }
        self.optional(name)
    }

    /// Notes what is wrong with a field, unless something is already.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.faults
            .entry(name)
            .or_insert_with(|| Value::String(message.into()));
    }

    /// Notes each field that is there twice: which of the two counts is decided otherwise by other
    /// readers of JSON (RFC 8259 §4), such as one that has let the body through before.
    fn refuse_repeated(&mut self, object: &[u8]) {
        let Ok(Repeated(names)) = serde_json::from_slice(object) else {
            return;
        };
        for name in names {
            match is_name(&name) {
                true => self.refuse(&name, "is there twice"),
                false => self.refuse("body", "has a field twice"),
            }
        }
    }

    /// Notes a field that breaks a rule.
    pub(crate) fn expect(&mut self, name: &str, holds: bool, message: &str) {
        if !holds {
            self.refuse(name, message);
        }
    }

    /// Goes on if nothing is wrong. A field that was not asked for is: it may be a misspelt limit.
    pub(crate) fn check(mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.fields).keys() {
            // What is no name may be a secret in the wrong place, and is not repeated.
            if is_name(name) {
                self.refuse(name, "is not known");
            } else {
                self.refuse("body", "has a field that is not known");
            }
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.faults))
        }
    }
}

/// The names that an object has more than once.
struct Repeated(BTreeSet<String>);

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Repeated;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Repeated, A::Error> {
        let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
        while let Some((name, IgnoredAny)) = object.next_entry::<String, IgnoredAny>()? {
            if let Some(name) = seen.replace(name) {
                repeated.insert(name);
            }
        }
        Ok(Repeated(repeated))
    }
}

/// To JSON Schema `60.0` is an integer like `60`; some clients know no other numbers.
fn whole(value: Value) -> Value {
    match value.as_f64() {
        // Larger ones are not exact anyway.
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 1e15 => {
            Value::from(number as i64)
        }
        _ => value,
    }
}

/// What was expected, without what came instead: that may be a secret in the wrong place.
fn without_value(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => message.to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn invalid_body(status: StatusCode, message: String) -> Problem {
    Problem::new(status, "invalid_request", "The body is not valid.").detail("body", message)
}
