use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use shuttle::scheduler::DfsScheduler;
use shuttle::{Config, Runner, thread};

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

fn last_use(millis: i64, is_saved: bool) -> Last {
    Last { millis, is_saved }
}

/// The locks and atomics here are the scheduler's, which wants to be there.
fn scheduled(test: impl Fn() + Send + Sync + 'static) {
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
        let is_kept = uses.last.load(Ordering::Relaxed) & KEPT != 0;
        uses.touch(at);
        is_kept
    };
    assert!(
        lost(asks_first, Uses::leave).0 > 0,
        "the fault was not found"
    );
    let reads_first = |uses: &Uses| {
        let now = uses.now();
        uses.leave();
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
    for (saved_at, is_saved, last, is_unsaved) in [
        (NEVER, false, 7, true),
        (NEVER, true, NEVER, false),
        // The store knows of it.
        (NEVER, true, 7, false),
        // It has been told just now, or a minute ago, or by a clock that is set back since.
        (1_000_000, false, 7, false),
        (1_000_000 - minute + 1, false, 7, false),
        (1_000_000 - minute, false, 7, true),
        (1_000_001, false, 7, true),
        (1_000_001, true, 7, false),
    ] {
        let uses = Use {
            last: last_use(last, is_saved),
            saved_at_millis: saved_at,
        };
        let expected = is_unsaved.then_some(at(last));
        assert_eq!(uses.unsaved(now, INTERVAL), expected, "{uses:?}");
    }
}

#[test]
fn of_two_uses_the_later_counts_and_of_one_that_it_is_saved() {
    let known = |last, is_saved, saved_at_millis| Use {
        last: last_use(last, is_saved),
        saved_at_millis,
    };
    for (one, other, both) in [
        (
            known(7, true, 1),
            known(8, false, NEVER),
            known(8, false, 1),
        ),
        (known(7, false, 1), known(8, true, 2), known(8, true, 2)),
        (known(7, false, 2), known(7, true, 1), known(7, true, 2)),
        (
            known(NEVER, true, NEVER),
            known(0, false, NEVER),
            known(0, false, NEVER),
        ),
    ] {
        assert_eq!((one.merge(other), other.merge(one)), (both, both));
        scheduled(move || {
            for (inside, from_outside) in [(one, other), (other, one)] {
                let uses = Uses::new(None);
                uses.enter(Some(inside));
                uses.enter(Some(from_outside));
                assert_eq!(uses.leave(), both);
            }
        });
    }
}

#[test]
fn a_use_and_its_number_are_in_the_same_order() {
    let latest = Timestamp::MAX.as_unix_millis();
    let millis = [NEVER, 0, 1, 1 << 40, latest];
    let all = millis.map(|millis| [false, true].map(|is_saved| last_use(millis, is_saved)));
    for one in all.as_flattened() {
        assert_eq!(Last::of_number(one.number() | KEPT), *one);
        assert_eq!(one.number() & KEPT, 0);
        for other in all.as_flattened() {
            assert_eq!(one.number().cmp(&other.number()), one.cmp(other));
        }
    }
}

#[test]
fn what_is_used_while_it_is_saved_is_not_saved() {
    scheduled(|| {
        let uses = Uses::new(None);
        uses.enter(None);
        uses.touch(at(7));
        uses.touch(at(8));
        uses.mark_saved(at(7), at(100));
        let known = uses.now();
        assert_eq!(known.unsaved(at(200_000), INTERVAL), Some(at(8)));
        assert_eq!(known.unsaved(at(101), INTERVAL), None, "not due");
        for _ in 0..2 {
            uses.mark_saved(at(8), at(100));
            assert_eq!(uses.now().unsaved(at(200_000), INTERVAL), None);
        }
        assert!(uses.touch(at(9)), "kept all the time");
        assert_eq!(uses.leave().unsaved(at(200_000), INTERVAL), Some(at(9)));
    });
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
