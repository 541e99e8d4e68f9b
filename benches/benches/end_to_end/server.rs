//! The service: this program once more, as a child.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use ringyo::preset::ringyo::AGENTS_READ;
use ringyo::tower::{AuthLayer, ClientAddress};
use ringyo::{PepperRing, Plan, Preset, Quota, Ringyo, SqliteStore};

/// Which service the child is to be, and on which file.
const KIND: &str = "RINGYO_BENCH_SERVER";
const DATABASE: &str = "RINGYO_BENCH_DATABASE";

const PEPPER: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(kind: &str, database: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(KIND, kind)
            .env(DATABASE, database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap();
        Self { child, address }
    }

    /// What it has had of the processors.
    pub(crate) fn processor_time(&self) -> Duration {
        processor_time(&self.child.id().to_string())
    }

    /// What it holds of the memory of the machine, in bytes.
    pub(crate) fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kibibytes = line.split_whitespace().nth(1).unwrap();
        1024.0 * kibibytes.parse::<f64>().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What the threads of a process have had of the processors (in nanoseconds in Linux's
/// `/proc/…/schedstat`).
pub(crate) fn processor_time(process: &str) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let of_thread = |thread: std::io::Result<fs::DirEntry>| -> u64 {
        // A thread may end between the one line and the other.
        let told = fs::read_to_string(thread.unwrap().path().join("schedstat"));
        let told = told.unwrap_or_default();
        told.split(' ').next().unwrap().parse().unwrap_or(0)
    };
    Duration::from_nanos(threads.map(of_thread).sum())
}

pub(crate) fn peppers() -> PepperRing {
    PepperRing::parse(PEPPER).unwrap()
}

pub(crate) fn preset() -> Preset {
    let mut preset = Preset::ringyo();
    let plan = Plan::limited("wide", Quota::per_second(1_000_000_000));
    preset.plans = [plan].into_iter().collect();
    preset
}

pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(KIND).is_some()
}

pub(crate) fn serve() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors)
        .enable_all()
        .build()
        .unwrap();
    std::thread::spawn(|| {
        // Until the generator goes.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    runtime.block_on(async {
        let mut app = Router::new().route("/agents", get(async || "[]"));
        if std::env::var(KIND).unwrap() == "layered" {
            app = app.layer(layer().await);
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}

async fn layer() -> AuthLayer {
    let database = std::env::var(DATABASE).unwrap();
    let store = SqliteStore::open(&database).await.unwrap();
    let builder = Ringyo::builder(preset(), peppers()).store(store);
    let ringyo = builder.build().await.unwrap();
    AuthLayer::new(ringyo)
        .require(&AGENTS_READ)
        .client_address(ClientAddress::BehindProxies(NonZeroUsize::MIN))
}
