//! A service whose keys the trials know everything about.

use std::time::Duration;

use ringyo::key::Digest;
use ringyo::store::{KeyStore as _, NewEvent};
use ringyo::{
    Authenticator, Credential, EventKind, KeyFormat, KeyId, MemoryStore, NewKey, PepperRing, Plan,
    Preset, Quota, Ringyo, preset::ringyo::BRAND,
};
use tokio::runtime::Runtime;

use crate::forge::{Header, digits, header, other_than, sign};

const PEPPER: &str = "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
const PEPPER_BYTES: [u8; 32] = [b'A'; 32];

/// Keys that there are records of.
const KEYS: usize = 1 << 12;

pub(crate) struct Place {
    pub(crate) authenticator: Authenticator,
    pub(crate) format: KeyFormat,
    pub(crate) peppers: PepperRing,
    pub(crate) ids: Vec<[u8; 12]>,
    /// For each id the digest in its record.
    pub(crate) stored: Vec<[u8; 32]>,
    /// For each id a key of it that was not issued, and whose digest differs from the stored one
    /// in its last byte alone.
    pub(crate) nearly: Vec<Header>,
    /// Keeps the change feed going, without which nothing stays in the cache.
    _runtime: Runtime,
}

impl Place {
    pub(crate) fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let mut preset = Preset::ringyo();
        preset.plans = [Plan::limited("wide", Quota::per_second(1_000_000_000))]
            .into_iter()
            .collect();
        let store = MemoryStore::new();
        let builder = Ringyo::builder(preset, PepperRing::parse(PEPPER)?).store(store.clone());
        let ringyo = runtime.block_on(builder.build())?;
        runtime.block_on(ringyo.accounts().create("acct_1", "wide"))?;
        let new = NewKey::live("acct_1", "Production").scopes(["agents"]);
        let pattern = runtime.block_on(ringyo.keys().issue(new))?.record;

        let mut ids = Vec::new();
        let mut stored = Vec::new();
        let mut nearly = Vec::new();
        for _ in 0..KEYS {
            let (id, secret) = (digits(), digits());
            let (mut digest, tag) = sign(&PEPPER_BYTES, &id, &secret);
            digest[31] ^= 1;
            let mut record = pattern.clone();
            record.id = std::str::from_utf8(&id)?.parse::<KeyId>()?;
            record.digest = Digest::from_bytes(digest);
            let (account, at) = (record.account.clone(), record.created_at);
            let event = NewEvent {
                key: Some(record.id),
                ..NewEvent::new(EventKind::KeyIssued, account, "timing", at)
            };
            runtime.block_on(store.insert_key(&record, None, &event))?;
            ids.push(id);
            stored.push(digest);
            nearly.push(header(&id, &secret, &tag));
        }
        // Until this node has heard of its own changes it reads keys again.
        std::thread::sleep(Duration::from_millis(1_500));
        for header in &nearly {
            let decided = ringyo.authenticate(Credential::bearer(header));
            assert!(
                runtime.block_on(decided).is_err(),
                "a key that nobody issued"
            );
        }
        Ok(Self {
            authenticator: ringyo.authenticator(),
            format: KeyFormat::new(BRAND),
            peppers: PepperRing::parse(PEPPER)?,
            ids,
            stored,
            nearly,
            _runtime: runtime,
        })
    }

    /// As far as a request gets before a store is asked. Says whether it has been refused.
    pub(crate) fn decide(&self, header: &Header) -> bool {
        let decided = self.authenticator.decide_now(Credential::bearer(header));
        matches!(decided, Some(Err(_)))
    }
}

/// A key of that id with a right tag, which nobody issued.
pub(crate) fn with_right_tag(id: &[u8; 12]) -> Header {
    let secret = digits();
    let (_, tag) = sign(&PEPPER_BYTES, id, &secret);
    header(id, &secret, &tag)
}

/// The digest of what is presented, and the tag that it should have.
pub(crate) fn signed(header: &Header) -> ([u8; 32], [u8; 6]) {
    let part = "a header has a place for it";
    let id = header[15..].first_chunk().expect(part);
    let secret = header[27..].first_chunk().expect(part);
    sign(&PEPPER_BYTES, id, secret)
}

/// A key of that id, and what somebody without the pepper takes for a tag.
pub(crate) fn forged(id: &[u8; 12]) -> Header {
    header(id, &digits(), &digits())
}

/// One whose tag is wrong in the digit of that place alone. The wrong one may be any other: one and the
/// same in all keys would itself take another time than most, where the checksum looks into a table.
pub(crate) fn wrong_in(place: usize, id: &[u8; 12], secret: &[u8; 32]) -> Header {
    let (_, mut tag) = sign(&PEPPER_BYTES, id, secret);
    tag[place] = other_than(tag[place]);
    header(id, secret, &tag)
}
