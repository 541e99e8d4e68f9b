//! The library's own types, as they look in JSON.

use ringyo::preset::ringyo::CATALOG;
use ringyo::{self as library};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// [`library::KeyId`].
#[derive(Debug)]
pub(crate) enum KeyId {}

/// [`library::Mode`].
#[derive(Debug)]
pub(crate) enum Mode {}

/// [`library::KeyState`].
#[derive(Debug)]
pub(crate) enum KeyState {}

/// [`library::EventKind`].
#[derive(Debug)]
pub(crate) enum EventKind {}

/// [`library::Timestamp`].
#[derive(Debug)]
pub(crate) enum Time {}

/// [`library::IpNet`], or one address.
#[derive(Debug)]
pub(crate) enum Network {}

/// A scope of [`CATALOG`].
#[derive(Debug)]
pub(crate) enum Permission {}

macro_rules! schema {
    ($($name:ident: $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }
        impl ToSchema for $name {}
    )*};
}

schema! {
    KeyId: text("The public name of a key.").pattern(Some("^[0-9A-Za-z]{12}$"));
    Mode: text("`live` does the real thing, `test` costs nothing.")
        .enum_values(Some(["live", "test"]));
    KeyState: text("What a key is worth now.")
        .enum_values(Some(["active", "disabled", "expired", "superseded", "revoked"]));
    EventKind: text("What happened.")
        .enum_values(Some(library::EventKind::ALL.map(library::EventKind::as_str)));
    Time: text("A moment in UTC (RFC 3339).")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"));
    Network: text("A network, or a single address.")
        .pattern(Some(network_pattern()))
        .examples(["203.0.113.0/24", "2001:db8::7"]);
    Permission: text(
        "What a key may do: `agents` is everything on agents, `agents:read` one action, \
         `agents:update@agent_…` one action on one agent, `read_only` cuts the others down to \
         their reads.",
    )
    .pattern(Some(permission_pattern()))
    .examples(["agents", "calls:read", "read_only"]);
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

/// Every scope that the catalog knows, and no other.
fn permission_pattern() -> String {
    let resources = CATALOG.resources();
    let mut actions: Vec<&str> = CATALOG.permissions().map(|name| name.action()).collect();
    actions.sort_unstable();
    actions.dedup();
    let of_one = |resource: &str| {
        let actions: Vec<&str> = CATALOG
            .actions(resource)
            .map(|name| name.action())
            .collect();
        format!(
            r"{resource}(:(\*|{}))?(@[0-9A-Za-z._~-]{{1,128}})?",
            actions.join("|")
        )
    };
    let of_each: Vec<String> = resources.map(of_one).collect();
    let of_all = format!(r"\*(:(\*|{}))?", actions.join("|"));
    format!("^(read_only|{of_all}|{})$", of_each.join("|"))
}

/// Networks and addresses of both kinds, those of IPv6 in hexadecimal alone.
fn network_pattern() -> String {
    let byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    let v4 = format!(r"({byte}\.){{3}}{byte}(/(3[0-2]|[12]?[0-9]))?");
    let group = "[0-9A-Fa-f]{1,4}";
    // In full, or with `::` behind one to seven groups or before all of them.
    let mut v6 = vec![
        format!("({group}:){{7}}{group}"),
        format!("({group}:){{1,7}}:"),
        format!(":((:{group}){{1,7}}|:)"),
    ];
    for before in 1..=6 {
        let behind = 7 - before;
        v6.push(format!("({group}:){{1,{before}}}(:{group}){{1,{behind}}}"));
    }
    let v6 = v6.join("|");
    format!("^({v4}|({v6})(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)$")
}
