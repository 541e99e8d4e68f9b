//! Saying what a key is.

use std::io::{self, IsTerminal as _, Read as _};

use ringyo::{AuthError, Credential, InvalidKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::VerifyOptions;
use crate::failure::{Failure, chain};
use crate::output::Output;
use crate::place::{Peppers, Place, Session};
use crate::prefixes;
use crate::view::KeyView;

/// No key is as long.
const LONGEST: usize = 4_096;

/// Characters of a key's id and secret: with fewer behind a prefix it is no key.
const ID_AND_SECRET: usize = 44;

pub(crate) async fn run(
    options: VerifyOptions,
    place: &Place,
    output: Output,
) -> Result<(), Failure> {
    let session = place.open(Peppers::Needed).await?;
    let key = read()?;
    let done = inspect(&key, options, &session, output).await;
    let closed = session.close().await;
    done.and(closed)
}

async fn inspect(
    key: &[u8],
    options: VerifyOptions,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Verdict {
        key: KeyView,
        plan: String,
        refused: Option<&'static str>,
    }

    let mut credential = Credential::key(key);
    if let Some(client) = options.client {
        credential = credential.client(client);
    }
    let inspected = session.ringyo.authenticator().inspect(credential).await;
    let inspection = inspected.map_err(not_proven)?;
    let refusal = inspection.refusal;
    let http = session.ringyo.http();
    let code = |refusal: &AuthError| http.reject(refusal, session.ringyo.now()).code();
    let verdict = Verdict {
        key: KeyView::of(inspection.record, session.now()),
        plan: inspection.plan.name,
        refused: refusal.as_ref().map(code),
    };
    output.answer(&verdict, || {
        let Verdict { key, plan, .. } = &verdict;
        format!(
            "{}, {} on the plan {plan}: {}",
            key.title(),
            key.name(),
            key.state()
        )
    })?;
    match refusal {
        None => Ok(()),
        Some(refusal) => {
            let failure = Failure::refused(format!("it would be refused: {}", chain(&refusal)));
            Err(match refusal {
                AuthError::AddressNotAllowed(_) => {
                    failure.advice("--client says which address it comes from")
                }
                _ => failure,
            })
        }
    }
}

fn not_proven(error: AuthError) -> Failure {
    match error {
        AuthError::Unavailable(_) => Failure::no_answer(chain(&error)),
        AuthError::InvalidKey(InvalidKey::Unknown) => Failure::refused(
            "it was minted under a pepper of this service, and there is no record of it",
        )
        .advice("is this the service's store?"),
        AuthError::InvalidKey(InvalidKey::Forged) => {
            Failure::refused(chain(&error)).advice("are these the service's peppers?")
        }
        _ => Failure::refused(chain(&error)),
    }
}

/// Reads a key, without echo on a terminal. Never from an argument: everybody can read those.
fn read() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::because("no key could be read", &error);
    if io::stdin().is_terminal() {
        let typed = Zeroizing::new(rpassword::prompt_password("Key: ").map_err(failed)?);
        return Ok(Zeroizing::new(typed.trim().as_bytes().to_vec()));
    }
    // Room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut input = io::stdin().lock().take(LONGEST as u64);
    input.read_to_end(&mut text).map_err(failed)?;
    Ok(Zeroizing::new(text.trim_ascii().to_vec()))
}

/// Whether a text holds what may be a whole key, or most of one.
pub(crate) fn holds_key(text: &str) -> bool {
    prefixes().into_iter().any(|prefix| {
        text.match_indices(&prefix).any(|(at, _)| {
            let body = text[at + prefix.len()..].bytes();
            body.take_while(u8::is_ascii_alphanumeric).count() >= ID_AND_SECRET
        })
    })
}
