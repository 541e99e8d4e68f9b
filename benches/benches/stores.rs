//! What does a store cost, beside one plain indexed SELECT through the same driver?
//!
//! `cargo bench -p ringyo-bench --bench stores` starts a private PostgreSQL, which syncs to the
//! disk as usual, and opens a SQLite file. Decisions are timed in turns with the SELECT, what takes
//! longer after them; what is printed is the median of each and its ratio to the SELECT. Each time
//! of use is of a key of its own, and so is each change to catch up with.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]
#![allow(clippy::print_stdout, reason = "the figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ringyo::preset::ringyo::BRAND;
use ringyo::store::ChangeSet;
use ringyo::{
    AuthError, Credential, KeyFormat, KeyId, Mode, NewKey, PepperRing, Plan, PostgresStore, Preset,
    Quota, Ringyo, SqliteStore, Store, Timestamp,
};
use ringyo_bench::Result;
use tempfile::TempDir;
use xtask::servers::{PostgresOptions, for_tests};

/// Those that decisions are about.
const KEYS: usize = 1_000;
const ROUNDS: usize = 300;

const PEPPER: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Those beside them, which one statement changes: so many keys to catch up with.
const OTHERS: usize = 100_000;

/// How many times of use are saved, and how many go together as the service saves them.
const USED: usize = 10_000;
const CHUNK: usize = 1_000;

/// How often what takes longer is repeated.
const TURNS: usize = 5;

/// What the others have of one of those, under the ids 000000000000 to 000000099999.
const COPY: &str = "id, account, mode, hint, digest, pepper, name, scopes, created_at";

/// What is measured, on one store.
struct Bench<S> {
    store: S,
    warm: Ringyo,
    /// Believes nothing that it has read, so each decision reads the store.
    cold: Ringyo,
    keys: Vec<(KeyId, String)>,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let place = TempDir::new().unwrap();
        sqlite(&place).await;
        postgres().await;
    });
}

async fn sqlite(place: &TempDir) {
    let path = place.path().join("keys.db");
    let bench = Bench::new(SqliteStore::open(&path).await.unwrap()).await;
    let plain = rusqlite::Connection::open(&path).unwrap();
    let select = "SELECT digest FROM keys WHERE id = ?1";
    let mut statement = plain.prepare(select).unwrap();
    let mut floor = |id: &KeyId| {
        let digest: String = statement
            .query_row([id.as_str()], |row| row.get(0))
            .unwrap();
        black_box(digest);
    };
    let copy = COPY.replacen("id,", "printf('%012d', number),", 1);
    let others = format!(
        "WITH RECURSIVE numbers(number) AS
            (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < {OTHERS} - 1)
         INSERT INTO keys ({COPY}) SELECT {copy} FROM numbers, (SELECT * FROM keys LIMIT 1)"
    );
    plain.execute(&others, []).unwrap();
    let change = async |turn: usize, last: &KeyId| {
        let (name, last) = (format!("name {turn}"), last.as_str());
        plain.execute(CHANGE, [&name, last]).unwrap();
    };
    bench
        .run("stores: SQLite", async |id| floor(id), change)
        .await;
}

async fn postgres() {
    let Some(server) = for_tests::postgres(PostgresOptions::new().fsync()) else {
        return;
    };
    let database = server.create_database().unwrap();
    let url = database.url();
    let bench = Bench::new(PostgresStore::connect(&url).await.unwrap()).await;
    let connecting = tokio_postgres::connect(&url, tokio_postgres::NoTls);
    let (client, connection) = connecting.await.unwrap();
    tokio::spawn(connection);
    let select = "SELECT digest FROM ringyo.keys WHERE id = $1";
    let statement = client.prepare(select).await.unwrap();
    let floor = async |id: &KeyId| {
        let row = client.query_one(&statement, &[&id.as_str()]).await.unwrap();
        black_box(row.get::<_, String>(0));
    };
    let copy = COPY.replacen("id,", "lpad(number::text, 12, '0'),", 1);
    let others = format!(
        "SET search_path = ringyo;
         INSERT INTO keys ({COPY}) SELECT {copy}
         FROM generate_series(0, {OTHERS} - 1) AS number, (SELECT * FROM keys LIMIT 1) AS keys;
         ANALYZE"
    );
    client.batch_execute(&others).await.unwrap();
    let change = async |turn: usize, last: &KeyId| {
        let (name, last) = (format!("name {turn}"), last.as_str());
        client.execute(CHANGE, &[&name, &last]).await.unwrap();
    };
    bench.run("stores: PostgreSQL", floor, change).await;
}

/// Changes all of the others, and revokes a key that is known.
const CHANGE: &str =
    "UPDATE keys SET name = $1, status = CASE id WHEN $2 THEN 'revoked' ELSE status END
     WHERE id < '000000100000' OR id = $2";

impl<S: Store + Clone + 'static> Bench<S> {
    async fn new(store: S) -> Self {
        let peppers = || PepperRing::parse(PEPPER).unwrap();
        let mut preset = Preset::ringyo();
        let plan = Plan::limited("wide", Quota::per_second(1_000_000_000));
        preset.plans = [plan].into_iter().collect();
        let builder = Ringyo::builder(preset.clone(), peppers()).store(store.clone());
        let warm = builder.build().await.unwrap();
        let builder = Ringyo::builder(preset, peppers()).store(store.clone());
        let cold = builder.max_staleness(Duration::ZERO).build().await.unwrap();
        warm.accounts().create("acct_1", "wide").await.unwrap();
        let mut keys = Vec::with_capacity(KEYS);
        for _ in 0..KEYS {
            let new = NewKey::live("acct_1", "Bench").scopes(["agents"]);
            let issued = warm.keys().issue(new).await.unwrap();
            let header = format!("Bearer {}", issued.key.expose());
            keys.push((issued.record.id, header));
        }
        Self {
            store,
            warm,
            cold,
            keys,
        }
    }

    async fn run(
        &self,
        question: &str,
        mut floor: impl AsyncFnMut(&KeyId),
        change: impl AsyncFn(usize, &KeyId),
    ) {
        let key = |round: usize| &self.keys[round * 7 % KEYS];
        for (_, header) in &self.keys {
            self.warm
                .authenticate(Credential::bearer(header))
                .await
                .unwrap();
        }
        let (mut floors, mut warm, mut cold) = (Vec::new(), Vec::new(), Vec::new());
        let mut unknown = Vec::new();
        let format = KeyFormat::new(BRAND);
        for round in 0..ROUNDS {
            let (id, header) = key(round);
            floors.push(timed(async || floor(id).await).await);
            let decide = async |ringyo: &Ringyo| {
                let caller = ringyo.authenticate(Credential::bearer(header)).await;
                black_box(caller.unwrap());
            };
            warm.push(timed(async || decide(&self.warm).await).await);
            cold.push(timed(async || decide(&self.cold).await).await);
            let minted = format.mint(Mode::Live, &PepperRing::parse(PEPPER).unwrap());
            let stranger = format!("Bearer {}", minted.key.expose());
            let refuse = async || {
                let refused = self.warm.authenticate(Credential::bearer(&stranger)).await;
                assert!(matches!(refused, Err(AuthError::InvalidKey(_))));
            };
            unknown.push(timed(refuse).await);
        }
        let floor = median(&mut floors);
        println!("{question}\n  a plain indexed SELECT        {floor:>12.1?}");
        let micros = 1e6 * floor.as_secs_f64();
        Result::new(question, "a plain indexed SELECT", "µs", micros).write();
        let tell = |what: &str, times: &mut Vec<Duration>| {
            let time = median(times);
            let ratio = time.as_secs_f64() / floor.as_secs_f64();
            println!("  {what:<30}{time:>12.1?}{ratio:>12.3} × SELECT");
            Result::new(question, what, "× SELECT", ratio).write();
        };
        tell("a warm decision", &mut warm);
        tell("a cold decision", &mut cold);
        tell("an unknown id refused", &mut unknown);

        let others = (0..USED).map(|number| format!("{number:012}").parse().unwrap());
        let others: Vec<KeyId> = others.collect();
        let mut touched = Vec::new();
        for turn in 0..TURNS {
            // Each later than the one before.
            let used = others.iter().map(|id| (*id, at(turn)));
            let used: Vec<_> = used.collect();
            let save = async || {
                for used in used.chunks(CHUNK) {
                    self.store.touch_keys(used).await.unwrap();
                }
            };
            touched.push(timed(save).await);
        }
        tell("10 000 last-used times", &mut touched);

        // With what the store does, and with what a node does until it keeps to it.
        let (mut read, mut kept) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            let before = self.store.changes_since(None).await.unwrap().cursor;
            let (last, header) = &self.keys[KEYS - 1 - turn];
            change(turn, last).await;
            let refused = async || {
                let asked = || self.warm.authenticate(Credential::bearer(header));
                while asked().await.is_ok() {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
            };
            kept.push(timed(refused).await);
            let catch_up = async || {
                let changes = self.store.changes_since(Some(&before)).await.unwrap();
                assert!(
                    matches!(changes.changed, ChangeSet::These(all) if all.len() == OTHERS + 1)
                );
            };
            read.push(timed(catch_up).await);
        }
        tell("reading 100 000 changes", &mut read);
        tell("a node has kept to them", &mut kept);

        let mut revoked = Vec::new();
        for (id, _) in &self.keys[..ROUNDS] {
            let revoke = async || {
                self.warm.keys().revoke(*id).await.unwrap();
            };
            revoked.push(timed(revoke).await);
        }
        tell("a revocation", &mut revoked);
    }
}

fn at(turn: usize) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000 + turn as i64)
}

async fn timed(work: impl AsyncFnOnce()) -> Duration {
    let start = Instant::now();
    work().await;
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
