//! The part of an address behind `?`, and ids within its path.

use std::collections::HashMap;
use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use ringyo::PageSize;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOf, Object, ObjectBuilder, Schema, Type};

use crate::answer::Problem;

/// The parameters of a list.
#[derive(Debug)]
pub(crate) struct Params {
    values: HashMap<String, String>,
    faults: Map<String, Value>,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging<C> {
    pub(crate) after: Option<C>,
    pub(crate) size: PageSize,
}

impl Params {
    /// A parameter that may be left out or empty.
    pub(crate) fn optional<T: FromStr>(&mut self, name: &str, rule: &str) -> Option<T> {
        let text = self.values.remove(name).filter(|text| !text.is_empty())?;
        let parsed = text.parse();
        if parsed.is_err() {
            self.refuse(name, rule);
        }
        parsed.ok()
    }

    /// Notes what is wrong with a parameter.
    pub(crate) fn refuse(&mut self, name: &str, rule: &str) {
        self.faults.insert(name.to_owned(), rule.into());
    }

    /// Reads `limit` and `cursor`, and goes on if nothing is wrong with any parameter.
    pub(crate) fn paging<C: FromStr>(mut self) -> Result<Paging<C>, Problem> {
        let rule = "must be a number from 1 to 100";
        let limit = self.optional::<usize>("limit", rule);
        let size = limit.map_or(Some(PageSize::DEFAULT), PageSize::new);
        if size.is_none() {
            self.refuse("limit", rule);
        }
        let after = self.optional("cursor", "must be the `next_cursor` of a list");
        match size {
            Some(size) if self.faults.is_empty() => Ok(Paging { after, size }),
            _ => Err(Problem::invalid(self.faults)),
        }
    }
}

impl IntoParams for Params {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        paging_parameters("^[0-9]{0,18}$")
    }
}

/// What [`paging`](Params::paging) reads, where cursors look like that.
pub(crate) fn paging_parameters(cursor: &str) -> Vec<Parameter> {
    let limit = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(100))
        .default(Some(PageSize::DEFAULT.as_usize().into()));
    let empty = text().max_length(Some(0));
    let limit = AnyOf {
        items: vec![limit.into(), empty.into()],
        ..AnyOf::new()
    };
    let cursor = text().pattern(Some(cursor));
    vec![
        parameter("limit", "How many entries at most.", Schema::AnyOf(limit)),
        parameter("cursor", "The `next_cursor` of the part before.", cursor),
    ]
}

/// A parameter that may be left out.
pub(crate) fn parameter(name: &str, description: &str, schema: impl Into<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(description))
        .schema(Some(schema.into()))
        .build()
}

pub(crate) fn text() -> ObjectBuilder {
    Object::builder().schema_type(Type::String)
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = Query::try_from_uri(&parts.uri).map(|Query(values)| values);
        Ok(Self {
            // What is no list of parameters has none.
            values: values.unwrap_or_default(),
            faults: Map::new(),
        })
    }
}

/// The `{id}` in a path. What cannot be one belongs to nothing.
#[derive(Debug)]
pub(crate) struct Id<T = String>(pub(crate) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}
