//! The types of `proto/agents.proto`, for the service and its clients.

#[allow(missing_docs, clippy::all, unreachable_pub, reason = "it is generated")]
pub mod proto {
    tonic::include_proto!("ringyo.example.v1");
}
