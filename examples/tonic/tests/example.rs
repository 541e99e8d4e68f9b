//! The example as a program of its own, asked over gRPC.

use ringyo_example_checks::{Program, Surprise};
use ringyo_example_tonic::proto::agents_client::AgentsClient;
use ringyo_example_tonic::proto::{ListRequest, RemoveRequest, VersionRequest};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request, Status};

#[tokio::test]
async fn it_refuses_as_grpc_services_do() -> Result<(), Surprise> {
    let program = Program::start(env!("CARGO_BIN_EXE_ringyo-example-tonic"))?;
    let key = program.key.as_deref().ok_or("it has shown no key")?;
    let bearer: MetadataValue<Ascii> = format!("Bearer {key}").parse()?;
    let mut agents = AgentsClient::connect(program.url.clone()).await?;

    // Nobody is asked for a key here.
    let version = agents.version(VersionRequest {}).await?;
    assert_eq!(version.into_inner().version, env!("CARGO_PKG_VERSION"));

    let refused = refusal(agents.list(ListRequest {}).await)?;
    assert_eq!(refused.code(), Code::Unauthenticated);
    let challenge = refused.metadata().get("www-authenticate");
    assert_eq!(challenge.ok_or("no challenge")?, r#"Bearer realm="ringyo""#);

    let listed = agents.list(with(&bearer, ListRequest {})).await?;
    let policy = listed.metadata().get("ratelimit-policy");
    assert_eq!(policy.ok_or("no policy")?, r#""account";q=60;w=60"#);
    assert_eq!(listed.into_inner().agents, ["an agent of acct_1"]);

    let id = "agent_1".to_owned();
    let refused = refusal(agents.remove(with(&bearer, RemoveRequest { id })).await)?;
    assert_eq!(refused.code(), Code::PermissionDenied);
    let challenge = refused.metadata().get("www-authenticate");
    let challenge = challenge.ok_or("no challenge")?.to_str()?;
    assert!(challenge.contains("agents:delete"), "{challenge}");

    // More than the plan allows within a test.
    for _ in 0..500 {
        if let Err(refused) = agents.list(with(&bearer, ListRequest {})).await {
            assert_eq!(refused.code(), Code::ResourceExhausted);
            let wait = refused.metadata().get("retry-after").ok_or("no wait")?;
            assert!(wait.to_str()?.parse::<u64>()? >= 1);
            return Ok(());
        }
    }
    Err("there is no limit".into())
}

fn with<T>(bearer: &MetadataValue<Ascii>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("authorization", bearer.clone());
    request
}

fn refusal<T>(answer: Result<T, Status>) -> Result<Status, Surprise> {
    answer.err().ok_or_else(|| "it was not refused".into())
}
