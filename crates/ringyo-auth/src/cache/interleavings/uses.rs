//! Last-used times under the scheduler: noted while the key comes, goes and is saved.

use std::sync::Arc;

use ringyo_key::KeyId;
use ringyo_store::Timestamp;
use shuttle::future::block_on;

use super::stage::{Case, Stage, breaks, holds};
use crate::core::Core;
use crate::last_used::{Flush, flush};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_767_225_600_000 + millis)
}

/// A request as far as the time of use is concerned: it finds the key, wherever, and notes its use.
fn use_key(core: &Arc<Core>, id: KeyId, millis: i64) {
    let now = core.now().monotonic;
    let key = match core.cache.find(id, now, || now, |_| true) {
        Some(found) => found.unwrap(),
        None => block_on(core.load(id)).unwrap().unwrap(),
    };
    core.cache.note_use(&key, at(millis));
}

fn save(core: &Arc<Core>) {
    block_on(flush(core, Flush::All)).unwrap();
}

/// A key is used while it leaves, comes back and is saved. When all that is over and saved once
/// more, the store knows the last use.
fn saving(save_beside: fn(&Arc<Core>)) -> impl Case {
    move |stage: &Arc<Stage>| {
        let id = stage.key.record.id;
        for millis in [1, 2] {
            stage.beside(move |stage| use_key(&stage.core, id, millis));
        }
        stage.beside(move |stage| stage.core.cache.forget_key(id));
        stage.beside(move |stage| {
            save_beside(&stage.core);
            stage.core.cache.forget_everything();
        });
        stage.join();
        save(&stage.core);
        let stored = block_on(stage.core.store.find_key(id)).unwrap().unwrap();
        stage.check(stored.last_used_at == Some(at(2)));
    }
}

/// Saves, and takes for saved whatever is noted by then.
fn save_and_mark_the_latest(core: &Arc<Core>) {
    let mut unsaved = Vec::new();
    core.cache.for_each_use(|id, uses| {
        let last = uses.unsaved(at(10), std::time::Duration::ZERO);
        unsaved.extend(last.map(|last| (id, last)));
    });
    block_on(core.store.touch_keys(&unsaved)).unwrap();
    for (id, _) in unsaved {
        if let Some(latest) = core.cache.last_used(id) {
            core.cache.mark_saved(id, latest, at(10));
        }
    }
}

/// Saves, and lets go of what has left the cache, whether it has been saved or not.
fn save_and_let_go(core: &Arc<Core>) {
    let mut met = Vec::new();
    core.cache.for_each_use(|id, _| met.push(id));
    save(core);
    for id in met {
        core.cache.departed.forget(id);
    }
}

#[test]
fn no_use_is_lost_whatever_comes_between_it_and_the_store() {
    holds(saving(save));
    breaks(saving(save_and_mark_the_latest));
    breaks(saving(save_and_let_go));
}

/// A use that was noted before it began to save is in the store when it has ended, wherever the key
/// has gone meanwhile: the last save, when a service ends, has nobody to come after it.
fn ending(load: fn(&Arc<Core>, KeyId)) -> impl Case {
    move |stage: &Arc<Stage>| {
        let id = stage.key.record.id;
        use_key(&stage.core, id, 1);
        stage.core.cache.forget_key(id);
        stage.beside(move |stage| load(&stage.core, id));
        stage.beside(move |stage| {
            load(&stage.core, id);
            stage.core.cache.forget_key(id);
        });
        stage.beside(move |stage| {
            save(&stage.core);
            let stored = block_on(stage.core.store.find_key(id)).unwrap().unwrap();
            stage.check(stored.last_used_at == Some(at(1)));
        });
    }
}

fn load(core: &Arc<Core>, id: KeyId) {
    drop(block_on(core.load(id)));
}

/// A load that takes what is known of the key away from where it was noted.
fn load_and_take(core: &Arc<Core>, id: KeyId) {
    load(core, id);
    core.cache.departed.forget(id);
}

#[test]
fn what_was_noted_before_a_save_is_in_the_store_after_it() {
    holds(ending(load));
    breaks(ending(load_and_take));
}

/// A key is used while it leaves and comes back. Whoever asks after that is told of the use.
fn showing(load: fn(&Arc<Core>, KeyId)) -> impl Case {
    move |stage: &Arc<Stage>| {
        let id = stage.key.record.id;
        stage.beside(move |stage| {
            use_key(&stage.core, id, 1);
            for _ in 0..2 {
                let shown = stage.core.cache.last_used(id);
                stage.check(shown >= Some(at(1)));
            }
        });
        stage.beside(move |stage| load(&stage.core, id));
        stage.beside(move |stage| stage.core.cache.forget_key(id));
        stage.beside(move |stage| stage.core.cache.forget_everything());
    }
}

#[test]
fn a_use_is_shown_from_then_on_wherever_the_key_is() {
    holds(showing(load));
    breaks(showing(load_and_take));
}
