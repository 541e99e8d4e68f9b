//! What a request is asked for, and whether its caller has it.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Extensions, HeaderValue, Method, Request};
use ringyo_auth::{AuthError, Caller};
use ringyo_scope::Requirement;

use crate::routes::Found;
use crate::{Access, RouteMap};

/// What requests are asked for.
#[derive(Debug, Clone)]
pub(crate) enum Guard {
    /// All the same.
    Uniform(Access),
    /// What the map says of their route.
    Map(Arc<RouteMap>),
}

/// What one request is asked for.
pub(crate) enum Demand<'r> {
    Nothing,
    Key,
    Permission(&'static Requirement),
    PermissionOn(&'static Requirement, Cow<'r, str>),
    /// A key, and then there is nothing.
    Unrouted(Unrouted),
}

/// Why a request gets nowhere although its key is good.
#[derive(Debug, Clone)]
pub(crate) enum Unrouted {
    NotFound,
    OtherMethod { allow: HeaderValue },
}

/// Why a request does not reach the service inside.
#[derive(Debug)]
pub(crate) enum Denial {
    Auth(AuthError),
    Unrouted(Unrouted),
}

impl Guard {
    #[inline]
    pub(crate) fn demand<'r, B>(&self, request: &'r Request<B>) -> Demand<'r> {
        match self {
            Self::Uniform(access) => demand_of(*access, None),
            Self::Map(map) => {
                let chosen = chosen_route(request.extensions());
                demand_by(map, request.method(), request.uri().path(), chosen)
            }
        }
    }
}

/// `chosen` is the route that the framework has chosen, where it tells. It is another one than the
/// map's where the map lacks it and has one that fits as well, such as `/agents/{id}` for
/// `/agents/export`: then it is not in the map.
fn demand_by<'r>(
    map: &RouteMap,
    method: &Method,
    path: &'r str,
    chosen: Option<&str>,
) -> Demand<'r> {
    match map.find(method, path) {
        Found::Route { path, .. } if chosen.is_some_and(|at| !is_same(at, path)) => {
            Demand::Unrouted(Unrouted::NotFound)
        }
        Found::Route {
            access, instance, ..
        } => demand_of(access, instance),
        Found::Nothing => Demand::Unrouted(Unrouted::NotFound),
        Found::OtherMethods(methods) => Demand::Unrouted(Unrouted::OtherMethod {
            allow: allow(&methods),
        }),
    }
}

impl Demand<'_> {
    #[inline]
    pub(crate) fn check(&self, caller: &Caller) -> Result<(), Denial> {
        match self {
            Self::Nothing | Self::Key => Ok(()),
            Self::Permission(requirement) => caller.require(requirement).map_err(Denial::Auth),
            Self::PermissionOn(requirement, instance) => caller
                .require_on(requirement, instance)
                .map_err(Denial::Auth),
            Self::Unrouted(unrouted) => Err(Denial::Unrouted(unrouted.clone())),
        }
    }
}

/// The path of the route that the framework has chosen already, as it was written there.
fn chosen_route(extensions: &Extensions) -> Option<&str> {
    #[cfg(feature = "axum")]
    return extensions
        .get::<::axum::extract::MatchedPath>()
        .map(::axum::extract::MatchedPath::as_str);
    #[cfg(not(feature = "axum"))]
    {
        let _ = extensions;
        None
    }
}

#[inline]
fn demand_of(access: Access, instance: Option<&str>) -> Demand<'_> {
    match access {
        Access::Public => Demand::Nothing,
        Access::AnyKey => Demand::Key,
        Access::Requires(requirement) => Demand::Permission(requirement),
        // An instance that nobody can name is one that no scope names.
        Access::RequiresOn(requirement, _) => match instance.and_then(decoded) {
            Some(instance) => Demand::PermissionOn(requirement, instance),
            None => Demand::Permission(requirement),
        },
    }
}

/// Whether a route as a framework has it is the map's, whatever the parameters are called. The
/// framework's may have a prefix that has been taken off the path already.
fn is_same(chosen: &str, mapped: &str) -> bool {
    let mut chosen = chosen.rsplit('/');
    mapped.rsplit('/').all(|wanted| {
        // The path begins with a slash; what is before it is the prefix.
        wanted.is_empty() && mapped != "/"
            || chosen.next().is_some_and(|segment| {
                match (segment.strip_prefix('{'), wanted.strip_prefix('{')) {
                    (None, None) => segment == wanted,
                    (Some(one), Some(other)) => one.starts_with('*') == other.starts_with('*'),
                    _ => false,
                }
            })
    })
}

/// A segment of a path without its percent-encoding (RFC 3986 §2.1): the service inside decodes
/// it too, and the permission must be for the instance that it will act on.
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut text = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(text).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

fn allow(methods: &[&Method]) -> HeaderValue {
    let mut names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    if names.contains(&"GET") && !names.contains(&"HEAD") {
        names.push("HEAD");
    }
    // Methods are tokens (RFC 9110 §9.1), which are always good for a header.
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::{decoded, is_same};

    #[test]
    fn routes_are_the_same_whatever_their_parameters_are_called() {
        for (chosen, mapped, expected) in [
            ("/agents", "/agents", true),
            ("/agents/{id}", "/agents/{agent}", true),
            ("/v1/agents/{id}", "/agents/{agent}", true),
            ("/files/{*rest}", "/files/{*path}", true),
            ("/", "/", true),
            ("/agents/export", "/agents/{id}", false),
            ("/files/admin", "/files/{*rest}", false),
            ("/files/{id}", "/files/{*rest}", false),
            ("/{a}/b", "/a/{b}", false),
            ("/agents", "/v1/agents", false),
            ("/calls", "/agents", false),
            ("/calls", "/", false),
        ] {
            assert_eq!(is_same(chosen, mapped), expected, "{chosen} {mapped}");
        }
    }

    #[test]
    fn segments_are_decoded_once_or_not_at_all() {
        for (segment, expected) in [
            ("agent_1", Some("agent_1")),
            ("agent%5F1", Some("agent_1")),
            ("agent%5f1", Some("agent_1")),
            ("a%255F", Some("a%5F")),
            ("a+b", Some("a+b")),
            ("%C3%A4", Some("ä")),
            ("%FF", None),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+4", None),
        ] {
            assert_eq!(decoded(segment).as_deref(), expected, "{segment}");
        }
    }
}
