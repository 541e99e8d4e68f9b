//! A node in front of a store, step by step: each step is what the real code does under one lock,
//! or one moment of the store.

use crate::setting::{BOUND, Change, Fault, Setting};

/// Versions of the key and of its account, which begin at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Versions {
    key: u8,
    account: u8,
}

impl Versions {
    fn includes(self, other: Self) -> bool {
        self.key >= other.key && self.account >= other.account
    }

    fn raise(&mut self, other: Self) {
        self.key = self.key.max(other.key);
        self.account = self.account.max(other.account);
    }
}

/// More than any setting has of anything.
const MOST: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct State {
    now: u8,
    stored: Versions,
    /// When each version of the key, and of the account, came to its end.
    key_ended: [Option<u8>; MOST],
    account_ended: [Option<u8>; MOST],
    /// What has been made known here: requests that start from now on must see it.
    told: Versions,
    cached: Option<Reading>,
    /// The load that may publish.
    loading: Option<usize>,
    /// Loads under way, each in the place of the request that began it.
    loads: [Option<Load>; MOST],
    /// The account version of the one current cell. Retired ones are known to their readings only.
    cell: Option<u8>,
    confirmed: u8,
    changes: [Stage; MOST],
    feed: Feed,
    rounds: u8,
    requests: [Request; MOST],
    /// What decisions have shown so far.
    seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Reading {
    versions: Versions,
    /// Whether its cell is the current one.
    is_current: bool,
    at: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Load {
    asked_at: u8,
    is_fenced: bool,
    step: LoadStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum LoadStep {
    Begun,
    Read(Versions),
    Shared(Reading),
}

/// How far a change has come. One that is made elsewhere ends with `Committed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Stage {
    #[default]
    Planned,
    /// This version is in the store.
    Committed(u8),
    /// Half of what was read of an account before it is forgotten.
    Half(u8),
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    First,
    Second,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Feed {
    /// Up to where it has been read.
    cursor: Versions,
    step: FeedStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum FeedStep {
    #[default]
    Idle,
    /// The moment before it was asked.
    Asked(u8),
    Answered(u8, Versions),
    KeyForgotten(u8, Versions),
    AccountHalf(u8, Versions),
    Forgotten(u8, Versions),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Request {
    #[default]
    Coming,
    /// It has read the clock, and must see this.
    Started(Start),
    Missed(Start),
    /// For the load in that place.
    Waits(Start, usize),
    Decided,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Start {
    at: u8,
    told: Versions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Seen {
    /// A request was decided by what it had been told is over.
    pub(crate) untold: bool,
    /// A request was decided by what had been over for longer than the bound.
    pub(crate) unbounded: bool,
    pub(crate) from_cache: bool,
    /// A request saw what was over when it was decided.
    pub(crate) old_state: bool,
    /// A request had been told of a change and saw it.
    pub(crate) new_state: bool,
}

impl State {
    pub(crate) fn seen(&self) -> Seen {
        self.seen
    }

    /// Whether what would be handed out is no older than what was made known.
    pub(crate) fn is_fenced(&self) -> bool {
        let current = self.cached.filter(|reading| reading.is_current);
        current.is_none_or(|reading| reading.versions.includes(self.told))
    }

    /// Loads under way that nothing has fenced off.
    pub(crate) fn open_loads(&self) -> usize {
        let loads = self.loads.iter().flatten();
        loads.filter(|load| !load.is_fenced).count()
    }

    pub(crate) fn has_fenced_load(&self) -> bool {
        self.loads.iter().flatten().any(|load| load.is_fenced)
    }
}

/// The steps. Each gives `None` if it cannot be taken now.
impl State {
    pub(crate) fn tick(&mut self, ticks: u8) -> Option<()> {
        self.now += 1;
        (self.now <= ticks).then_some(())
    }

    pub(crate) fn change(&mut self, number: usize, setting: &Setting) -> Option<()> {
        let change = setting.changes[number];
        self.changes[number] = match (self.changes[number], change) {
            (Stage::Planned, Change::Key | Change::KeyElsewhere) => {
                self.key_ended[usize::from(self.stored.key)] = Some(self.now);
                self.stored.key += 1;
                Stage::Committed(self.stored.key)
            }
            (Stage::Planned, Change::Account | Change::AccountElsewhere) => {
                self.account_ended[usize::from(self.stored.account)] = Some(self.now);
                self.stored.account += 1;
                Stage::Committed(self.stored.account)
            }
            (Stage::Committed(version), Change::Key) => {
                self.forget_key();
                self.told.key = self.told.key.max(version);
                Stage::Over
            }
            (Stage::Committed(version), Change::Account) => {
                self.forget_account(Half::First, setting.fault);
                Stage::Half(version)
            }
            (Stage::Half(version), Change::Account) => {
                self.forget_account(Half::Second, setting.fault);
                self.told.account = self.told.account.max(version);
                Stage::Over
            }
            _ => return None,
        };
        Some(())
    }

    pub(crate) fn request(&mut self, number: usize, fault: Fault) -> Option<()> {
        self.requests[number] = match self.requests[number] {
            // They are all alike, so they come in one order.
            Request::Coming if number > 0 && self.requests[number - 1] == Request::Coming => {
                return None;
            }
            Request::Coming => Request::Started(Start {
                at: self.now,
                told: self.told,
            }),
            Request::Started(start) => match self.cached.filter(|key| self.vouches(key, start)) {
                Some(key) => {
                    self.seen.from_cache = true;
                    self.decide(start, key)
                }
                None => Request::Missed(start),
            },
            Request::Missed(start) => Request::Waits(start, self.begin_load(number, fault)),
            Request::Waits(..) | Request::Decided => return None,
        };
        Some(())
    }

    fn vouches(&self, reading: &Reading, start: Start) -> bool {
        let certain = reading.at.max(self.confirmed);
        reading.is_current && start.at.saturating_sub(certain) <= BOUND
    }

    fn decide(&mut self, start: Start, reading: Reading) -> Request {
        let Versions { key, account } = reading.versions;
        let ends = [
            self.key_ended[usize::from(key)],
            self.account_ended[usize::from(account)],
        ];
        let mut ends = ends.into_iter().flatten();
        self.seen.unbounded |= ends.any(|end| end + BOUND < start.at);
        let is_right = reading.versions.includes(start.told);
        self.seen.untold |= !is_right;
        self.seen.new_state |= is_right && start.told != Versions::default();
        self.seen.old_state |= !reading.versions.includes(self.told);
        Request::Decided
    }

    /// Gives the place of the load to wait for.
    fn begin_load(&mut self, number: usize, fault: Fault) -> usize {
        if let Some(place) = self.loading
            && let Some(load) = &mut self.loads[place]
        {
            let is_young = self.now - load.asked_at <= BOUND;
            if fault != Fault::NobodyJoins && (is_young || fault == Fault::JoinsAnyAge) {
                return place;
            }
            // The next one takes its right to publish.
            load.is_fenced = !is_young;
        }
        self.loads[number] = Some(Load {
            asked_at: self.now,
            is_fenced: false,
            step: LoadStep::Begun,
        });
        self.loading = Some(number);
        number
    }

    pub(crate) fn load(&mut self, place: usize, fault: Fault) -> Option<()> {
        let load = self.loads[place]?;
        let step = match load.step {
            LoadStep::Begun => LoadStep::Read(self.stored),
            LoadStep::Read(versions) => LoadStep::Shared(Reading {
                versions,
                is_current: self.share(versions.account),
                at: match fault {
                    Fault::AgesFromAnswer => self.now,
                    _ => load.asked_at,
                },
            }),
            LoadStep::Shared(reading) => {
                self.finish_load(place, reading, fault);
                return Some(());
            }
        };
        self.loads[place] = Some(Load { step, ..load });
        Some(())
    }

    /// Publishes, and tells all who wait.
    fn finish_load(&mut self, place: usize, reading: Reading, fault: Fault) {
        let may_publish = self.loading == Some(place);
        if may_publish {
            self.loading = None;
        }
        if may_publish || fault == Fault::PublishesAnyway {
            self.cached = Some(reading);
        }
        self.loads[place] = None;
        for number in 0..MOST {
            if let Request::Waits(start, waited_for) = self.requests[number]
                && waited_for == place
            {
                self.requests[number] = self.decide(start, reading);
            }
        }
    }

    /// Whether a reading of this version of the account gets the current cell.
    fn share(&mut self, account: u8) -> bool {
        match self.cell {
            Some(newer) if newer > account => false,
            Some(same) if same == account => true,
            _ => {
                self.retire();
                self.cell = Some(account);
                true
            }
        }
    }

    fn retire(&mut self) {
        self.cell = None;
        if let Some(reading) = &mut self.cached {
            reading.is_current = false;
        }
        for load in self.loads.iter_mut().flatten() {
            if let LoadStep::Shared(reading) = &mut load.step {
                reading.is_current = false;
            }
        }
    }

    fn forget_key(&mut self) {
        self.fence_loads();
        self.cached = None;
    }

    fn forget_account(&mut self, half: Half, fault: Fault) {
        let retires = match fault {
            Fault::CellFirst => half == Half::First,
            _ => half == Half::Second,
        };
        if retires {
            self.retire();
        } else if fault != Fault::CellOnly {
            self.fence_loads();
        }
    }

    fn fence_loads(&mut self) {
        if let Some(place) = self.loading.take()
            && let Some(load) = &mut self.loads[place]
        {
            load.is_fenced = true;
        }
    }

    pub(crate) fn follow(&mut self, setting: &Setting) -> Option<()> {
        let fault = setting.fault;
        self.feed.step = match self.feed.step {
            FeedStep::Idle if self.rounds < setting.rounds => {
                self.rounds += 1;
                FeedStep::Asked(self.now)
            }
            FeedStep::Idle => return None,
            FeedStep::Asked(at) => {
                if fault == Fault::ConfirmsFirst {
                    self.confirmed = self.confirmed.max(at);
                }
                FeedStep::Answered(at, self.stored)
            }
            FeedStep::Answered(at, read) => {
                if read.key > self.feed.cursor.key {
                    self.forget_key();
                }
                FeedStep::KeyForgotten(at, read)
            }
            FeedStep::KeyForgotten(at, read) if read.account > self.feed.cursor.account => {
                self.forget_account(Half::First, fault);
                FeedStep::AccountHalf(at, read)
            }
            FeedStep::AccountHalf(at, read) => {
                self.forget_account(Half::Second, fault);
                FeedStep::Forgotten(at, read)
            }
            FeedStep::KeyForgotten(at, read) | FeedStep::Forgotten(at, read) => {
                let certain = match fault {
                    Fault::ConfirmsAtAnswer => self.now,
                    _ => at,
                };
                self.confirmed = self.confirmed.max(certain);
                self.feed.cursor = read;
                self.told.raise(read);
                FeedStep::Idle
            }
        };
        Some(())
    }
}
