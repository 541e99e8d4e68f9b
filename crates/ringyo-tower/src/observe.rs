//! What operators see of a decision. Never a key.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use ringyo_auth::{AuthError, Caller, Unavailable};
use tracing::field::{Empty, display};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span, debug, info_span, warn};

use crate::RequestId;
use crate::admission::Who;
use crate::demand::Denial;
use crate::meters::Meters;

/// What the decision is called when a request is let in.
const ALLOWED: &str = "allowed";

#[inline]
pub(crate) fn span(id: &RequestId) -> Span {
    // One that nobody wants still has its name and tells of it here and there.
    if LevelFilter::current() < Level::INFO {
        return Span::none();
    }
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

/// `took` is `None` where nobody reads the metrics.
#[inline]
pub(crate) fn allowed(meters: &Meters, span: &Span, caller: &Caller, took: Option<Duration>) {
    // A span looks for the names of its fields even if nobody listens.
    if !span.is_disabled() {
        know(span, caller);
        span.record("decision", ALLOWED);
    }
    if let Some(took) = took {
        meters.allowed(caller, took);
        rate_checked_for(meters, caller);
    }
}

/// `took` is `None` where the question was asked of a request that had been let in before, or where
/// nobody wants to know.
pub(crate) fn refused(
    meters: &Meters,
    span: &Span,
    denial: &Denial,
    code: &'static str,
    who: Who<'_>,
    took: Option<Duration>,
) {
    let mode = match who {
        Who::Unknown => "unknown",
        Who::Key(key) => {
            know_key(span, key.id(), key.account().as_str(), key.mode().as_str());
            key.mode().as_str()
        }
        Who::Caller(caller) => {
            know(span, caller);
            caller.mode().as_str()
        }
    };
    if let Denial::Auth(error) = denial {
        rate_checked_in(meters, error);
        tell(error);
    }
    span.record("decision", code);
    meters.refused(code, mode);
    if let Some(took) = took {
        meters.record(took);
        if let Some(caller) = who.caller() {
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
        AuthError::RateLimited(exceeded) => {
            let by = exceeded.decision().checked_by();
            meters.rate_checked(by.as_str(), by.reason().map(|reason| reason.as_str()));
        }
        AuthError::Unavailable(Unavailable::Limiter(error)) => {
            meters.rate_checked("nobody", Some(error.kind().as_str()));
        }
        _ => {}
    }
}

fn know(span: &Span, caller: &Caller) {
    let (account, mode) = (caller.account().as_str(), caller.mode().as_str());
    know_key(span, caller.key_id(), account, mode);
}

fn know_key(span: &Span, id: impl Display, account: &str, mode: &str) {
    span.record("key_id", display(id));
    span.record("account", account);
    span.record("mode", mode);
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
