//! A machine that slept: the system's clock has gone on meanwhile.
//!
//! No test can put the machine to sleep. What sleep leaves behind can be had: in a time namespace
//! the clock that goes on is ahead of the one that stood still by as much as is asked for. The test
//! runs itself in one, and is told there how far the two are apart.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::env;
use std::io::{self, Write as _};
use std::process::{Command, Output};

use ringyo_limit::{Clock, SystemClock};
use rustix::time::{ClockId, clock_gettime};
use xtask::servers::for_tests;

/// Tells the test that it runs inside.
const INSIDE: &str = "RINGYO_TEST_INSIDE";

/// Stands before the answer from inside.
const AHEAD: &str = "ahead by seconds: ";

/// Ways to get into a namespace: as root, as anybody, and as somebody who may become root.
const WAYS: [&[&str]; 3] = [
    &["unshare"],
    &["unshare", "--map-root-user"],
    &["sudo", "--non-interactive", "--preserve-env", "unshare"],
];

#[test]
fn the_clock_goes_on_while_the_machine_sleeps() {
    if env::var_os(INSIDE).is_some() {
        let line = format!("{AHEAD}{}\n", seconds_ahead());
        io::stdout().write_all(line.as_bytes()).unwrap();
        return;
    }
    let mut way = None;
    let find_way = || {
        let can_enter = |way: &&&[&str]| {
            let tried = enter(way, 0, &["true"]);
            tried.is_ok_and(|output| output.status.success())
        };
        way = WAYS.iter().find(can_enter);
        way.map(drop).ok_or(io::ErrorKind::Unsupported.into())
    };
    if !for_tests::available("time-namespaces", find_way) {
        return;
    }
    let way = way.unwrap();
    // The control: without sleep, and after an hour of it.
    let rested = ahead_after(way, 3_600) - ahead_after(way, 0);
    assert!((3_590..=3_610).contains(&rested), "{rested} s");
}

/// How far the clock is ahead of the one that stands still while the machine sleeps.
fn seconds_ahead() -> i64 {
    let awake = clock_gettime(ClockId::Monotonic).tv_sec;
    let nanos = SystemClock::default().now().monotonic.as_nanos();
    (nanos / 1_000_000_000).cast_signed() - awake
}

/// The same as a process sees it for which the machine has slept so long.
fn ahead_after(way: &[&str], seconds: u32) -> i64 {
    let program = env::current_exe().unwrap();
    let test = "the_clock_goes_on_while_the_machine_sleeps";
    let again = [program.to_str().unwrap(), "--exact", "--nocapture", test];
    let output = enter(way, seconds, &again).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let answer = said
        .split(AHEAD)
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let answer = answer.unwrap_or_else(|| panic!("{output:?}"));
    answer.parse().unwrap()
}

fn enter(way: &[&str], seconds: u32, command: &[&str]) -> io::Result<Output> {
    let seconds = seconds.to_string();
    Command::new(way[0])
        .args(&way[1..])
        .args(["--time", "--boottime", &seconds])
        .args(command)
        .env(INSIDE, "1")
        .output()
}
