//! What operators see, and that no key is in it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use ringyo_auth::preset::ringyo::{AGENTS_READ, CALLS_READ};
use ringyo_auth::{NewKey, Preset, Ringyo};
use ringyo_key::{Pepper, PepperId};
use ringyo_limit::{FailClosed, FailOpen, FallBack, ManualClock, RateLimiter};
use ringyo_redis::{RedisConfig, RedisLimiter};
use ringyo_store::MemoryStore;
use ringyo_tower::{
    Access, AuthLayer, DECISION_DURATION_SECONDS, DECISIONS_TOTAL, RATE_CHECKS_TOTAL, RouteMap,
};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tracing_subscriber::fmt::format::FmtSpan;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The log lines of this thread, on which a test runs whole. There is one subscriber for all:
/// tracing remembers for a whole process which spans somebody listens to.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(text));
        Ok(text.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn listen() -> Self {
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_span_events(FmtSpan::FULL)
                .with_writer(|| Lines)
                .init();
        });
        Self
    }

    fn take(&self) -> String {
        String::from_utf8(LINES.take()).unwrap()
    }
}

struct Setting {
    ringyo: Ringyo,
    live: String,
    test: String,
    revoked: String,
    live_id: String,
    revoked_id: String,
}

async fn setting() -> Setting {
    let ringyo = Ringyo::builder(Preset::ringyo(), Pepper::generate(PepperId::new(1)))
        .store(MemoryStore::new())
        .clock(ManualClock::new(1_767_225_600_000))
        .build()
        .await
        .unwrap();
    ringyo.accounts().create("acct_1", "pro").await.unwrap();
    let keys = ringyo.keys();
    let new = NewKey::live("acct_1", "l").scopes(["agents:read"]);
    let live = keys.issue(new).await.unwrap();
    let new = NewKey::test("acct_1", "t").scopes(["agents:read"]);
    let test = keys.issue(new).await.unwrap();
    let new = NewKey::live("acct_1", "r").scopes(["agents:read"]);
    let revoked = keys.issue(new).await.unwrap();
    keys.revoke(revoked.record.id).await.unwrap();
    Setting {
        ringyo: ringyo.clone(),
        live: live.key.expose().to_owned(),
        test: test.key.expose().to_owned(),
        revoked: revoked.key.expose().to_owned(),
        live_id: live.record.id.to_string(),
        revoked_id: revoked.record.id.to_string(),
    }
}

async fn ask<S, R>(service: &S, path: &str, key: &str)
where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible> + Clone,
{
    let request = Request::get(path)
        .header("authorization", format!("Bearer {key}"))
        .header("x-request-id", "r1");
    let request = request.body(()).unwrap();
    let _ = service.clone().oneshot(request).await.unwrap();
}

async fn inside(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    tokio::task::yield_now().await;
    tracing::info!(target: "inside", "at work");
    Ok(Response::default())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

fn routes() -> RouteMap {
    RouteMap::new()
        .get("/", Access::Requires(&AGENTS_READ))
        .get("/calls", Access::Requires(&CALLS_READ))
        .get("/public", Access::Public)
}

#[test]
fn spans_tell_who_and_what_and_never_the_key() {
    let lines = Lines::listen();
    block_on(async {
        let setting = setting().await;
        lines.take();
        let layer = AuthLayer::new(setting.ringyo.clone()).routes(routes());
        let service = layer.layer(service_fn(inside));
        let Setting {
            live,
            test,
            revoked,
            ..
        } = &setting;
        let broken = &live[..live.len() - 1];
        let mut all = String::new();

        // Cold and warm.
        for _ in 0..2 {
            ask(&service, "/", live).await;
            let told = lines.take();
            let work = told.lines().find(|line| line.contains("at work")).unwrap();
            for field in [
                "ringyo.request{",
                "request_id=\"r1\"",
                &format!("key_id={}", setting.live_id),
                "account=\"acct_1\"",
                "mode=\"live\"",
                "decision=\"allowed\"",
            ] {
                assert!(work.contains(field), "{field} in {work}");
            }
            all += &told;
        }
        for (path, key, expected) in [
            ("/calls", live, "decision=\"insufficient_permissions\""),
            ("/nowhere", live, "decision=\"not_found\""),
            ("/", revoked, "decision=\"api_key_revoked\""),
            ("/", revoked, &*format!("key_id={}", setting.revoked_id)),
            ("/", revoked, "account=\"acct_1\""),
            ("/", revoked, "mode=\"live\""),
            ("/", &broken.to_owned(), "decision=\"invalid_api_key\""),
            ("/public", live, "decision=\"public\""),
            ("/", test, "mode=\"test\""),
        ] {
            ask(&service, path, key).await;
            let told = lines.take();
            let last = told.lines().rfind(|line| line.contains(" close ")).unwrap();
            assert!(last.contains(expected), "{expected} in {last}");
            all += &told;
        }

        // Nothing of what is secret: neither whole keys nor their secret, tag or checksum.
        let secret = |key: &str| key.split_at("rg_live_".len() + 12).1.to_owned();
        let needles: Vec<String> = [live, test, revoked].map(|key| secret(key)).into();
        let leaks = |text: &str| {
            needles.iter().any(|secret| {
                let pieces = secret.as_bytes().windows(8);
                let mut pieces = pieces.map(|piece| std::str::from_utf8(piece).unwrap());
                pieces.any(|piece| text.contains(piece))
            })
        };
        assert!(all.len() > 5_000 && !leaks(&all), "{all}");
        // The control: a key that is logged is found.
        tracing::trace!(key = %live, "planted");
        assert!(leaks(&lines.take()));
    });
}

#[test]
fn a_layer_inside_tells_in_the_same_span() {
    let lines = Lines::listen();
    block_on(async {
        let setting = setting().await;
        lines.take();
        let layer = AuthLayer::new(setting.ringyo.clone());
        let inner = layer.require(&CALLS_READ).layer(service_fn(inside));
        ask(&layer.layer(inner), "/", &setting.live).await;
        let told = lines.take();
        let spans = told.lines().filter(|line| line.contains(" close "));
        assert_eq!(spans.count(), 1, "{told}");
        assert!(
            told.contains("decision=\"insufficient_permissions\""),
            "{told}"
        );
    });
}

fn counted(metrics: &PrometheusHandle, decision: &str, mode: &str) -> u64 {
    let line = format!("{DECISIONS_TOTAL}{{decision=\"{decision}\",mode=\"{mode}\"}} ");
    let rendered = metrics.render();
    let mut counts = rendered.lines().filter_map(|text| text.strip_prefix(&line));
    counts.next().map_or(0, |count| count.parse().unwrap())
}

#[test]
fn decisions_are_counted_and_timed() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    block_on(async {
        let setting = setting().await;
        let layer = AuthLayer::new(setting.ringyo.clone()).routes(routes());
        let service = layer.layer(service_fn(inside));
        let Setting {
            live,
            test,
            revoked,
            ..
        } = &setting;

        // Before there is a recorder nothing is counted, and that the layer is older than the
        // recorder does no harm.
        ask(&service, "/", live).await;
        let _recording = metrics::set_default_local_recorder(&recorder);
        for (path, key) in [
            ("/", live),
            ("/", live),
            ("/", test),
            ("/calls", test),
            ("/nowhere", live),
            ("/", revoked),
            ("/", &"nonsense".to_owned()),
            ("/public", live),
        ] {
            ask(&service, path, key).await;
        }
        for _ in 0..60 {
            ask(&service, "/", live).await;
        }
        for (decision, mode, expected) in [
            // One was not recorded, one of 60 was spent where there is nothing.
            ("allowed", "live", 58),
            ("allowed", "test", 1),
            ("rate_limit_exceeded", "live", 4),
            ("insufficient_permissions", "test", 1),
            ("not_found", "live", 1),
            ("api_key_revoked", "live", 1),
            ("invalid_api_key", "unknown", 1),
            ("public", "unknown", 0),
        ] {
            let count = counted(&metrics, decision, mode);
            assert_eq!(count, expected, "{decision} {mode}");
        }
        // Each of them asked about the rate, but those without a caller.
        assert_eq!(checked(&metrics, "local", "none"), 65);
        let rendered = metrics.render();
        let timed = format!("{DECISION_DURATION_SECONDS}_count 67\n");
        assert!(rendered.contains(&timed), "{rendered}");
        let fresh = AuthLayer::new(setting.ringyo.clone());
        drop(fresh);
        let described = format!("# HELP {DECISIONS_TOTAL} Requests that were let in");
        assert!(
            metrics.render().contains(&described),
            "{}",
            metrics.render()
        );
    });
}

/// Who answered questions about the rate, and why it was not the limiter.
fn checked(metrics: &PrometheusHandle, checked_by: &str, reason: &str) -> u64 {
    let line = format!("{RATE_CHECKS_TOTAL}{{checked_by=\"{checked_by}\",reason=\"{reason}\"}} ");
    let rendered = metrics.render();
    let count = rendered.lines().find_map(|other| other.strip_prefix(&line));
    count.map_or(0, |count| count.parse().unwrap())
}

/// Asks ten times with a limiter of this kind, and gives what was counted.
fn checked_with(
    limiter: impl FnOnce() -> std::sync::Arc<dyn RateLimiter>,
    expected: &[(&str, &str, u64)],
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    block_on(async {
        let ringyo = Ringyo::builder(Preset::ringyo(), Pepper::generate(PepperId::new(1)))
            .store(MemoryStore::new())
            .limiter(limiter())
            .build()
            .await
            .unwrap();
        ringyo.accounts().create("acct_1", "pro").await.unwrap();
        let new = NewKey::live("acct_1", "l").scopes(["agents:read"]);
        let new = new.quota_per_minute(std::num::NonZeroU32::new(4).unwrap());
        let issued = ringyo.keys().issue(new).await.unwrap();
        let layer = AuthLayer::new(ringyo).routes(routes());
        let service = layer.layer(service_fn(inside));
        let _recording = metrics::set_default_local_recorder(&recorder);
        for _ in 0..9 {
            ask(&service, "/", issued.key.expose()).await;
        }
        // What lacks a permission has been asked about too.
        ask(&service, "/calls", issued.key.expose()).await;
    });
    let mut total = 0;
    for (checked_by, reason, count) in expected {
        let counted = checked(&metrics, checked_by, reason);
        assert_eq!(
            counted,
            *count,
            "{checked_by} {reason}: {}",
            metrics.render()
        );
        total += counted;
    }
    assert_eq!(total, 10);
}

#[test]
fn who_checked_the_rate_is_counted() {
    let dead = || {
        // Nobody listens on port 1.
        let config = RedisConfig::new("redis://127.0.0.1:1").unwrap();
        RedisLimiter::start(config).unwrap()
    };
    let why = "unavailable";
    checked_with(
        || std::sync::Arc::new(FallBack::new(dead())),
        &[("fallback", why, 10), ("nobody", why, 0)],
    );
    checked_with(
        || std::sync::Arc::new(FailOpen::with_no_limits_during_outages(dead())),
        &[("bypassed", why, 10), ("fallback", why, 0)],
    );
    checked_with(
        || std::sync::Arc::new(FailClosed::new(dead())),
        &[("nobody", why, 10), ("bypassed", why, 0)],
    );
    let Some(address) = xtask::servers::for_tests::shared_redis() else {
        return;
    };
    checked_with(
        || {
            let config = RedisConfig::new(&address).unwrap();
            // Patient: this is not about time.
            let config = config.with_deadline(Duration::from_secs(20));
            let prefix = format!("observed-{}", std::process::id());
            let config = config.with_prefix(&prefix).unwrap();
            std::sync::Arc::new(FallBack::new(RedisLimiter::start(config).unwrap()))
        },
        &[("remote", "none", 4), ("remote_denial", "none", 6)],
    );
}

#[test]
fn how_long_a_decision_took_is_told_by_the_clock_of_the_service() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    block_on(async {
        let clock = ManualClock::new(1_767_225_600_000);
        let limiter = Slow {
            clock: clock.clone(),
        };
        let ringyo = Ringyo::builder(Preset::ringyo(), Pepper::generate(PepperId::new(1)))
            .store(MemoryStore::new())
            .clock(clock)
            .limiter(limiter)
            .build()
            .await
            .unwrap();
        ringyo.accounts().create("acct_1", "pro").await.unwrap();
        let new = NewKey::live("acct_1", "l").scopes(["*"]);
        let issued = ringyo.keys().issue(new).await.unwrap();
        let service = AuthLayer::new(ringyo).layer(service_fn(inside));
        let _recording = metrics::set_default_local_recorder(&recorder);
        ask(&service, "/", issued.key.expose()).await;
    });
    let sum = format!("{DECISION_DURATION_SECONDS}_sum 0.25\n");
    assert!(metrics.render().contains(&sum), "{}", metrics.render());
}

/// A limiter that takes a quarter of a second.
#[derive(Debug)]
struct Slow {
    clock: ManualClock,
}

#[async_trait::async_trait]
impl ringyo_limit::RateLimiter for Slow {
    fn check_now(
        &self,
        _: &ringyo_limit::Charge<'_>,
        _: ringyo_limit::Now,
    ) -> Option<ringyo_limit::Decision> {
        None
    }
    async fn check(
        &self,
        charge: &ringyo_limit::Charge<'_>,
        now: ringyo_limit::Now,
    ) -> Result<ringyo_limit::Decision, ringyo_limit::LimitError> {
        self.clock.advance(Duration::from_millis(250));
        ringyo_limit::LocalLimiter::new().check(charge, now).await
    }
    fn quota_changed(&self, _: &str) {}

    fn tally(&self, _account: &str) -> Option<ringyo_limit::Tally> {
        None
    }

    async fn ready(&self) -> Result<(), ringyo_limit::LimitError> {
        Ok(())
    }
}
