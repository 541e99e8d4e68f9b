//! The demo service as a program: `cargo run -p ringyo-demo -- --help`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use ringyo_demo::{Config, Service, StartError};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Else it logs what every statement is given, names and phone numbers among it, and whatever
    // somebody has put where an id belongs.
    let filter = match "tokio_postgres::query=info".parse() {
        Ok(no_parameters) => filter.add_directive(no_parameters),
        Err(_) => filter,
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Standard output is for what people paste.
        .with_writer(io::stderr)
        .init();
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "the demo ended");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), StartError> {
    // From here on a signal is kept until somebody waits for it.
    let stop = stop_signal()?;
    let service = Service::start(config).await?;
    // Whoever started the demo may not care to read; then nobody is there to be told.
    let _ = service.introduce(&mut io::stdout());
    let _ = io::stdout().flush();
    service.note_introduced().await?;
    service.serve(stop).await
}

#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
