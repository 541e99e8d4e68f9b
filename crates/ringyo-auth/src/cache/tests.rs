use std::mem::offset_of;
use std::sync::Arc;
use std::time::Duration;

use ringyo_key::{KeyId, Mode, Pepper, PepperId, PepperRing};
use ringyo_limit::Monotonic;
use ringyo_scope::ScopeSet;
use ringyo_store::{AccountId, KeyRecord, KeyStatus, Revision, Timestamp};

use super::*;
use crate::{Plan, Preset};

const NOW: Monotonic = Monotonic::from_nanos(7);

/// The locks here are the scheduler's, which wants to be there.
fn scheduled(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, 1);
}

/// A new key that was used then.
fn key(cache: &KeyCache, used_at: Timestamp) -> Arc<CachedKey> {
    let format = Preset::ringyo().format;
    let peppers = PepperRing::new(Pepper::generate(PepperId::new(1)));
    let minted = format.mint(Mode::Live, &peppers);
    let account = AccountId::new("acct_1").unwrap();
    let cell = AccountCell::new(
        account.clone(),
        Arc::new(Plan::without_api("pro")),
        Revision::NONE,
    );
    let record = KeyRecord {
        id: minted.id,
        account,
        mode: Mode::Live,
        hint: String::new(),
        digest: minted.digest,
        pepper: Some(minted.pepper),
        name: String::new(),
        description: None,
        scopes: ScopeSet::default(),
        quota: None,
        allowed_networks: Vec::new(),
        status: KeyStatus::Active,
        created_at: used_at,
        expires_at: None,
        revoked_at: None,
        replaced_by: None,
        superseded_at: None,
        last_used_at: Some(used_at),
        revision: Revision::NONE,
    };
    let permissions = cache
        .permission_sets()
        .share(ScopeSet::default(), &Preset::ringyo().catalog);
    let cell = cache.accounts().share(cell, cache.accounts().epoch());
    Arc::new(CachedKey::new(record, cell, None, permissions, NOW))
}

/// Of four keys to an account, as the speed page tells it.
#[test]
fn what_a_warm_decision_reads_of_a_key_fits_into_140_bytes() {
    let pointer = size_of::<usize>();
    let place = size_of::<Place>() + size_of::<u8>();
    let unread = size_of::<Mode>() + size_of::<KeyStatus>();
    // The count of those who have it, what stands before its uses, the last of those, and where
    // restrictions and permissions are.
    let key = pointer + offset_of!(CachedKey, uses) - unread + size_of::<u64>() + 2 * pointer;
    let account = pointer + size_of::<bool>() + size_of::<u64>();
    let read = place + key + account.div_ceil(4);
    assert!(
        read <= 140,
        "{read}: {place} + {key} + a fourth of {account}"
    );
}

/// Reads so many keys, each used a millisecond after the one before.
fn filled(cache: &KeyCache, keys: i64) -> Vec<KeyId> {
    let load = |millis| {
        let key = key(cache, Timestamp::from_unix_millis(millis));
        let id = key.id;
        let Loading::Started(entry) = cache.begin_load(id, NOW) else {
            panic!("nobody else loads it");
        };
        cache.finish_load(id, &entry, Some(key));
        id
    };
    (0..keys).map(load).collect()
}

fn held(cache: &KeyCache) -> usize {
    cache
        .shards
        .iter()
        .map(|part| part.read().keys().count())
        .sum()
}

#[test]
fn nothing_of_what_was_forgotten_stays_in_memory() {
    scheduled(|| {
        let cache = KeyCache::new(1_000, Duration::from_secs(5));
        let ids = filled(&cache, 100);
        assert_eq!(held(&cache), 100);
        cache.forget_key(ids[7]);
        assert_eq!(held(&cache), 99);
        assert!(cache.find(ids[7], NOW, || NOW, |_| true).is_none());
        assert!(cache.find(ids[8], NOW, || NOW, |_| true).is_some());
        cache.forget_everything();
        assert_eq!(held(&cache), 0);
        assert!(cache.find(ids[8], NOW, || NOW, |_| true).is_none());
    });
}

#[test]
fn it_holds_what_it_may_and_lets_go_what_was_unused_for_long() {
    scheduled(|| {
        let capacity = 640;
        let cache = KeyCache::new(capacity, Duration::from_secs(5));
        let ids = filled(&cache, 2_000);
        assert!(held(&cache) <= capacity, "{}", held(&cache));
        assert!(held(&cache) > capacity * 9 / 10, "{}", held(&cache));
        let mut held = ids
            .iter()
            .map(|id| cache.find(*id, NOW, || NOW, |_| true).is_some());
        // Of eight the longest unused has to leave: seldom one of the latest, mostly an early one.
        let early = held.by_ref().take(1_000).filter(|held| *held).count();
        let latest = held.skip(800).filter(|held| *held).count();
        assert!(early < 40, "{early} of the first 1,000");
        assert!(latest > 190, "{latest} of the last 200");
    });
}

#[test]
fn what_many_keys_were_given_is_kept_once() {
    scheduled(|| {
        let cache = KeyCache::new(1_000, Duration::from_secs(5));
        let [one, other] = [0, 1].map(|millis| key(&cache, Timestamp::from_unix_millis(millis)));
        assert!(Arc::ptr_eq(&one.permissions, &other.permissions));
        assert!(Arc::ptr_eq(&one.account, &other.account));
    });
}

#[test]
fn a_use_of_a_key_that_has_left_is_kept_until_it_is_saved() {
    scheduled(|| {
        let cache = KeyCache::new(1_000, Duration::from_secs(5));
        let id = filled(&cache, 1)[0];
        let used_at = Timestamp::from_unix_millis(9);
        let key = cache.find(id, NOW, || NOW, |_| true).unwrap().unwrap();
        cache.note_use(&key, used_at);
        cache.forget_key(id);
        cache.drop_settled();
        assert_eq!(cache.last_used(id), Some(used_at));
        cache.mark_saved(id, used_at, used_at);
        assert_eq!(cache.last_used(id), Some(used_at));
        cache.drop_settled();
        assert_eq!(cache.last_used(id), None);
    });
}

#[test]
fn keys_are_spread_over_the_shards_and_within_them() {
    scheduled(|| {
        let cache = KeyCache::new(MOST_SHARDS * KEYS_PER_SHARD, Duration::from_secs(5));
        assert_eq!(cache.shards.len(), MOST_SHARDS);
        filled(&cache, 8_000);
        let steps = |part: &Part| {
            let shard = part.read();
            // 31 on average; a Poisson distribution has none below 5 or above 70 among so many.
            assert!((5..70).contains(&shard.keys().count()));
            shard.steps()
        };
        let steps: usize = cache.shards.iter().map(steps).sum();
        assert!(steps < 3 * 8_000, "{steps} steps to 8,000 keys");
    });
}
