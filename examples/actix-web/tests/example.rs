//! The example as a program of its own, asked over HTTP.

use ringyo_example_checks::{Program, Surprise, check};

#[tokio::test]
async fn it_answers_as_every_example_does() -> Result<(), Surprise> {
    let program = Program::start(env!("CARGO_BIN_EXE_ringyo-example-actix-web"))?;
    let key = program.key.as_deref().ok_or("it has shown no key")?;
    check(&program.url, key).await
}
