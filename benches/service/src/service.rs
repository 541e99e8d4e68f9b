use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ringyo::preset::ringyo::{AGENTS_READ, BRAND};
use ringyo::store::{KeyStore as _, NewEvent};
use ringyo::{
    Authenticator, Credential, EventKind, IssuedKey, KeyFormat, MemoryStore, Mode, NewKey, Pepper,
    PepperId, PepperRing, Plan, Preset, Quota, Ringyo,
};
use tokio::runtime::Runtime;

use crate::workload::{Workload, shuffle};

/// Keys to an account.
const KEYS: usize = 4;

const PEPPER: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A service with keys in memory, its background work on a thread of its own, the machine's clock
/// and the limiter of the process.
#[derive(Debug)]
pub struct Service {
    /// The service.
    pub ringyo: Ringyo,
    /// The part that is measured.
    pub authenticator: Authenticator,
    /// What its change feed runs on.
    pub runtime: Runtime,
    store: MemoryStore,
}

impl Service {
    /// A service without keys.
    ///
    /// # Panics
    ///
    /// When the machine gives no threads.
    #[must_use]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut preset = Preset::ringyo();
        let plans = [
            Plan::limited("pro", Quota::per_hour(1)),
            // Wide enough for whatever a bench asks.
            Plan::limited("wide", Quota::per_second(1_000_000_000)),
        ];
        preset.plans = plans.into_iter().collect();
        let store = MemoryStore::new();
        let builder = Ringyo::builder(preset, peppers())
            .cache_capacity(2_000_000)
            .store(store.clone());
        let ringyo = runtime.block_on(builder.build()).expect("a service");
        Self {
            authenticator: ringyo.authenticator(),
            ringyo,
            runtime,
            store,
        }
    }

    /// Issues so many keys, four to an account, and has each one used once. They come in an order
    /// of their own, not in that of memory.
    #[must_use]
    pub fn workload(&self, name: &str, keys: usize) -> Workload {
        self.workload_of(name, keys, |new| new)
    }

    /// The same, of keys that are narrowed.
    #[must_use]
    pub fn workload_of(
        &self,
        name: &str,
        keys: usize,
        narrowed: impl Fn(NewKey) -> NewKey,
    ) -> Workload {
        let mut headers = Vec::with_capacity(keys);
        for place in 0..keys {
            let account = format!("{name}_{}", place / KEYS);
            if place % KEYS == 0 {
                self.account(&account, "wide");
            }
            headers.push(header(&self.issue_of(narrowed(new_key(&account)))));
        }
        self.settle();
        shuffle(&mut headers);
        for header in &headers {
            self.warm(header);
        }
        Workload::new(&headers)
    }

    /// The header of a key that is revoked.
    ///
    /// # Panics
    ///
    /// When the store fails, which a store in memory does not.
    #[must_use]
    pub fn revoked(&self) -> String {
        self.account("of_the_revoked", "wide");
        let issued = self.issue("of_the_revoked");
        let keys = self.ringyo.keys();
        let revoked = self.runtime.block_on(keys.revoke(issued.record.id));
        assert!(revoked.is_ok(), "{revoked:?}");
        self.settle();
        self.warm(&header(&issued));
        header(&issued)
    }

    /// The header of a key that has spent its rate for the next hour.
    #[must_use]
    pub fn spent(&self) -> String {
        self.account("of_the_spent", "pro");
        let header = header(&self.issue("of_the_spent"));
        self.settle();
        self.warm(&header);
        header
    }

    /// The header of a key of this service for which the store has the digest of another.
    ///
    /// # Panics
    ///
    /// When the store fails, which a store in memory does not.
    #[must_use]
    pub fn of_a_wrong_secret(&self) -> String {
        self.account("of_the_wrong", "wide");
        let mut record = self.issue("of_the_wrong").record;
        let minted = KeyFormat::new(BRAND).mint(Mode::Live, &peppers());
        record.id = minted.id;
        let event = NewEvent {
            key: Some(record.id),
            ..NewEvent::new(
                EventKind::KeyIssued,
                record.account.clone(),
                "bench",
                record.created_at,
            )
        };
        let inserted = self.store.insert_key(&record, None, &event);
        assert!(self.runtime.block_on(inserted).is_ok());
        self.settle();
        let header = format!("Bearer {}", minted.key.expose());
        self.warm(&header);
        header
    }

    /// The header of a key that somebody else has minted.
    #[must_use]
    pub fn forged() -> String {
        let strangers = PepperRing::new(Pepper::generate(PepperId::new(1)));
        let minted = KeyFormat::new(BRAND).mint(Mode::Live, &strangers);
        format!("Bearer {}", minted.key.expose())
    }

    /// The same header, with another last digit.
    #[must_use]
    pub fn mistyped(header: &str) -> String {
        let (start, last) = header.split_at(header.len() - 1);
        format!("{start}{}", if last == "0" { "1" } else { "0" })
    }

    /// The header of a key that nobody has a record of.
    #[must_use]
    pub fn unknown() -> String {
        let minted = KeyFormat::new(BRAND).mint(Mode::Live, &peppers());
        format!("Bearer {}", minted.key.expose())
    }

    fn account(&self, id: &str, plan: &str) {
        let accounts = self.ringyo.accounts();
        let made = self.runtime.block_on(accounts.create(id, plan));
        assert!(made.is_ok(), "{made:?}");
    }

    fn issue(&self, account: &str) -> IssuedKey {
        self.issue_of(new_key(account))
    }

    fn issue_of(&self, new: NewKey) -> IssuedKey {
        let keys = self.ringyo.keys();
        let issued = self.runtime.block_on(keys.issue(new));
        issued.expect("a new key")
    }

    /// The change feed brings this node its own changes too, and until then it reads keys again.
    fn settle(&self) {
        std::thread::sleep(Duration::from_millis(1_500));
    }

    fn warm(&self, header: &str) {
        let decided = self.authenticator.authenticate(Credential::bearer(header));
        // Whatever comes out, the key has been read.
        let _ = self.runtime.block_on(decided);
    }
}

impl Default for Service {
    fn default() -> Self {
        Self::new()
    }
}

fn peppers() -> PepperRing {
    PepperRing::parse(PEPPER).expect("a pepper")
}

fn new_key(account: &str) -> NewKey {
    NewKey::live(account, "Production").scopes(["agents", "calls:read"])
}

fn header(issued: &IssuedKey) -> String {
    format!("Bearer {}", issued.key.expose())
}

/// One whole decision on a good key: from the header to the numbers that the headers of the response
/// show.
///
/// # Panics
///
/// When the key is not let in, and when the decision waits.
pub fn decide(service: &Service, header: &str) -> (u32, u32, Duration) {
    decide_on(service, Credential::bearer(header))
}

/// The same for a client at that address.
///
/// # Panics
///
/// As [`decide`].
pub fn decide_from(service: &Service, header: &str, client: IpAddr) -> (u32, u32, Duration) {
    decide_on(service, Credential::bearer(header).client(client))
}

#[inline(always)]
fn decide_on(service: &Service, credential: Credential<'_>) -> (u32, u32, Duration) {
    let caller = poll_now(service.authenticator.authenticate(credential));
    let caller = caller.expect("a good key");
    assert!(caller.require(&AGENTS_READ).is_ok());
    let rate = caller.rate().expect("a limit").binding();
    (rate.quota().limit(), rate.remaining(), rate.reset_after())
}

/// The result of a future that waits for nothing.
///
/// # Panics
///
/// When it does wait: then it is not what was meant to be measured.
#[inline(always)]
pub fn poll_now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("a warm decision waited"),
    }
}
