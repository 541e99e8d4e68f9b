//! Drawn series of calls, compared with the model, notice faults as well.

use std::cell::Cell;
use std::thread;

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use ringyo_store::conformance::model;

use crate::faulty::{Fault, Faulty};
use crate::{PLANTED, THREADS, quiet};

/// Faults that no series of single calls can show: they need calls at the same time, a future that
/// is dropped, a wait, or contents that are not drawn. Their cases of the suite are there for them.
const OUT_OF_REACH: &[Fault] = &[
    Fault::LoadsInTwoReads,
    Fault::LooksBeforeItWrites,
    Fault::ReadsThenWritesBalance,
    Fault::ChargesRacingReplays,
    Fault::FeedCursorRunsAhead,
    Fault::NeverWakes,
    Fault::AlwaysWakes,
    Fault::NeverReady,
];

/// As many series as the slowest of the stores, that on PostgreSQL, is compared in.
const CASES: u32 = 60;

/// How many series of calls it took to find it; `None`: no answer was another one.
fn found(fault: Option<Fault>) -> Option<u32> {
    quiet();
    // What panics here is the store that is at fault.
    let search = thread::Builder::new().name(THREADS.to_owned());
    let search = search.spawn(move || look_for(fault)).unwrap();
    search.join().unwrap()
}

fn look_for(fault: Option<Fault>) -> Option<u32> {
    let config = Config {
        cases: CASES,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    // The same series every time.
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let series = Cell::new(0);
    let answers = runner.run(&model::calls(), |calls| {
        series.set(series.get() + 1);
        let agree = async { model::agree(&Faulty::new(fault), &calls).await };
        runtime.block_on(agree).map(drop)
    });
    match answers {
        Ok(()) => None,
        Err(TestError::Fail(..)) => Some(series.get()),
        Err(TestError::Abort(reason)) => panic!("{fault:?}: {reason}"),
    }
}

#[test]
fn the_model_notices_every_fault_within_its_reach() {
    assert_eq!(found(None), None, "the control: without a fault they agree");
    let faults = PLANTED.iter().map(|(fault, _)| *fault);
    let within = faults.filter(|fault| !OUT_OF_REACH.contains(fault));
    let missed: Vec<Fault> = within
        .filter(|fault| {
            let found = found(Some(*fault));
            println!("{fault:?}: {found:?}");
            found.is_none()
        })
        .collect();
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
