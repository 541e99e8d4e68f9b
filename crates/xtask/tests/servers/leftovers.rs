//! Nothing is left of a server: not when it is dropped, not when its test panics, not when the
//! process that started it is killed.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use xtask::servers::{PostgresOptions, for_tests};

use crate::client::{LONG, ask_postgres, folder, in_time, runs};

/// A server's processes and its folder.
fn start() -> Option<(xtask::servers::Postgres, Vec<i32>, PathBuf)> {
    let server = for_tests::postgres(PostgresOptions::new())?;
    let (processes, data) = (server.processes().unwrap(), server.data());
    assert!(processes.iter().all(|process| runs(*process)) && !processes.is_empty());
    assert!(folder(&data).is_dir());
    Some((server, processes, data))
}

/// Not even something that waits to be asked how it ended.
fn nothing_is_left(processes: &[i32], data: &std::path::Path) {
    assert!(!processes.iter().any(|process| runs(*process)));
    let own = std::process::id().to_string();
    for process in processes {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.split(' ').nth(1));
        assert_ne!(parent, Some(own.as_str()), "{stat}");
    }
    assert!(!folder(data).exists());
}

#[test]
fn nothing_is_left_after_a_drop() {
    let Some((server, processes, data)) = start() else {
        return;
    };
    drop(server);
    nothing_is_left(&processes, &data);
}

#[test]
fn nothing_is_left_of_a_frozen_one() {
    let Some((server, processes, data)) = start() else {
        return;
    };
    server.freeze().unwrap();
    drop(server);
    nothing_is_left(&processes, &data);
}

#[test]
fn nothing_is_left_after_a_panic() {
    let Some((server, processes, data)) = start() else {
        return;
    };
    let test = thread::spawn(move || {
        assert_eq!(server.port(), 0, "this panic is wanted");
    });
    assert!(test.join().is_err());
    nothing_is_left(&processes, &data);
}

#[test]
fn nothing_is_left_when_the_process_is_killed() {
    if !for_tests::program(&xtask::servers::debian::POSTGRESQL) {
        return;
    }
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["servers", "sh", "-c"])
        .arg(r#"echo "url=$RINGYO_TEST_POSTGRES"; exec cat"#)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env_remove(for_tests::POSTGRES)
        .env(for_tests::WITHOUT, "redis,valkey")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(xtask.stdout.take().unwrap());
    let mut lines = out.lines().map(Result::unwrap);
    let url = lines.find_map(|line| line.strip_prefix("url=").map(str::to_owned));
    let url = url.unwrap();
    let data = ask_postgres(&url, "SHOW data_directory", LONG).unwrap();
    let data = PathBuf::from(data);
    assert!(folder(&data).is_dir());
    xtask.kill().unwrap();
    xtask.wait().unwrap();
    assert!(in_time(|| !folder(&data).exists()));
    assert_eq!(ask_postgres(&url, "SELECT 1", LONG), None);
}
