//! What operators see of a decision. Never a key.

use std::error::Error;
use std::time::Duration;

use ringyo_auth::{AuthError, Caller, Unavailable};
use tracing::field::{Empty, display};
use tracing::{Span, debug, info_span, warn};

use crate::RequestId;
use crate::demand::Denial;
use crate::meters::Meters;

/// What the decision is called when a request is let in.
const ALLOWED: &str = "allowed";

pub(crate) fn span(id: &RequestId) -> Span {
    info_span!(
        target: "ringyo",
        "ringyo.request",
        request_id = id.as_str(),
        key_id = Empty,
        account = Empty,
        mode = Empty,
        decision = Empty,
    )
}

/// A request to a public route goes on, and nothing was decided.
pub(crate) fn public(span: &Span) {
    span.record("decision", "public");
}

pub(crate) fn allowed(meters: &Meters, span: &Span, caller: &Caller, took: Option<Duration>) {
    know(span, caller);
    span.record("decision", ALLOWED);
    meters.allowed(caller, took);
    rate_checked_for(meters, caller);
}

/// `took` is `None` where the question was asked of a request that had been let in before, or where
/// nobody wants to know.
pub(crate) fn refused(
    meters: &Meters,
    span: &Span,
    denial: &Denial,
    code: &'static str,
    caller: Option<&Caller>,
    took: Option<Duration>,
) {
    let mode = caller.map_or("unknown", |caller| caller.mode().as_str());
    if let Some(caller) = caller {
        know(span, caller);
    }
    if let Denial::Auth(error) = denial {
        know_key_of(span, error);
        rate_checked_in(meters, error);
        tell(error);
    }
    span.record("decision", code);
    meters.refused(code, mode);
    if let Some(took) = took {
        meters.record(took);
        if let Some(caller) = caller {
            rate_checked_for(meters, caller);
        }
    }
}

/// The rate was asked about and is fine.
fn rate_checked_for(meters: &Meters, caller: &Caller) {
    if let Some(decision) = caller.rate() {
        let by = decision.checked_by();
        meters.rate_checked(by.as_str(), by.reason().map(|reason| reason.as_str()));
    }
}

/// The rate was asked about, and that is why the request is refused.
fn rate_checked_in(meters: &Meters, error: &AuthError) {
    match error {
        AuthError::RateLimited(decision) => {
            let by = decision.checked_by();
            meters.rate_checked(by.as_str(), by.reason().map(|reason| reason.as_str()));
        }
        AuthError::Unavailable(Unavailable::Limiter(error)) => {
            meters.rate_checked("nobody", Some(error.kind().as_str()));
        }
        _ => {}
    }
}

fn know(span: &Span, caller: &Caller) {
    span.record("key_id", display(caller.key_id()));
    span.record("account", caller.account().as_str());
    span.record("mode", caller.mode().as_str());
}

/// Some refusals come without a caller and know the key all the same.
fn know_key_of(span: &Span, error: &AuthError) {
    if let AuthError::Revoked(id)
    | AuthError::Superseded(id)
    | AuthError::Expired(id)
    | AuthError::Disabled(id)
    | AuthError::AddressNotAllowed(id) = error
    {
        span.record("key_id", display(id));
    }
}

fn tell(error: &AuthError) {
    match error {
        AuthError::Unavailable(who) => {
            let error: &(dyn Error + 'static) = who;
            warn!(target: "ringyo", error, "authentication is unavailable");
        }
        refusal => debug!(target: "ringyo", reason = %refusal, "refused"),
    }
}
