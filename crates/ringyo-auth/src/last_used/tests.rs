use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use shuttle::scheduler::DfsScheduler;
use shuttle::{Config, Runner, thread};

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

/// The locks and atomics here are the scheduler's, which wants to be there.
fn scheduled(test: fn()) {
    shuttle::check_random(test, 1);
}

#[test]
fn what_is_not_kept_is_said_to_be_noted_elsewhere() {
    scheduled(|| {
        let uses = Uses::new(Some(at(5)));
        assert!(!uses.touch(at(6)), "it has not come in yet");
        uses.enter(None);
        assert!(uses.touch(at(7)));
        assert_eq!(uses.leave().last(), Some(at(7)));
        assert!(!uses.touch(at(8)), "it has left");
    });
}

/// In how many orders of two uses and a key that leaves the last use was lost, of how many: it is
/// not in what the key left with, and nobody was told to note it elsewhere.
fn lost(touch: fn(&Uses, Timestamp) -> bool, leave: fn(&Uses) -> Use) -> (usize, usize) {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let seen = counts.clone();
    let mut config = Config::new();
    // Weak memory is not tried out: every atomic is read as last written.
    config.silence_warnings = true;
    Runner::new(DfsScheduler::new(None, false), config).run(move || {
        let uses = Arc::new(Uses::new(None));
        uses.enter(None);
        let requests = [1, 2].map(|millis| {
            let uses = uses.clone();
            thread::spawn(move || (!touch(&uses, at(millis))).then_some(at(millis)))
        });
        let left = leave(&uses);
        let elsewhere = requests.map(|request| request.join().unwrap());
        let noted = elsewhere.into_iter().flatten().max().max(left.last());
        let is_lost = noted != Some(at(2));
        seen[0].fetch_add(usize::from(is_lost), std::sync::atomic::Ordering::SeqCst);
        seen[1].fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    let [lost, all] = counts.each_ref();
    let read = |count: &AtomicUsize| count.load(std::sync::atomic::Ordering::SeqCst);
    (read(lost), read(all))
}

#[test]
fn no_use_is_lost_between_a_request_and_a_key_that_leaves() {
    let (wrong, orders) = lost(Uses::touch, Uses::leave);
    println!("{orders} orders");
    assert!(orders > 100, "{orders}");
    assert_eq!(wrong, 0);

    let asks_first = |uses: &Uses, at: Timestamp| {
        let is_kept = uses.kept.load(Ordering::SeqCst);
        uses.last_millis
            .fetch_max(at.as_unix_millis(), Ordering::SeqCst);
        is_kept
    };
    assert!(
        lost(asks_first, Uses::leave).0 > 0,
        "the fault was not found"
    );
    let reads_first = |uses: &Uses| {
        let now = uses.now();
        uses.kept.store(false, Ordering::SeqCst);
        now
    };
    assert!(
        lost(Uses::touch, reads_first).0 > 0,
        "the fault was not found"
    );
}

#[test]
fn what_has_left_returns_with_all_that_is_known() {
    scheduled(|| {
        let departed = Departed::default();
        let id: KeyId = "0a1B2c3D4e5F".parse().unwrap();
        let uses = Uses::new(Some(at(5)));
        uses.enter(None);
        uses.touch(at(7));
        departed.keep(id, uses.leave());
        departed.touch(id, at(9));
        departed.touch(id, at(8));
        assert_eq!(departed.last(id), Some(at(9)));

        let back = Uses::new(Some(at(5)));
        back.enter(departed.known(id));
        assert_eq!(back.last(), Some(at(9)));
        let unsaved = back.now().unsaved(at(100_000), INTERVAL);
        assert_eq!(unsaved, Some(at(9)));
        back.mark_saved(at(9), at(100_000));
        assert_eq!(back.now().unsaved(at(200_000), INTERVAL), None);

        departed.drop_settled();
        assert_eq!(departed.last(id), Some(at(9)), "not known to be saved");
        departed.mark_saved(id, at(9), at(100_000));
        departed.drop_settled();
        assert_eq!(departed.last(id), None);
    });
}

#[test]
fn a_use_is_saved_when_the_last_one_was_long_enough_ago() {
    let now = at(1_000_000);
    let minute = INTERVAL.as_millis() as i64;
    for (saved_at, known, last, is_unsaved) in [
        (NEVER, NEVER, 7, true),
        (NEVER, NEVER, NEVER, false),
        // The store knows of it.
        (NEVER, 7, 7, false),
        (NEVER, 8, 7, false),
        (NEVER, 6, 7, true),
        // It has been told just now, or a minute ago, or by a clock that is set back since.
        (1_000_000, 6, 7, false),
        (1_000_000 - minute + 1, 6, 7, false),
        (1_000_000 - minute, 6, 7, true),
        (1_000_001, 6, 7, true),
        (1_000_001, 7, 7, false),
    ] {
        let uses = Use {
            last_millis: last,
            known_millis: known,
            saved_at_millis: saved_at,
        };
        let expected = is_unsaved.then_some(at(last));
        assert_eq!(uses.unsaved(now, INTERVAL), expected, "{uses:?}");
        assert_eq!(uses.is_settled(), known >= last, "{uses:?}");
    }
}

#[test]
fn so_many_keys_that_have_left_are_kept_and_no_more() {
    scheduled(|| {
        let departed = Departed::default();
        let id = |number: usize| format!("{number:012}").parse::<KeyId>().unwrap();
        for number in 0..MAX_DEPARTED + 10 {
            departed.touch(id(number), at(7));
        }
        assert_eq!(departed.lock().len(), MAX_DEPARTED);
        // Those that are there are still kept up to date, and leave when the store knows of them.
        departed.touch(id(0), at(9));
        departed.mark_saved(id(0), at(8), at(100));
        departed.mark_saved(id(1), at(7), at(100));
        departed.drop_settled();
        assert_eq!(
            (departed.last(id(0)), departed.last(id(1))),
            (Some(at(9)), None)
        );
        let mut left = 0;
        departed.for_each(|_, _| left += 1);
        assert_eq!(left, MAX_DEPARTED - 1);
    });
}

#[test]
fn what_the_store_knows_takes_no_room() {
    scheduled(|| {
        let departed = Departed::default();
        let id: KeyId = "0a1B2c3D4e5F".parse().unwrap();
        departed.keep(id, Uses::new(Some(at(5))).leave());
        departed.keep(id, Uses::new(None).leave());
        assert_eq!(departed.lock().len(), 0);
        departed.touch(id, at(6));
        assert_eq!(departed.lock().len(), 1);
    });
}
