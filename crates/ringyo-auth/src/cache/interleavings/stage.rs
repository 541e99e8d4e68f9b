//! One execution: a service without background work, a change, and requests around it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringyo_key::{Pepper, PepperId};
use ringyo_limit::{LocalLimiter, ManualClock};
use ringyo_store::{
    AccountStore as _, Cursor, EventKind, KeyStatus, KeyStore as _, MemoryStore, NewEvent,
};
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};

use crate::background::{Background, catch_up};
use crate::cache::KeyCache;
use crate::core::Core;
use crate::imported::LookUps;
use crate::service::Service;
use crate::{
    Accounts, Actor, AuthError, Authenticator, Credential, IssuedKey, KeyManager, NewKey, Preset,
};

/// Executions of a case by each scheduler, unless `RINGYO_TEST_TRIALS` asks for more.
const TRIALS: usize = 2_000;

/// Executions between which a planted fault may have been found, and how often they are tried
/// before it is given up.
const BATCH: usize = 200;
const BATCHES: usize = 200;

/// How many preemptions a bug may need to be found for certain, sooner or later.
const PREEMPTIONS: usize = 3;

/// What happens in each execution.
pub(super) trait Case: Fn(&Arc<Stage>) + Clone + Send + Sync + 'static {}

impl<T: Fn(&Arc<Stage>) + Clone + Send + Sync + 'static> Case for T {}

/// No request that starts late is decided by the old state, and what is checked holds.
#[track_caller]
pub(super) fn holds(case: impl Case) {
    let more = std::env::var("RINGYO_TEST_TRIALS").ok();
    let trials = more
        .map_or(TRIALS, |more| more.parse().unwrap())
        .max(TRIALS);
    let seen = explore(&case, trials);
    assert!(seen.late.load(Ordering::SeqCst) > 0, "{seen:?}");
    assert_eq!(seen.wrong.load(Ordering::SeqCst), 0, "{seen:?}");
}

/// One is, if it is only looked for long enough.
#[track_caller]
pub(super) fn breaks(case: impl Case) {
    let is_found = |_| explore(&case, BATCH).wrong.load(Ordering::SeqCst) > 0;
    assert!((0..BATCHES).any(is_found), "the fault was not found");
}

/// What the requests of some executions have seen.
#[derive(Debug, Default)]
struct Seen {
    early: AtomicU64,
    late: AtomicU64,
    /// Late requests that were decided by the old state, and what else did not hold.
    wrong: AtomicU64,
}

/// Runs a case under a scheduler that draws every step, and under one that runs a task for as long
/// as it can and interrupts it at a few places.
fn explore(case: &impl Case, trials: usize) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    run(RandomScheduler::new(trials), case.clone(), &seen);
    run(PctScheduler::new(PREEMPTIONS, trials), case.clone(), &seen);
    seen
}

fn run(scheduler: impl Scheduler + 'static, case: impl Case, seen: &Arc<Seen>) {
    // Deadlines need a timer to be made; it never runs, so none is ever reached.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let seen = seen.clone();
    let mut config = Config::new();
    // That atomics are always read as last written is said above.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || {
        let stage = Arc::new(Stage::new(seen.clone()));
        case(&stage);
        stage.join();
        // Whatever was under way is over, and this one is late for certain.
        stage.ask();
    });
}

pub(super) struct Stage {
    pub(super) core: Arc<Core>,
    /// Where the feed has been read to before anything happens.
    pub(super) cursor: Cursor,
    pub(super) key: IssuedKey,
    store: MemoryStore,
    service: Arc<Service>,
    ended: AtomicBool,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    seen: Arc<Seen>,
}

impl Stage {
    fn new(seen: Arc<Seen>) -> Self {
        let store = MemoryStore::new();
        let Preset {
            format,
            catalog,
            plans,
            ..
        } = Preset::ringyo();
        let core = Arc::new(Core {
            store: Arc::new(store.clone()),
            limiter: Arc::new(LocalLimiter::new()),
            clock: Arc::new(ManualClock::new(1_767_225_600_000)),
            lag: Duration::ZERO,
            peppers: Pepper::generate(PepperId::new(1)).into(),
            format,
            catalog,
            plans,
            // Of two shards, so that what goes over all of them can be interrupted.
            cache: KeyCache::new(128, Duration::from_secs(5)),
            foreign_look_ups: LookUps::new(0),
            store_deadline: Duration::from_secs(2),
            stale_if_error: Duration::ZERO,
        });
        let service = Arc::new(Service {
            core: core.clone(),
            background: Background::none(),
        });
        let keys = KeyManager::new(service.clone(), Actor::system());
        let accounts = Accounts::new(service.clone(), Actor::system());
        block_on(accounts.create("acct_1", "agency")).unwrap();
        let new = NewKey::live("acct_1", "a").scopes(["*"]);
        Self {
            key: block_on(keys.issue(new)).unwrap(),
            cursor: block_on(catch_up(&core, None)).unwrap(),
            core,
            store,
            service,
            ended: AtomicBool::new(false),
            tasks: Mutex::default(),
            seen,
        }
    }

    pub(super) fn keys(&self) -> KeyManager {
        KeyManager::new(self.service.clone(), Actor::system())
    }

    pub(super) fn accounts(&self) -> Accounts {
        Accounts::new(self.service.clone(), Actor::system())
    }

    /// Does this at the same time as the rest.
    pub(super) fn beside(self: &Arc<Self>, task: impl FnOnce(&Self) + Send + 'static) {
        let stage = self.clone();
        let task = thread::spawn(move || task(&stage));
        self.tasks().push(task);
    }

    /// Makes the change; when it has returned, it holds.
    pub(super) fn end(&self, change: impl FnOnce()) {
        change();
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Notes whether what must hold late does.
    pub(super) fn check(&self, holds: bool) {
        self.seen.late.fetch_add(1, Ordering::SeqCst);
        self.seen
            .wrong
            .fetch_add(u64::from(!holds), Ordering::SeqCst);
    }

    /// Asks twice, since the first may read what the second finds.
    pub(super) fn ask(&self) {
        for _ in 0..2 {
            let is_late = self.ended.load(Ordering::SeqCst);
            let authenticator = Authenticator::new(self.service.clone());
            let credential = Credential::key(self.key.key.expose());
            let answer = block_on(authenticator.authenticate(credential));
            let is_refused = matches!(answer, Err(AuthError::Revoked(_) | AuthError::PlanRequired));
            assert!(is_refused || answer.is_ok(), "{answer:?}");
            let requests = if is_late {
                &self.seen.late
            } else {
                &self.seen.early
            };
            requests.fetch_add(1, Ordering::SeqCst);
            let wrong = u64::from(is_late && !is_refused);
            self.seen.wrong.fetch_add(wrong, Ordering::SeqCst);
        }
    }

    /// Revokes the key past this library, as another node does.
    pub(super) fn revoke_by_hand(&self) {
        let mut record = self.key.record.clone();
        record.status = KeyStatus::Revoked;
        record.revoked_at = Some(record.created_at);
        let event = NewEvent {
            key: Some(record.id),
            ..self.event(EventKind::KeyRevoked)
        };
        block_on(self.store.update_key(&record, &event)).unwrap();
    }

    /// Takes the account its plan, past this library.
    pub(super) fn lose_plan_by_hand(&self) {
        let found = block_on(self.store.find_account(&self.key.record.account));
        let mut account = found.unwrap().unwrap();
        account.plan = "starter".to_owned();
        let event = self.event(EventKind::AccountPlanChanged);
        block_on(self.store.update_account(&account, &event)).unwrap();
    }

    fn event(&self, kind: EventKind) -> NewEvent {
        let record = &self.key.record;
        NewEvent::new(
            kind,
            record.account.clone(),
            "another node",
            record.created_at,
        )
    }

    /// Waits until everything is over that was done beside.
    pub(super) fn join(&self) {
        let tasks = std::mem::take(&mut *self.tasks());
        for task in tasks {
            task.join().unwrap();
        }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
