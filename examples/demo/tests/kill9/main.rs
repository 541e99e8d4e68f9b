//! The demo is killed, again and again, at moments nobody chose. Whatever it had answered is
//! there when it comes back, and nothing is half there.
//!
//! A run prints its seed; `KILL9_SEED=… cargo test -p ringyo-demo --test kill9` makes the same
//! choices again, as far as the machine lets it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(clippy::print_stdout, reason = "a run of a minute says where it is")]

#[path = "../service/mod.rs"]
mod service;

mod callers;
mod controls;
mod cut_off;
mod file;
mod managers;

use std::path::Path;
use std::time::{Duration, Instant};

use callers::Caller;
use managers::Manager;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use service::{Demo, Place, new_place, program};

const ROUNDS: usize = 60;
const ACCOUNT: &str = "acct_agency";

/// What all callers call with: a live key that nobody touches, and an agent.
struct Line {
    key: String,
    agent: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_and_nothing_is_half_there() {
    let seed = std::env::var("KILL9_SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("KILL9_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let (_directory, path) = new_place();
    let mut granted = 1_000;
    let mut managers: Vec<Manager> = (0..3).map(Manager::new).collect();
    let mut callers: Vec<Caller> = (0..2).map(Caller::new).collect();
    let mut demo = Demo::start(Place::File(&path));
    let line = open_line(&demo).await;
    let started = Instant::now();

    for round in 1..=ROUNDS {
        let patience = Duration::from_millis(rng.random_range(5..=150));
        work_until_killed(
            &mut demo,
            patience,
            &line,
            &mut managers,
            &mut callers,
            &mut rng,
        )
        .await;
        if round % 5 == 0 {
            kill_while_starting(&path, Duration::from_millis(rng.random_range(0..=80)));
        }

        demo = Demo::start(Place::File(&path));
        assert_eq!(
            demo.first_key(),
            None,
            "it does not take the file for a new one"
        );
        let visitor = demo.log_in(ACCOUNT).await;
        file::complaints(&path).assert_none(round);
        callers::check_ledger(&callers, &path, granted);
        managers::check(&mut managers, &visitor, &demo, &mut rng).await;
        for caller in &mut callers {
            caller.settle(&demo, &line).await;
        }
        let charged: u64 = callers.iter().map(Caller::charged).sum();
        assert_eq!(visitor.credits().await, granted - charged, "round {round}");
        if granted - charged < 300 {
            callers::top_up(&path, 1_000);
            granted += 1_000;
        }
        if round % 10 == 0 {
            let keys: usize = managers.iter().map(Manager::keys).sum();
            let seconds = started.elapsed().as_secs();
            println!(
                "killed {round} of {ROUNDS} times, {seconds} s: {keys} keys, {charged} credits"
            );
        }
    }
    let came_true: usize = managers.iter().map(Manager::came_true).sum();
    let interrupted: usize = managers.iter().map(Manager::interrupted).sum();
    println!("{interrupted} changes were not answered, {came_true} of them were made");
    // The control: the rounds were not idle.
    for manager in &managers {
        assert!(manager.answered() > 2 * ROUNDS, "{}", manager.answered());
    }
    assert!(callers.iter().all(|caller| caller.answered() > ROUNDS));
    assert!(interrupted > ROUNDS / 2);
    assert!(demo.stop().success());
    file::complaints(&path).assert_none(ROUNDS + 1);
    println!("{ROUNDS} kills, 0 answers lost, nothing half there");
}

async fn open_line(demo: &Demo) -> Line {
    let (_, key) = demo
        .log_in(ACCOUNT)
        .await
        .issue("live", &["agents", "calls"])
        .await;
    let agent = demo
        .post(&key, "/v1/agents", json!({ "name": "Anna" }))
        .await
        .data();
    let agent = agent["id"].as_str().unwrap().to_owned();
    Line { key, agent }
}

async fn work_until_killed(
    demo: &mut Demo,
    patience: Duration,
    line: &Line,
    managers: &mut [Manager],
    callers: &mut [Caller],
    rng: &mut StdRng,
) {
    let process = demo.process_id();
    let visitor = demo.log_in(ACCOUNT).await;
    let seeds: Vec<u64> = (0..managers.len() + callers.len())
        .map(|_| rng.random())
        .collect();
    let (manager_seeds, caller_seeds) = seeds.split_at(managers.len());
    let managing = managers.iter_mut().zip(manager_seeds);
    let managing = managing.map(|(manager, seed)| manager.work(&visitor, *seed));
    let calling = callers.iter_mut().zip(caller_seeds);
    let calling = calling.map(|(caller, seed)| caller.work(demo, line, *seed));
    // From another thread, so that the clients do not hold their breath meanwhile.
    let killing = std::thread::spawn(move || {
        std::thread::sleep(patience);
        service::kill(process);
    });
    tokio::join!(join_all(managing), join_all(calling));
    killing.join().unwrap();
    demo.kill();
}

fn kill_while_starting(path: &Path, patience: Duration) {
    let store = format!("sqlite:{}", path.display());
    let mut command = program();
    command.args(["--addr", "127.0.0.1:0", "--store", &store]);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(patience);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Waits for all of them, which run at the same time.
async fn join_all(futures: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        match running.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}
