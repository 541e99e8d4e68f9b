//! A service with a clock that stands still, and a service inside that says what it saw.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use ringyo_auth::{Caller, IssuedKey, NewKey, Preset, Ringyo};
use ringyo_key::{Pepper, PepperId};
use ringyo_limit::{
    Charge, Decision, LimitError, LimitErrorKind, LocalLimiter, ManualClock, Now, RateLimiter,
};
use ringyo_store::MemoryStore;
use ringyo_tower::{RequestId, caller};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _, service_fn};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600_000;

pub(crate) struct Setting {
    pub(crate) ringyo: Ringyo,
    pub(crate) clock: ManualClock,
    pub(crate) limiter: RemoteLimiter,
    pub(crate) inside: Inside,
}

/// A local limiter that can be far away (it has to be asked), and out of reach.
#[derive(Debug, Clone, Default)]
pub(crate) struct RemoteLimiter {
    local: Arc<LocalLimiter>,
    pub(crate) is_far: Arc<AtomicBool>,
    pub(crate) is_down: Arc<AtomicBool>,
}

/// The service inside of the layer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inside {
    calls: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) type Inner = BoxCloneSyncService<Request<()>, Response<Full<Bytes>>, String>;

pub(crate) async fn setting() -> Setting {
    setting_of(Preset::ringyo()).await
}

pub(crate) async fn setting_of(preset: Preset) -> Setting {
    xtask::log::follow();
    let clock = ManualClock::new(START);
    let limiter = RemoteLimiter::default();
    let ringyo = Ringyo::builder(preset, Pepper::generate(PepperId::new(1)))
        .store(MemoryStore::new())
        .clock(clock.clone())
        .limiter(limiter.clone())
        .build()
        .await
        .unwrap();
    for (account, plan) in [("acct_1", "pro"), ("acct_starter", "pro")] {
        ringyo.accounts().create(account, plan).await.unwrap();
    }
    Setting {
        ringyo,
        clock,
        limiter,
        inside: Inside::default(),
    }
}

impl Setting {
    pub(crate) async fn issue(&self, new: NewKey) -> IssuedKey {
        self.ringyo.keys().issue(new).await.unwrap()
    }

    /// The `Authorization` header of a live key that may do anything.
    pub(crate) async fn key(&self) -> String {
        self.key_for(["*"]).await
    }

    /// The same for one that may do this.
    pub(crate) async fn key_for<const N: usize>(&self, scopes: [&str; N]) -> String {
        bearer(
            &self
                .issue(NewKey::live("acct_1", "Server").scopes(scopes))
                .await,
        )
    }
}

pub(crate) fn bearer(issued: &IssuedKey) -> String {
    format!("Bearer {}", issued.key.expose())
}

impl Inside {
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Answers with the account and the request id that it finds, and with the status that the
    /// query asks for.
    pub(crate) fn service(&self) -> Inner {
        let calls = self.calls.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<()>| {
            calls.fetch_add(1, Ordering::SeqCst);
            async move {
                let account = caller(request.extensions()).map(Caller::account);
                let account = account.map_or("nobody", |account| account.as_str());
                let id = RequestId::of_extensions(request.extensions());
                let id = id.map_or("none", RequestId::as_str);
                let status = request.uri().query().unwrap_or("200").parse().unwrap();
                let mut response = Response::new(Full::from(format!("{account} {id}")));
                *response.status_mut() = status;
                Ok(response)
            }
        }))
    }
}

pub(crate) fn get(path: &str) -> http::request::Builder {
    Request::get(path)
}

/// A request with a key.
pub(crate) fn get_with(path: &str, authorization: &str) -> Request<()> {
    get(path)
        .header("authorization", authorization)
        .body(())
        .unwrap()
}

pub(crate) async fn send<S, B, R>(service: S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Debug,
    R: Body<Data = Bytes>,
    R::Error: Debug,
{
    let response = service.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} came twice");
        value
    }

    /// The code in the body of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn remaining(&self) -> Option<u32> {
        let remaining = self.header("x-ratelimit-remaining")?;
        Some(remaining.parse().unwrap())
    }
}

#[async_trait]
impl RateLimiter for RemoteLimiter {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        if self.is_far.load(Ordering::SeqCst) {
            return None;
        }
        self.local.check_now(charge, now)
    }
    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        tokio::task::yield_now().await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(LimitError::new(LimitErrorKind::Unavailable));
        }
        self.local.check(charge, now).await
    }
    fn quota_changed(&self, account: &str) {
        self.local.quota_changed(account);
    }

    fn tally(&self, _account: &str) -> Option<ringyo_limit::Tally> {
        None
    }

    async fn ready(&self) -> Result<(), LimitError> {
        Ok(())
    }
}
