//! API keys in front of anything that speaks tower: one layer authenticates every request, asks
//! for what its route requires, and answers those that it refuses.
//!
//! ```
//! use axum::{Router, routing::get};
//! use http_body_util::{BodyExt as _, Empty};
//! use ringyo_auth::preset::ringyo::{AGENTS_DELETE, AGENTS_READ};
//! use ringyo_auth::{NewKey, Preset, Ringyo};
//! # use ringyo_key::{Pepper, PepperId};
//! # use ringyo_store::MemoryStore;
//! use ringyo_tower::{Access, AuthLayer, RouteMap};
//! use tower::ServiceExt as _;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (pepper, store) = (Pepper::generate(PepperId::new(1)), MemoryStore::new());
//! let ringyo = Ringyo::builder(Preset::ringyo(), pepper).store(store).build().await?;
//!
//! let routes = RouteMap::new()
//!     .get("/healthz", Access::Public)
//!     .get("/v1/agents", Access::Requires(&AGENTS_READ))
//!     .delete("/v1/agents/{id}", Access::RequiresOn(&AGENTS_DELETE, "id"));
//! let app = Router::new()
//!     .route("/healthz", get(async || "fine"))
//!     .route("/v1/agents", get(async || "agents"))
//!     .layer(AuthLayer::new(ringyo.clone()).routes(routes));
//!
//! ringyo.accounts().create("acct_1", "pro").await?;
//! let new = NewKey::test("acct_1", "Staging").scopes(["agents:read"]);
//! let issued = ringyo.keys().issue(new).await?;
//! let request = http::Request::get("/v1/agents")
//!     .header("authorization", format!("Bearer {}", issued.key.expose()))
//!     .body(Empty::new())?;
//! let response = app.oneshot(request).await?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.headers()["x-ratelimit-remaining"], "59");
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "agents");
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//!
//! * **layer**: what is put around a service ([`AuthLayer`]); the **service inside** is the one
//!   that it is put around.
//! * **access**: what a route asks of its caller ([`Access`]): nothing, any key, or a requirement.
//! * **route map**: every route with its access, declared once ([`RouteMap`]).
//! * **caller**: who was let in ([`ringyo_auth::Caller`], which [`caller`](caller()) finds in the
//!   extensions of the request).
//! * **request id**: what one request is called in logs and answers ([`RequestId`]).
//!
//! # Contents
//!
//! [`AuthLayer`] makes an [`AuthService`], whose [`AuthFuture`] gives a response with an
//! [`AuthBody`] · [`RouteMap`], [`Route`] and [`Access`] say what routes ask · [`ClientAddress`]
//! and [`PeerAddress`] say where requests come from · [`caller`](caller()) says who · [`RequestId`] and [`X_REQUEST_ID`] ·
//! [`DECISIONS_TOTAL`], [`DECISION_DURATION_SECONDS`] and [`RATE_CHECKS_TOTAL`] name the metrics · `axum` has extractors.
//!
//! # Where it fits
//!
//! Around any `tower::Service<http::Request<B>>` that answers with `http::Response<R>`, where `R`
//! is an `http_body::Body<Data = Bytes>`: axum's `Router::layer` and `route_layer`, tonic's
//! `Server::builder().layer(…)`, and hyper through `hyper_util::service::TowerToHyperService`.
//! The service inside is cloned, as all of these do, and the one that is called is always the one
//! that was polled ready. The store is read on the current tokio runtime.
//!
//! # gRPC
//!
//! A refusal of a `POST` whose content type is `application/grpc`, `application/grpc+…` or
//! `application/grpc-web…` has no body, status 200, and these headers: `grpc-status`,
//! `grpc-message` (the code of the refusal, a colon, its message) and as metadata what the HTTP
//! answer would have had, such as `retry-after` and the rate headers.
//!
//! | refusal | `grpc-status` |
//! | --- | --- |
//! | 400 | 3 `INVALID_ARGUMENT` |
//! | 401 | 16 `UNAUTHENTICATED` |
//! | 403 | 7 `PERMISSION_DENIED` |
//! | 404, 405 of a route map | 12 `UNIMPLEMENTED` |
//! | 429 | 8 `RESOURCE_EXHAUSTED` |
//! | 503 | 14 `UNAVAILABLE` |
//!
//! # What operators see
//!
//! * The span `ringyo.request` (target `ringyo`, level info), open while the service inside works,
//!   with the fields `request_id`, `key_id`, `account`, `mode` and `decision`: `allowed`, `public`,
//!   or the code of the refusal. Fields of what is not known stay empty. Inside of it, at level
//!   debug, why a request was refused; at level warn, why authentication is unavailable. Never a
//!   key, nor a part of one that is secret.
//! * Through the `metrics` crate, to the recorder that is installed, also if that happens after
//!   the layer was made (only the texts that describe the metrics are then missing). A layer stays
//!   with the first recorder that it finds:
//!
//! | name | kind | labels |
//! | --- | --- | --- |
//! | `ringyo_decisions_total` | counter | `decision`: `allowed` or the code of the refusal; `mode`: `live`, `test`, or `unknown` when no key was proven |
//! | `ringyo_decision_duration_seconds` | histogram | none |
//! | `ringyo_rate_checks_total` | counter | `checked_by`: `local`, `remote`, `remote_denial` (remembered by this node), `fallback` or `bypassed` (decided without the limiter), `nobody` (the limiter failed, and so the request was refused); `reason`: `unavailable`, `timeout` or `misconfigured` for the last three, else `none` |
//!
//! Each decision counts: a request that one layer lets in and another one inside of it refuses is
//! an `allowed` and a refusal. Requests to public routes are not counted.
//!
//! # What it costs
//!
//! A request with a known key and a local limiter makes the layer allocate three times: one
//! extension of the request, which holds all that the layer tells, and two for the header map of a
//! response that had none. Two more for the extensions themselves if the server has put nothing
//! there, and one for a request id if none came that can be kept. A test counts them. The values of
//! the rate headers share an allocation of four KiB with those of some forty other responses of the
//! thread, so a response that is kept keeps as much. Nothing is boxed unless store or limiter are
//! asked, or the request is refused.
//!
//! In time it is four to five HMACs beside the decision, as much as the same written by hand: the
//! caller among the extensions, and six headers on the response. Those are put into places that
//! were found when the layer was made, since to find them costs as much as two HMACs. The rest goes
//! into the extension, and into handing on request and response, which are large. A recorder of
//! metrics adds two readings of the clock and three counts, a subscriber the span and its five
//! fields; without them neither is asked. `cargo bench -p ringyo-bench --bench http` tells.
//!
//! # Features
//!
//! | feature | adds | default |
//! | --- | --- | --- |
//! | `axum` | the module `axum` with extractors, and the address of the client from its `ConnectInfo` | no |

mod admission;
#[cfg(feature = "axum")]
pub mod axum;
mod body;
mod client_address;
mod demand;
mod future;
mod grpc;
mod layer;
mod meters;
mod observe;
mod outgoing;
mod refusal;
mod request_id;
mod routes;
mod service;

pub use admission::caller;
pub use body::AuthBody;
pub use client_address::{ClientAddress, PeerAddress};
pub use future::AuthFuture;
pub use layer::AuthLayer;
pub use meters::{DECISION_DURATION_SECONDS, DECISIONS_TOTAL, RATE_CHECKS_TOTAL};
pub use request_id::{RequestId, X_REQUEST_ID};
pub use routes::{Access, Route, RouteMap};
pub use service::AuthService;
