//! Which operations have been seen to do what they are for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};

/// The requests that were answered with success, each as `GET /v1/agents`. A cheap handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<BTreeSet<String>>>);

impl Tally {
    /// Counts whatever a service answers.
    pub(crate) fn of(&self, router: Router) -> Router {
        let tally = self.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let tally = tally.clone();
            async move {
                let line = format!("{} {}", request.method(), request.uri().path());
                let response = next.run(request).await;
                if response.status().is_success() {
                    let mut lines = tally.0.lock().unwrap_or_else(PoisonError::into_inner);
                    lines.insert(line);
                }
                response
            }
        }))
    }

    /// Whether an operation such as `GET /v1/agents/{id}` is among them.
    pub(crate) fn has(&self, operation: &str) -> bool {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(|line| is_of(line, operation))
    }
}

fn is_of(line: &str, operation: &str) -> bool {
    let (mut line, mut operation) = (line.split('/'), operation.split('/'));
    loop {
        match (line.next(), operation.next()) {
            (None, None) => return true,
            (Some(part), Some(wanted)) if part == wanted || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}
