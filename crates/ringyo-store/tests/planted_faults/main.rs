//! The suite notices what it is there to notice: for every case there is a store with a fault
//! that the case must catch, and without the fault that store passes.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod accounts;
mod faulty;
mod feed;
mod keys;
mod lists;
mod model;
mod wallets;

use std::collections::BTreeSet;
use std::panic;
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use faulty::{Fault, Faulty};
use ringyo_store::conformance::{self, CASES, Case};
use tokio::runtime::Builder;

/// Faults, each with the cases that must catch it.
const PLANTED: &[(Fault, &[&str])] = &[
    (
        Fault::CutsDescriptions,
        &[
            "key_insert_keeps_every_field",
            "key_update_keeps_every_field",
        ],
    ),
    (
        Fault::DropsEmptyDescriptions,
        &["key_insert_keeps_every_field"],
    ),
    (Fault::CutsMilliseconds, &["key_insert_keeps_every_field"]),
    (Fault::CutsHostBits, &["key_insert_keeps_every_field"]),
    (Fault::FillsBurst, &["key_insert_keeps_every_combination"]),
    (Fault::FoldsKeyIds, &["key_ids_keep_their_case"]),
    (
        Fault::MakesMissingAccounts,
        &["key_insert_needs_an_account"],
    ),
    (
        Fault::OverwritesOnInsert,
        &[
            "key_insert_takes_an_id_once",
            "race_for_one_id_has_one_winner",
        ],
    ),
    (Fault::InsertsOnUpdate, &["key_unknown_id_is_not_found"]),
    (
        Fault::UpdateForgetsScopes,
        &["key_update_keeps_every_field"],
    ),
    (
        Fault::UpdateMovesAccounts,
        &["key_update_leaves_fixed_fields"],
    ),
    (
        Fault::IgnoresRevisions,
        &[
            "key_update_needs_the_current_revision",
            "race_of_writers_loses_no_update",
        ],
    ),
    (
        Fault::ReadsLagBehind,
        &["race_of_readers_sees_finished_writes"],
    ),
    (
        Fault::LoadsInTwoReads,
        &["race_of_loads_sees_single_moments"],
    ),
    (Fault::CachesAccounts, &["key_load_brings_the_account"]),
    (Fault::CountsRevokedPeppers, &["key_count_by_pepper"]),
    (Fault::ResurrectsRevoked, &["revoked_key_takes_no_write"]),
    (Fault::FreesRevokedIds, &["revoked_key_keeps_its_id"]),
    (
        Fault::LooksBeforeItWrites,
        &["revoked_key_survives_racing_writes"],
    ),
    (
        Fault::LastUseFallsBack,
        &["used_times_move_forward", "used_times_race_to_the_latest"],
    ),
    (
        Fault::LastUseIsReadThenWritten,
        &["used_times_race_to_the_latest"],
    ),
    (
        Fault::UseMakesUnknownKeys,
        &["used_times_pass_over_unknown_ids"],
    ),
    (Fault::UseIsARevision, &["used_times_are_no_change"]),
    (Fault::UpdateWritesLastUse, &["used_times_stand_apart"]),
    (
        Fault::CountsBeforeInserting,
        &["maximum_holds_under_parallel_inserts"],
    ),
    (
        Fault::CountsActiveKeysOnly,
        &["maximum_counts_current_keys"],
    ),
    (Fault::CountsExpiredKeys, &["maximum_counts_current_keys"]),
    (
        Fault::ReplaceAsksTheMaximum,
        &["maximum_leaves_one_more_for_a_successor"],
    ),
    (
        Fault::ReplaceForgetsTheMaximum,
        &["maximum_leaves_one_more_for_a_successor"],
    ),
    (
        Fault::ReplaceForgetsTheOldKey,
        &["replace_writes_both_keys"],
    ),
    (
        Fault::ReplacesInTwoSteps,
        &[
            "replace_refused_changes_nothing",
            "race_with_dropped_futures_tears_nothing",
        ],
    ),
    (
        Fault::ReplaceAddsBeforeItChecks,
        &[
            "replace_racing_has_one_winner",
            "replace_refused_changes_nothing",
            "race_with_dropped_futures_tears_nothing",
        ],
    ),
    (
        Fault::ListSkipsTies,
        &[
            "list_is_newest_first",
            "list_pages_are_stable_under_inserts",
        ],
    ),
    (Fault::ListRepeatsTies, &["list_is_newest_first"]),
    (
        Fault::ListGoesByOffset,
        &["list_pages_are_stable_under_inserts"],
    ),
    (Fault::ListEndsLate, &["list_ends_at_the_last_page"]),
    (Fault::ListIsLateByAMillisecond, &["list_filters_by_state"]),
    (
        Fault::ListForgetsMode,
        &["list_filters_by_mode_and_account"],
    ),
    (
        Fault::ListFoldsAccounts,
        &["list_filters_by_mode_and_account"],
    ),
    (Fault::NameIsAPattern, &["list_name_filter_is_literal"]),
    (Fault::NameFoldsUnicode, &["list_name_filter_is_literal"]),
    (Fault::NameKeepsCase, &["list_name_filter_is_literal"]),
    (Fault::TrimsPlans, &["account_keeps_every_field"]),
    (Fault::FoldsAccountIds, &["account_ids_keep_their_case"]),
    (Fault::OverwritesAccounts, &["account_id_is_taken_once"]),
    (
        Fault::InsertsAccountsOnUpdate,
        &["account_unknown_id_is_not_found"],
    ),
    (
        Fault::IgnoresAccountRevisions,
        &[
            "account_update_needs_the_current_revision",
            "race_of_writers_on_an_account_loses_no_update",
        ],
    ),
    (Fault::ListsAccountsByLetters, &["account_list_goes_by_id"]),
    (Fault::GivesACredit, &["wallet_starts_empty"]),
    (Fault::ReceiptLags, &["wallet_grants_and_charges"]),
    (
        Fault::ReadsThenWritesBalance,
        &["wallet_spenders_never_overdraw"],
    ),
    (Fault::ChargesReplays, &["wallet_operation_is_done_once"]),
    (
        Fault::ChargesRacingReplays,
        &["wallet_racing_replays_charge_once"],
    ),
    (
        Fault::TakesOtherContent,
        &["wallet_operation_id_means_one_thing"],
    ),
    (
        Fault::FoldsOperationIds,
        &["wallet_operation_ids_belong_to_an_account"],
    ),
    (
        Fault::SettlesBothWays,
        &[
            "wallet_reserved_debit_is_settled_once",
            "wallet_racing_settlements_agree",
        ],
    ),
    (Fault::RefundsSpentCredits, &["wallet_settles_debits_only"]),
    (
        Fault::NotesUnpaidDebits,
        &["wallet_insufficient_debit_notes_nothing"],
    ),
    (Fault::CapsTheBalance, &["wallet_balance_has_a_ceiling"]),
    (Fault::ForgetsEvents, &["event_of_every_change"]),
    (Fault::ForgetsAddresses, &["event_keeps_every_field"]),
    (Fault::LogsRefusals, &["event_of_no_refused_change"]),
    (Fault::RepeatsEventsOnPaging, &["event_pages_and_filters"]),
    (Fault::FeedStartsAtTheBeginning, &["feed_starts_at_now"]),
    (Fault::FeedLeavesOutAccounts, &["feed_shows_every_change"]),
    (Fault::FeedLeavesOutOneOfMany, &["feed_shows_every_change"]),
    (
        Fault::FeedCursorRunsAhead,
        &["feed_skips_nothing_under_writers"],
    ),
    (Fault::FeedTellsUse, &["feed_leaves_out_use_and_credits"]),
    (
        Fault::FeedTrustsAnyCursor,
        &["feed_forgets_everything_for_a_foreign_cursor"],
    ),
    (Fault::NeverWakes, &["feed_wakes_for_a_change"]),
    (Fault::AlwaysWakes, &["feed_wakes_for_a_change"]),
    (Fault::NeverReady, &["feed_store_is_ready"]),
];

/// How a case ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    /// It took longer than any case may.
    Hung,
}

#[test]
fn every_planted_fault_is_caught() {
    let mut missed = Vec::new();
    for &(fault, cases) in PLANTED {
        for case in cases {
            let end = run(case, Some(fault));
            if end != End::Failed {
                missed.push(format!("{case} with {fault:?}: {end:?}"));
            }
        }
    }
    println!(
        "{} planted faults, {} not caught",
        PLANTED.len(),
        missed.len()
    );
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}

#[test]
fn without_its_fault_the_store_passes() {
    for case in CASES {
        assert_eq!(run(case.name, None), End::Passed, "{}", case.name);
    }
}

#[test]
fn every_case_has_a_fault_to_catch() {
    let planted: BTreeSet<&str> = PLANTED
        .iter()
        .flat_map(|(_, cases)| cases.iter().copied())
        .collect();
    let all: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(planted, all);
}

#[test]
fn running_all_cases_names_those_that_fail() {
    quiet();
    let all = async {
        conformance::run_all(async || (Faulty::new(Some(Fault::NeverReady)), ())).await;
    };
    let runtime = runtime();
    let error = runtime.block_on(runtime.spawn(all)).unwrap_err();
    let message = error.into_panic().downcast::<String>().unwrap();
    let expected = format!(
        "the store fails 1 of {} cases: feed_store_is_ready",
        CASES.len()
    );
    assert_eq!(*message, expected);
}

fn run(case: &str, fault: Option<Fault>) -> End {
    quiet();
    let case = Case::find(case).unwrap();
    let runtime = runtime();
    let task = runtime.spawn(case.run(Arc::new(Faulty::new(fault))));
    let limited = async { tokio::time::timeout(Duration::from_secs(60), task).await };
    let end = match runtime.block_on(limited) {
        Ok(Ok(())) => End::Passed,
        Ok(Err(_)) => End::Failed,
        Err(_) => End::Hung,
    };
    runtime.shutdown_background();
    end
}

/// The name of the threads on which panics are expected.
const THREADS: &str = "planted fault";

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_multi_thread()
        .worker_threads(4)
        .thread_name(THREADS)
        .enable_time()
        .build()
        .unwrap()
}

/// Keeps expected panics off the output, and no others.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREADS) {
                loud(info);
            }
        }));
    });
}
