//! The commands in the documentation do what it says.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::{Client, Method};
use xtask::servers::PostgresOptions;

use crate::service::{Answer, Demo, Place, kill};
use crate::site::Site;

const DOCUMENT: &str = include_str!("../../../../crates/ringyo/docs/nodes.md");

/// Processes that a shell has left behind.
struct Left(Vec<u32>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.iter().for_each(|process| kill(*process));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_start_nodes_that_know_each_others_keys() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let (_, commands) = DOCUMENT.split_once("```sh\n").unwrap();
    let (commands, _) = commands.split_once("```").unwrap();
    // What is different here: the database, and ports that are free.
    let mut script = commands.replace("postgres://ringyo:secret@db.internal/ringyo", &site.url());
    for port in ["8787", "8788", "8789"] {
        assert_eq!(script.matches(port).count(), 1, "{script}");
        script = script.replace(&format!("{port} &"), "0 &\necho $! >&2");
    }
    let program = Path::new(env!("CARGO_BIN_EXE_ringyo-demo"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shell = Command::new("sh")
        .args(["-ec", &script])
        .env_clear()
        .env("PATH", path)
        .env("RUST_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let processes = BufReader::new(shell.stderr.take().unwrap()).lines().take(3);
    let processes = processes.map(|line| line.unwrap().parse().unwrap());
    let _left = Left(processes.collect());
    let lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let (mut key, mut nodes) = (None, Vec::new());
    for line in lines.map(Result::unwrap) {
        if let Some((_, rest)) = line.split_once("Authorization: Bearer ") {
            key = rest.split('\'').next().map(str::to_owned);
        }
        nodes.extend(line.strip_prefix("listening on ").map(str::to_owned));
        if nodes.len() == 3 {
            break;
        }
    }
    assert!(shell.wait().unwrap().success());

    let (http, key) = (Client::new(), key.unwrap());
    for node in &nodes {
        let request = http.request(Method::GET, format!("{node}/v1/agents"));
        let answer = Answer::of(request.bearer_auth(&key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    // The control: with other peppers it is none of their keys.
    let stranger = Demo::start(Place::Memory);
    let stranger = stranger.first_key().unwrap();
    let request = http.get(format!("{}/v1/agents", nodes[0]));
    let answer = Answer::of(request.bearer_auth(stranger)).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
}
