//! What tests log.

use std::env;
use std::io;

use tracing_subscriber::EnvFilter;

/// Sends what this process logs to standard error, as much of it as `RUST_LOG` says, and nothing
/// where that is not set. A test that listens by itself has come first, and goes on to.
///
/// `cargo xtask suite-log` runs the suite so and searches the whole of it for keys and peppers.
pub fn follow() {
    if env::var_os("RUST_LOG").is_some() {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_ansi(false)
            .with_writer(io::stderr)
            .try_init();
    }
}
