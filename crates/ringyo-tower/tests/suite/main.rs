//! What the layer does to requests and responses, through its public face.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod client_address;
mod decisions;
mod extractors;
mod grpc;
mod hyper_server;
mod layers;
mod readiness;
mod request_id;
mod routes;
mod support;
