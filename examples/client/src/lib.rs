//! Teaches the manners of a client: it reads its key from the environment, waits as long as it is
//! told when it is too fast (429) or the service is not ready (503), backs off with jitter when it
//! is not told, and sends an `Idempotency-Key`, so that trying again can never cost twice.
//!
//! Run it against the demo with `RINGYO_API_KEY=rg_test_… cargo run -p ringyo-client`.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// The longest a client lets itself be told to wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of the voice-agent API.
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the key, nor `http`, which may hold it one day.
        write!(f, "Client({})", self.base)
    }
}

impl Client {
    /// A client that reads its key from the variable `RINGYO_API_KEY`.
    ///
    /// # Errors
    ///
    /// When the variable is not set.
    pub fn from_env(base: impl Into<String>) -> Result<Self, std::env::VarError> {
        Ok(Self::new(base, std::env::var("RINGYO_API_KEY")?))
    }

    /// A client with that key.
    pub fn new(base: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            http: http(),
            base: base.into(),
            key: key.into(),
        }
    }

    /// Places a call, once, however often it has to be asked for.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the service says no for good, or for too long.
    pub async fn place_call(&self, agent_id: &str, number: &str) -> Result<Value, Refused> {
        // One key for all tries: that is what makes trying again harmless.
        let idempotency_key = format!("{:032x}", rand::random::<u128>());
        let body = json!({ "agent_id": agent_id, "phone_number": number });
        self.send(|| {
            self.http
                .post(format!("{}/v1/calls", self.base))
                .header("idempotency-key", &idempotency_key)
                .json(&body)
        })
        .await
    }

    /// The agents of the account.
    ///
    /// # Errors
    ///
    /// As [`place_call`](Self::place_call).
    pub async fn agents(&self) -> Result<Value, Refused> {
        self.send(|| self.http.get(format!("{}/v1/agents", self.base)))
            .await
    }

    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Value, Refused> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_times(5)
            .with_jitter();
        (async || {
            let sent = request().bearer_auth(&self.key).send().await;
            read(sent.map_err(Refused::unreachable)?).await
        })
        .retry(backoff)
        .when(|refused: &Refused| refused.is_worth_another_try())
        // What the service says beats what the backoff guesses. The guess comes on top, so that
        // those who were all told the same do not all come back at the same moment.
        .adjust(|refused, guess| guess.map(|guess| refused.retry_after.unwrap_or_default() + guess))
        .await
    }
}

/// Nobody waits forever: not for a connection, nor for an answer.
fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(5));
    // Without TLS settings of its own, which could be wrong, there is nothing that can fail.
    builder.timeout(PATIENCE).build().unwrap_or_default()
}

async fn read(response: Response) -> Result<Value, Refused> {
    // Whatever the body is: between here and the service there may be a proxy with its own words.
    let status = response.status();
    let seconds = response.headers().get(RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = seconds.map(Duration::from_secs);
    let body = response.json::<Value>().await;
    if status.is_success() {
        return body.map_err(Refused::unreachable);
    }
    let body = body.unwrap_or_default();
    Err(Refused {
        status: Some(status),
        code: body["error"]["code"]
            .as_str()
            .unwrap_or("unknown")
            .to_owned(),
        retry_after,
    })
}

/// A no.
#[derive(Debug)]
pub struct Refused {
    /// The status code; `None` if the service could not be reached.
    pub status: Option<StatusCode>,
    /// The code of the error.
    pub code: String,
    retry_after: Option<Duration>,
}

impl Refused {
    fn unreachable(error: reqwest::Error) -> Self {
        Self {
            status: None,
            // Without the address: one with a query string may hold what is nobody's business.
            code: error.without_url().to_string(),
            retry_after: None,
        }
    }

    /// Only what time can mend, and only if it does not take too long. An idempotency key makes
    /// it safe to ask again when nobody knows what became of the first try.
    fn is_worth_another_try(&self) -> bool {
        let mends = matches!(
            self.status,
            None | Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        );
        mends && self.retry_after.is_none_or(|wait| wait <= PATIENCE)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status}: {}", self.code),
            None => write!(f, "no answer: {}", self.code),
        }
    }
}

impl Error for Refused {}
