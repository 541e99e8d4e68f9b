//! The types of `proto/agents.proto`, for the service and its clients.

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::missing_errors_doc,
    reason = "it is generated"
)]
pub mod proto {
    tonic::include_proto!("ringyo.example.v1");
}
