//! The fence, and the last-used times, under a scheduler: the real code, with every order of events that it tries.
//!
//! Tasks of one execution run one at a time, and at each lock, atomic and wait the scheduler draws
//! which goes on. What it does not try out is weak memory: every atomic is read as last written.
//!
//! Each case is run twice over: as it is, and with a fault planted, which must be found.

mod stage;
mod uses;

use std::sync::Arc;

use ringyo_key::KeyId;
use shuttle::future::block_on;

use super::{KeyCache, Loading};
use crate::background::catch_up;
use crate::core::Core;
use stage::{Case, Stage, breaks, holds};

/// A load as [`Core::load`] does it.
fn load(core: &Arc<Core>, id: KeyId) {
    // What it comes to is for whoever has waited for it.
    let _ = block_on(core.load(id));
}

/// A load that publishes whatever it was told, also when the key was forgotten meanwhile.
fn load_unfenced(core: &Arc<Core>, id: KeyId) {
    if let Ok(found) = block_on(core.load(id))
        && let Loading::Started(entry) = core.cache.begin_load(id, core.now().monotonic)
    {
        core.cache.finish_load(id, &entry, found.clone());
        entry.send_replace(Some(Ok(found)));
    }
}

/// A key is revoked while it is loaded and asked for.
fn revoking(load: fn(&Arc<Core>, KeyId)) -> impl Case {
    move |stage: &Arc<Stage>| {
        let id = stage.key.record.id;
        stage.beside(move |stage| load(&stage.core, id));
        stage.beside(Stage::ask);
        stage.beside(move |stage| {
            stage.end(|| drop(block_on(stage.keys().revoke(id)).unwrap()));
        });
        stage.beside(Stage::ask);
    }
}

#[test]
fn a_revoked_key_is_refused_from_then_on() {
    holds(revoking(load));
    breaks(revoking(load_unfenced));
}

/// An account loses its plan while a key of it is loaded, and is forgotten so.
fn losing_the_plan(load: fn(&Arc<Core>, KeyId), forget: fn(&Stage)) -> impl Case {
    move |stage: &Arc<Stage>| {
        let id = stage.key.record.id;
        stage.beside(move |stage| load(&stage.core, id));
        stage.beside(move |stage| stage.end(|| forget(stage)));
    }
}

fn set_plan(stage: &Stage) {
    let account = &stage.key.record.account;
    block_on(stage.accounts().set_plan(account, "starter")).unwrap();
}

#[test]
fn a_plan_that_is_lost_is_lost_for_all_keys_from_then_on() {
    holds(losing_the_plan(load, set_plan));
    breaks(losing_the_plan(load_unfenced, set_plan));
    // The cell first: a load that has begun before gets a cell of its own and publishes it.
    breaks(losing_the_plan(load, |stage| {
        stage.lose_plan_by_hand();
        let cache: &KeyCache = &stage.core.cache;
        cache.accounts().forget(&stage.key.record.account);
        cache.fence_loads();
    }));
}

/// A change that is made elsewhere reaches a node through the feed, and is known there once that
/// has been read to its end.
fn following(load: fn(&Arc<Core>, KeyId)) -> impl Case {
    move |stage: &Arc<Stage>| {
        let id = stage.key.record.id;
        stage.beside(move |stage| load(&stage.core, id));
        stage.beside(Stage::ask);
        stage.beside(|stage| {
            stage.end(|| {
                stage.revoke_by_hand();
                block_on(catch_up(&stage.core, Some(&stage.cursor))).unwrap();
            });
        });
        stage.beside(Stage::ask);
    }
}

#[test]
fn what_the_feed_has_told_holds_from_then_on() {
    holds(following(load));
    breaks(following(load_unfenced));
}

/// A store has been restored: everything that was read from the one before is forgotten so.
fn restoring(forget: fn(&KeyCache)) -> impl Case {
    move |stage: &Arc<Stage>| {
        let id = stage.key.record.id;
        stage.beside(move |stage| load(&stage.core, id));
        stage.beside(Stage::ask);
        stage.beside(move |stage| {
            stage.end(|| {
                stage.revoke_by_hand();
                forget(&stage.core.cache);
            });
        });
    }
}

#[test]
fn nothing_of_a_store_that_was_restored_is_believed_from_then_on() {
    holds(restoring(KeyCache::forget_everything));
    // What is there is not believed any more, but what is on its way comes.
    breaks(restoring(|cache| cache.accounts().forget_all()));
}
