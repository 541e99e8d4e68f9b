//! The whole service, from opening its store to closing it.

use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use ringyo::{
    ApiKey, FallBack, MemoryStore, Pepper, PepperId, PepperRing, PostgresStore, Preset,
    RedisConfig, RedisLimiter, Ringyo, SqliteStore, StoreError,
};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::api::end_cut_off;
use crate::app::{App, router};
use crate::config::{Config, LimiterLocation, StoreLocation};
use crate::dashboard::{DemoLogin, Sessions};
use crate::documents::Documents;
use crate::github::Github;
use crate::metrics::Metrics;
use crate::seed;

/// What kept the service from starting or from ending well.
pub type StartError = Box<dyn Error + Send + Sync>;

/// The variable that holds the peppers, if any.
const PEPPER_VARIABLE: &str = "RINGYO_PEPPER";

/// How often calls that were cut off are looked for, what was counted is added up, and GitHub's
/// keys are read again.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(5);

/// How long clients may take to hear their answers once the service is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A service that listens, with its store open and its accounts in place.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    addr: SocketAddr,
    app: App,
    router: Router,
    store: OpenStore,
    first_key: Option<ApiKey>,
}

/// What is to be closed at the end.
#[derive(Debug)]
enum OpenStore {
    Memory,
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl OpenStore {
    async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Memory => Ok(()),
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => {
                store.close();
                Ok(())
            }
        }
    }
}

impl Service {
    /// Opens everything and binds the address. Clients can connect from now on and are answered
    /// by [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// An address that is taken, a store that cannot be opened, peppers that cannot be read.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Preset::ringyo()).await
    }

    /// The same for a service that has other plans than Ringyo's.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(config: Config, preset: Preset) -> Result<Self, StartError> {
        // Before the first key is made: it is shown once, and must not be lost to a taken port.
        let listener = TcpListener::bind(config.addr).await;
        let listener = listener.map_err(|e| format!("cannot listen on {}: {e}", config.addr))?;
        let addr = listener.local_addr()?;

        let github = config
            .github_keys
            .as_deref()
            .map(Github::open)
            .transpose()?;
        let builder =
            Ringyo::builder(preset, peppers(&config)?).max_staleness(config.max_staleness);
        let (builder, documents, store) = match &config.store {
            StoreLocation::Memory => {
                let builder = builder.store(MemoryStore::new());
                (builder, Documents::in_memory()?, OpenStore::Memory)
            }
            StoreLocation::Sqlite(path) => {
                let store = SqliteStore::open(path).await?;
                // Second, since the store refuses a file in which it finds foreign tables only.
                let documents = Documents::open(store.path())?;
                let builder = builder.store(store.clone());
                (builder, documents, OpenStore::Sqlite(store))
            }
            StoreLocation::Postgres(address) => {
                let store = PostgresStore::connect(address.expose()).await?;
                let documents = Documents::connect(address.expose()).await?;
                let builder = builder.store(store.clone());
                (builder, documents, OpenStore::Postgres(store))
            }
        };
        let ringyo = match &config.limiter {
            // What the builder takes if nothing is said.
            LimiterLocation::Local => builder.build().await?,
            LimiterLocation::Redis(address) => {
                let limiter = RedisLimiter::start(RedisConfig::new(address.expose())?)?;
                // Without Redis each node counts for itself, and `/metrics` says so.
                builder.limiter(FallBack::new(limiter)).build().await?
            }
        };
        let first_key = seed::plant(&ringyo, &documents).await?;
        let login = DemoLogin::new(addr.ip(), config.allow_demo_login);
        tracing::info!(%addr, store = ?config.store, login = ?login, "the demo is ready");

        let app = App {
            ringyo,
            documents,
            sessions: Sessions::default(),
            login,
            metrics: Metrics::record()?,
            github,
            tasks: TaskTracker::new(),
        };
        end_cut_off(&app).await?;
        Ok(Self {
            listener,
            addr,
            router: router(app.clone()),
            app,
            store,
            first_key,
        })
    }

    /// The same service with something around all of its routes, such as a layer.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(Router) -> Router) -> Self {
        let router = wrap(self.router);
        Self { router, ..self }
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Tells whoever started the service where it is and, the first time, how to call it.
    ///
    /// # Errors
    ///
    /// What kept `out` from being written to.
    pub fn introduce(&self, out: &mut impl Write) -> io::Result<()> {
        let url = format!("http://{}", reachable(self.addr));
        writeln!(out, "dashboard: {url}/dashboard/login")?;
        if let Some(key) = &self.first_key {
            let key = key.expose();
            writeln!(out, "a test key of acct_pro, shown this once; try it:\n")?;
            writeln!(
                out,
                "curl -H 'Authorization: Bearer {key}' {url}/v1/agents\n"
            )?;
        }
        writeln!(out, "listening on http://{}", self.addr)
    }

    /// Answers requests until `stop` is done, then ends: requests that have begun are answered,
    /// last-used times saved, the store closed.
    ///
    /// # Errors
    ///
    /// What kept the last-used times from being saved or the store from being closed.
    pub async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), StartError> {
        let App {
            ringyo,
            documents,
            tasks,
            ..
        } = self.app.clone();
        let cleaning = tokio::spawn(clean_up(self.app.clone()));
        let service = self
            .router
            .into_make_service_with_connect_info::<SocketAddr>();

        let (stopping, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(self.listener, service).with_graceful_shutdown(async move {
            stop.await;
            drop(stopping);
        });
        let out_of_time = async {
            // Ends with an error when the sender is dropped, which is what is waited for.
            let _ = stopped.await;
            tracing::info!("stopping");
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = serving => served?,
            () = out_of_time => tracing::warn!("some requests took too long to be waited for"),
        }
        // Connections are gone, but who hung up may have left a request behind that goes on.
        tasks.close();
        if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
            tracing::warn!("some requests took too long to be ended");
        }
        cleaning.abort();

        // Each of them, whatever became of the one before.
        let saved = ringyo.shutdown().await;
        documents.close().await;
        let closed = self.store.close().await;
        saved?;
        closed?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Notes that the first key has been shown, so that the next start shows none.
    ///
    /// # Errors
    ///
    /// What kept the documents from being written. Then the next start makes another first key.
    pub async fn note_introduced(&self) -> Result<(), StartError> {
        match &self.first_key {
            Some(_) => seed::note_shown(&self.app.documents).await,
            None => Ok(()),
        }
    }
}

/// Ends calls that another process, or this one before it crashed, has left behind, adds up what
/// was counted, and takes in what has changed of GitHub's keys.
async fn clean_up(app: App) {
    loop {
        tokio::time::sleep(CLEAN_UP_EVERY).await;
        app.metrics.add_up();
        if let Some(github) = &app.github {
            github.refresh().await;
        }
        if let Err(error) = end_cut_off(&app).await {
            let error = &*error as &dyn Error;
            tracing::warn!(error, "calls that were cut off could not be ended");
        }
    }
}

fn peppers(config: &Config) -> Result<PepperRing, StartError> {
    if std::env::var_os(PEPPER_VARIABLE).is_some() {
        return Ok(PepperRing::from_env(PEPPER_VARIABLE)?);
    }
    match config.pepper_path() {
        Some(path) => {
            let keys = match &config.store {
                StoreLocation::Sqlite(keys) => Some(keys),
                StoreLocation::Memory | StoreLocation::Postgres(_) => None,
            };
            if let Some(keys) = keys.filter(|keys| keys.exists() && !path.exists()) {
                // A new pepper would turn every key in there into a forged one.
                let (keys, path) = (keys.display(), path.display());
                return Err(format!("{keys} exists, and its pepper file {path} is missing").into());
            }
            Ok(PepperRing::from_file_or_create(path)?)
        }
        None if config.store == StoreLocation::Memory => {
            Ok(Pepper::generate(PepperId::new(1)).into())
        }
        // One that this node made up would make forgeries of the keys of all others.
        None => Err(format!(
            "nodes that share a database need the same peppers: set {PEPPER_VARIABLE} or name a \
             file with --pepper-file"
        )
        .into()),
    }
}

/// The address as somebody on this machine can use it.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}
