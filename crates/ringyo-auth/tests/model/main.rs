//! The rules of the cache as a model whose states are all visited: a node with its loads, changes,
//! requests, change feed and clock. The faults that the rules are there against are planted one by
//! one, and each must be found.
//!
//! That the code does what the model does is not proved here but tried out: `cache::interleavings`
//! runs it under a scheduler.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod node;
mod setting;

use std::thread::available_parallelism;

use setting::{BOUNDED, Change, FENCED, Fault, SINGLE, Setting, TOLD};
use stateright::{Checker, HasDiscoveries, Model};

/// Three requests around a change of the key and one of its account, in the same moment.
fn at_once(fault: Fault) -> Setting {
    Setting {
        requests: 3,
        changes: vec![Change::Key, Change::Account],
        rounds: 0,
        ticks: 0,
        fault,
    }
}

/// Changes on another node, of which the feed tells, or does not, and time that goes by.
fn over_time(change: Change, fault: Fault) -> Setting {
    Setting {
        requests: 2,
        changes: vec![change],
        rounds: 1,
        ticks: 2,
        fault,
    }
}

/// The account changes here and elsewhere, in the same moment, and the feed may tell of it.
fn here_and_there(fault: Fault) -> Setting {
    Setting {
        requests: 2,
        changes: vec![Change::Account, Change::AccountElsewhere],
        rounds: 1,
        ticks: 0,
        fault,
    }
}

fn threads() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// In how many states it holds.
#[track_caller]
fn holds(setting: Setting) -> usize {
    let checker = setting.checker().threads(threads()).spawn_bfs().join();
    checker.assert_properties();
    checker.unique_state_count()
}

#[track_caller]
fn breaks(property: &'static str, setting: Setting) {
    let found = HasDiscoveries::AnyOf([property].into());
    let checker = setting.checker().threads(threads()).finish_when(found);
    let checker = checker.spawn_bfs().join();
    let path = checker.discovery(property);
    assert!(path.is_some(), "the planted fault was not found");
}

#[test]
fn requests_around_changes_of_this_node() {
    println!("{} states", holds(at_once(Fault::None)));
    breaks(TOLD, at_once(Fault::PublishesAnyway));
    breaks(FENCED, at_once(Fault::PublishesAnyway));
    breaks(TOLD, at_once(Fault::CellFirst));
    breaks(TOLD, at_once(Fault::CellOnly));
    breaks(SINGLE, at_once(Fault::NobodyJoins));
}

#[test]
fn changes_of_another_node_that_may_never_be_told() {
    for change in [Change::KeyElsewhere, Change::AccountElsewhere] {
        println!("{} states", holds(over_time(change, Fault::None)));
        breaks(BOUNDED, over_time(change, Fault::JoinsAnyAge));
        breaks(BOUNDED, over_time(change, Fault::AgesFromAnswer));
        breaks(BOUNDED, over_time(change, Fault::ConfirmsAtAnswer));
        breaks(BOUNDED, over_time(change, Fault::ConfirmsFirst));
        breaks(TOLD, over_time(change, Fault::PublishesAnyway));
    }
}

#[test]
fn an_account_that_changes_here_and_elsewhere() {
    println!("{} states", holds(here_and_there(Fault::None)));
    breaks(TOLD, here_and_there(Fault::CellFirst));
}
