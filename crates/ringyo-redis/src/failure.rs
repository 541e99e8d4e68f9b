//! What a failure of the client or the server means to whoever asked.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use ringyo_limit::{LimitError, LimitErrorKind};

/// A call that was sent has failed.
pub(crate) fn of_call(error: RedisError) -> LimitError {
    LimitError::new(kind(&error)).with_source(error)
}

/// There was no connection to send a call on.
pub(crate) fn of_connection(error: RedisError) -> LimitError {
    let kind = match kind(&error) {
        // Nothing was sent, so nothing was charged.
        LimitErrorKind::Timeout => LimitErrorKind::Unavailable,
        other => other,
    };
    LimitError::new(kind).with_source(error)
}

/// Whether the server does not know the script.
pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether another connection might lead to another server, one that takes writes: this one is a
/// replica now, or a master that was cut off from its replicas, of which one may have been promoted.
pub(crate) fn asks_for_another_server(error: &RedisError) -> bool {
    matches!(code(error), Some("READONLY" | "NOREPLICAS" | "MASTERDOWN"))
}

/// Whether an answer came, even if it is a refusal.
pub(crate) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn kind(error: &RedisError) -> LimitErrorKind {
    match error.kind() {
        ErrorKind::ClusterConnectionNotFound | ErrorKind::NoValidReplicasFoundBySentinel => {
            LimitErrorKind::Unavailable
        }
        // The connection broke, perhaps in the middle of the answer: the call may have been carried
        // out.
        ErrorKind::Io | ErrorKind::Parse => LimitErrorKind::Timeout,
        _ => match code(error) {
            Some(
                // It starts, or a script of somebody else's has it for itself.
                "LOADING" | "BUSY"
                // Somebody else is responsible, or soon will be.
                | "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" | "READONLY"
                | "NOREPLICAS",
            ) => LimitErrorKind::Unavailable,
            // Among them what a server that is full (`OOM`) or cannot save (`MISCONF`) says.
            _ => LimitErrorKind::Misconfigured,
        },
    }
}

/// The word that the server's answer begins with.
///
/// Before version 7 an error that stops a script comes within another one: `ERR Error running
/// script (call to f_…): @user_script:17: @user_script: 17: -READONLY You can't …`.
fn code(error: &RedisError) -> Option<&str> {
    let within = error
        .detail()
        .filter(|detail| detail.starts_with("Error running script"))
        .and_then(|detail| detail.split_once(": -"))
        .and_then(|(_, within)| within.split_whitespace().next());
    within.or_else(|| error.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        value.unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn what_stops_a_script_is_found_in_the_answers_of_all_versions() {
        for (said, kind, another) in [
            ("READONLY You can't", LimitErrorKind::Unavailable, true),
            ("NOREPLICAS Not enough", LimitErrorKind::Unavailable, true),
            ("MASTERDOWN Link with", LimitErrorKind::Unavailable, true),
            ("LOADING Redis is", LimitErrorKind::Unavailable, false),
            ("BUSY Redis is busy", LimitErrorKind::Unavailable, false),
            ("OOM command not", LimitErrorKind::Misconfigured, false),
            ("MISCONF Redis is", LimitErrorKind::Misconfigured, false),
            ("WRONGTYPE Operation", LimitErrorKind::Misconfigured, false),
            ("ERR unknown", LimitErrorKind::Misconfigured, false),
        ] {
            let before_7 = format!(
                "ERR Error running script (call to f_0123): @user_script:17: @user_script: 17: -{said}"
            );
            for error in [answer(said), answer(&before_7)] {
                assert_eq!(of_call(error.clone()).kind(), kind, "{error:?}");
                assert_eq!(asks_for_another_server(&error), another, "{error:?}");
                assert!(is_answer(&error));
            }
        }
    }
}
