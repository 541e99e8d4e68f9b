use std::collections::HashMap;
use std::fmt;

use http::Method;
use ringyo_scope::{Catalog, Requirement};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Nothing: no key is looked at, and nothing is charged to any rate.
    Public,
    /// A key that is valid, whatever it may do.
    AnyKey,
    /// A key that may do this.
    Requires(&'static Requirement),
    /// A key that may do this to the instance that a parameter of the path names. With the
    /// parameter `id` a key with `agents:update@agent_123` may `PATCH /v1/agents/agent_123`, and
    /// so may one with `agents:update`.
    RequiresOn(&'static Requirement, &'static str),
}

impl Access {
    /// What the key must be allowed to do; `None` if nothing in particular.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static Requirement> {
        match self {
            Self::Public | Self::AnyKey => None,
            Self::Requires(requirement) | Self::RequiresOn(requirement, _) => Some(requirement),
        }
    }

    /// The access as text: `public`, `any key`, `agents:read`, `agents:update on {id}`.
    pub fn display<'a>(&'a self, catalog: &'a Catalog) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| match self {
            Self::Public => f.write_str("public"),
            Self::AnyKey => f.write_str("any key"),
            Self::Requires(requirement) => write!(f, "{}", requirement.display(catalog)),
            Self::RequiresOn(requirement, parameter) => {
                write!(f, "{} on {{{parameter}}}", requirement.display(catalog))
            }
        })
    }
}

/// A route and what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path with parameters in braces: `/v1/agents/{id}`.
    pub path: &'static str,
    /// What it asks.
    pub access: Access,
}

/// Every route of a service with what it asks, declared once: [`AuthLayer`](crate::AuthLayer)
/// enforces it, documentation and OpenAPI list it, a test compares it with what is served.
///
/// Paths are written as axum 0.8 writes them: `{id}` for one segment, `{*rest}` for all that
/// follow. They are compared with the path as the layer sees it: inside of what strips a prefix,
/// such as axum's `nest`, without that prefix.
///
/// The layer guards what it is put around. In axum `Router::layer` goes around the routes that are
/// there already, so call it last; around the whole router, with what is added later and the
/// answers to wrong methods, goes `AuthLayer::layer(&auth, router)`.
///
/// A route that is not in the map is not served: by its path and, inside of axum's routers, which
/// say what they have chosen, also where another route of the map would fit. So forgetting one
/// shuts a door instead of leaving it open. The answers then, to those who have a valid key: 404
/// `not_found` for a path that is not there, 405 `method_not_allowed` with `Allow` for another
/// method. Others get the 401 that they get anywhere. (Inside of axum's `Router::layer` the router adds an `Allow` of its
/// own to it.) `HEAD` is served where `GET` is (RFC 9110
/// §9.3.2). A browser's preflight (`OPTIONS`) has no key: put the CORS layer outside of this one.
///
/// ```
/// use ringyo_auth::preset::ringyo::{AGENTS_READ, AGENTS_UPDATE, CATALOG};
/// use ringyo_tower::{Access, RouteMap};
///
/// let routes = RouteMap::new()
///     .get("/healthz", Access::Public)
///     .get("/v1/agents", Access::Requires(&AGENTS_READ))
///     .patch("/v1/agents/{id}", Access::RequiresOn(&AGENTS_UPDATE, "id"));
/// assert_eq!(
///     routes.describe(&CATALOG),
///     "GET    /healthz: public\n\
///      GET    /v1/agents: agents:read\n\
///      PATCH  /v1/agents/{id}: agents:update on {id}\n",
/// );
///
/// // In a test: what is documented, served, or both, against what is in the map.
/// let documented = [("get", "/healthz"), ("get", "/v1/agents"), ("delete", "/v1/agents/{id}")];
/// assert_eq!(routes.undeclared(documented), ["DELETE /v1/agents/{id}"]);
/// assert_eq!(routes.unserved(documented), ["PATCH /v1/agents/{id}"]);
/// ```
#[derive(Clone, Default)]
pub struct RouteMap {
    routes: Vec<Route>,
    // For each path, the places of its routes in the list.
    slots: Vec<Vec<usize>>,
    slot_of: HashMap<&'static str, usize>,
    paths: matchit::Router<usize>,
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {$(
        #[doc = concat!("Adds a route for `", stringify!($method), "`.")]
        ///
        /// # Panics
        ///
        /// As [`route`](Self::route).
        #[must_use]
        pub fn $name(self, path: &'static str, access: Access) -> Self {
            self.route(Method::$method, path, access)
        }
    )*};
}

impl RouteMap {
    /// A map without routes: nothing is served.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

    /// Adds a route.
    ///
    /// # Panics
    ///
    /// When the path is not a pattern, when the same route was added before, when its parameters
    /// are named differently from those of an equal path, or when `access` names a parameter that
    /// the path does not have: mistakes of the program, found when it starts.
    #[must_use]
    pub fn route(mut self, method: Method, path: &'static str, access: Access) -> Self {
        if let Access::RequiresOn(_, parameter) = access {
            let braced = format!("{{{parameter}}}");
            assert!(
                path.split('/').any(|segment| segment == braced),
                "{path} has no parameter {parameter}"
            );
        }
        let slot = *self.slot_of.entry(path).or_insert_with(|| {
            if let Err(error) = self.paths.insert(path, self.slots.len()) {
                panic!("{path} cannot be in the map: {error}");
            }
            self.slots.push(Vec::new());
            self.slots.len() - 1
        });
        let places = &mut self.slots[slot];
        let is_new = places.iter().all(|&at| self.routes[at].method != method);
        assert!(is_new, "{method} {path} is in the map already");
        places.push(self.routes.len());
        self.routes.push(Route {
            method,
            path,
            access,
        });
        self
    }

    /// All routes, in the order in which they were added.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// The map as text, a route a line, for people and for tests that pin it.
    #[must_use]
    pub fn describe(&self, catalog: &Catalog) -> String {
        let line = |route: &Route| {
            let access = route.access.display(catalog);
            format!("{:<7}{}: {access}\n", route.method.as_str(), route.path)
        };
        self.routes.iter().map(line).collect()
    }

    /// Which of these routes are not in the map, as `GET /v1/agents`. A test that feeds it what
    /// is documented or served fails when somebody adds a route without saying what it asks.
    ///
    /// Methods are compared whatever their case, as OpenAPI writes them small; `HEAD` is in the
    /// map where `GET` is; what parameters are called does not matter.
    #[must_use]
    pub fn undeclared<M: AsRef<str>, P: AsRef<str>>(
        &self,
        served: impl IntoIterator<Item = (M, P)>,
    ) -> Vec<String> {
        let declared: Vec<Shape> = self.routes.iter().map(Shape::of).collect();
        served
            .into_iter()
            .map(|(method, path)| Shape::new(method.as_ref(), path.as_ref()))
            .filter(|asked| !declared.iter().any(|shape| shape.serves(asked)))
            .map(|asked| asked.written)
            .collect()
    }

    /// Which routes of the map are not among these, as `GET /v1/agents`: what is left over after
    /// a route was removed, or is not documented. Compared as by [`undeclared`](Self::undeclared).
    #[must_use]
    pub fn unserved<M: AsRef<str>, P: AsRef<str>>(
        &self,
        served: impl IntoIterator<Item = (M, P)>,
    ) -> Vec<String> {
        let served: Vec<Shape> = served
            .into_iter()
            .map(|(method, path)| Shape::new(method.as_ref(), path.as_ref()))
            .collect();
        self.routes
            .iter()
            .map(Shape::of)
            .filter(|shape| !served.iter().any(|served| served.serves(shape)))
            .map(|shape| shape.written)
            .collect()
    }

    /// The route for a request.
    pub(crate) fn find<'p>(&self, method: &Method, path: &'p str) -> Found<'_, 'p> {
        let Ok(found) = self.paths.at(path) else {
            return Found::Nothing;
        };
        let places = &self.slots[*found.value];
        let of = |wanted: &Method| {
            let mut routes = places.iter().map(|&at| &self.routes[at]);
            routes.find(|route| route.method == *wanted)
        };
        let route = of(method).or_else(|| {
            let is_head = *method == Method::HEAD;
            is_head.then(|| of(&Method::GET)).flatten()
        });
        match route {
            None => Found::OtherMethods(places.iter().map(|&at| &self.routes[at].method).collect()),
            Some(route) => Found::Route {
                path: route.path,
                access: route.access,
                instance: match route.access {
                    Access::RequiresOn(_, parameter) => found.params.get(parameter),
                    _ => None,
                },
            },
        }
    }
}

/// What the map says of a request.
pub(crate) enum Found<'m, 'p> {
    Route {
        path: &'static str,
        access: Access,
        // As it stands in the path, not decoded.
        instance: Option<&'p str>,
    },
    OtherMethods(Vec<&'m Method>),
    Nothing,
}

/// A route as it is compared.
struct Shape {
    method: String,
    path: String,
    written: String,
}

impl Shape {
    fn new(method: &str, path: &str) -> Self {
        let method = method.to_ascii_uppercase();
        let blank = |segment: &str| match segment.strip_prefix('{') {
            Some(name) if name.starts_with('*') => "{*}/".to_owned(),
            Some(_) => "{}/".to_owned(),
            None => format!("{segment}/"),
        };
        Self {
            path: path.split('/').map(blank).collect(),
            written: format!("{method} {path}"),
            method,
        }
    }

    fn of(route: &Route) -> Self {
        Self::new(route.method.as_str(), route.path)
    }

    fn serves(&self, asked: &Self) -> bool {
        let is_method = self.method == asked.method;
        let is_head = self.method == "GET" && asked.method == "HEAD";
        self.path == asked.path && (is_method || is_head)
    }
}

impl fmt::Debug for RouteMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.routes).finish()
    }
}
