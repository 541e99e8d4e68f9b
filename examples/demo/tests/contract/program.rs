//! Flags, variables, files and signals.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use xtask::servers::{PostgresOptions, RedisOptions, for_tests};

use crate::service::{Demo, Place, new_place, program};

const PEPPER: &str = "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

#[test]
fn what_makes_no_sense_is_refused_and_no_password_is_repeated() {
    let unreachable = "postgres://alice:hunter2@127.0.0.1:1/keys";
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("RINGYO_STORE", "keys.db")], "`memory`, `sqlite:PATH` or"),
        (
            &[("RINGYO_STORE", "mysql://alice:hunter2@db/keys")],
            "`postgres://…`",
        ),
        (
            &[("RINGYO_STORE", "postgres:alice:hunter2@db")],
            "`postgres://…`",
        ),
        (
            &[("RINGYO_LIMITER", "memcached://:hunter2@db")],
            "`redis://…`",
        ),
        (&[("RINGYO_LIMITER", "redis:hunter2")], "`redis://…`"),
        (&[("RINGYO_MAX_STALENESS", "soon")], "--max-staleness"),
        (&[("RINGYO_STORE", unreachable)], "the same peppers"),
        (
            &[("RINGYO_STORE", unreachable), ("RINGYO_PEPPER", PEPPER)],
            "refused",
        ),
        (
            &[
                ("RINGYO_STORE", "memory"),
                ("RINGYO_LIMITER", "redis://:hunter2@127.0.0.1:port"),
            ],
            "redis address",
        ),
    ];
    for (variables, message) in cases {
        // As far as they can be, they are flags too, and what is said of those is the same.
        let flags = variables
            .iter()
            .filter(|(name, _)| *name != "RINGYO_PEPPER");
        let flags = flags.flat_map(|(name, value)| {
            let name = name.trim_start_matches("RINGYO_").replace('_', "-");
            [format!("--{}", name.to_lowercase()), (*value).to_owned()]
        });
        let peppers = variables
            .iter()
            .filter(|(name, _)| *name == "RINGYO_PEPPER");
        for output in [
            program().envs(variables.iter().copied()).output(),
            program().envs(peppers.copied()).args(flags).output(),
        ] {
            let output = output.unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success());
            assert!(errors.contains(message), "{variables:?}: {errors}");
            assert!(!errors.contains("hunter2"), "{errors}");
            assert_eq!(output.stdout, b"");
        }
    }
}

#[test]
fn the_help_names_every_flag_and_its_variable_and_shows_no_password() {
    let help = program()
        .env("RINGYO_STORE", "postgres://alice:hunter2@db/keys")
        .env("RINGYO_LIMITER", "redis://:hunter2@db")
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for flag in [
        "addr",
        "store",
        "limiter",
        "pepper-file",
        "max-staleness",
        "github-keys",
        "allow-demo-login",
    ] {
        assert!(help.contains(&format!("--{flag}")), "{flag}");
        let variable = format!("RINGYO_{}", flag.replace('-', "_").to_uppercase());
        assert!(help.contains(&variable), "{variable}");
    }
    assert!(!help.contains("hunter2"), "{help}");
}

#[test]
fn the_passwords_of_database_and_redis_are_not_logged() {
    // Servers of its own: these ask for a password.
    let Some(postgres) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let Some(redis) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let (database, limiter) = (postgres.url("postgres"), redis.url());
    let (directory, _) = new_place();
    let log = directory.path().join("log");
    let mut command = program();
    command.stderr(fs::File::create(&log).unwrap());
    command.envs([
        ("RINGYO_PEPPER", PEPPER),
        ("RINGYO_LIMITER", &limiter),
        ("RUST_LOG", "trace"),
    ]);
    let demo = Demo::spawn(command, Place::Database(&database));
    let key = demo.first_key().unwrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(demo.get(&key, "/v1/agents"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(demo.stop().success());

    let log = fs::read_to_string(&log).unwrap();
    for address in [database, limiter] {
        let (before, _) = address.rsplit_once('@').unwrap();
        let (_, password) = before.rsplit_once(':').unwrap();
        assert!(!log.contains(password));
    }
    // The control: it is the log of what was done with them.
    assert!(log.contains("tokio_postgres") && log.contains("the demo is ready"));
}

#[test]
fn a_taken_address_costs_no_key() {
    let (_directory, file) = new_place();
    let running = Demo::start(Place::Memory);
    let addr = running.url.strip_prefix("http://").unwrap();
    let store = format!("sqlite:{}", file.display());
    let output = program()
        .args(["--addr", addr, "--store", &store])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(!file.exists());
    // The control: with a free one the key is shown.
    assert!(Demo::start(Place::File(&file)).first_key().is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn peppers_come_from_the_file_beside_the_store_or_from_the_environment() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let key = demo.first_key().unwrap().to_owned();
    assert!(demo.stop().success());

    let peppers = directory.path().join("demo.db.peppers");
    assert_eq!(
        fs::metadata(&peppers).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(&peppers).unwrap();
    assert!(text.starts_with("1:"), "the first pepper is number 1");

    // From elsewhere it is the same pepper.
    let moved = directory.path().join("moved");
    fs::rename(&peppers, &moved).unwrap();
    let demo = Demo::start_with(
        Place::File(&file),
        &["--pepper-file", moved.to_str().unwrap()],
    );
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);
    drop(demo);
    assert!(!peppers.exists());

    // The variable wins: with another pepper in it the key is none of this service.
    let other = "2:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    for (variable, status) in [(text.trim().to_owned(), 200), (other.to_owned(), 401)] {
        let demo = Demo::start_in(
            Place::File(&file),
            &["--pepper-file", moved.to_str().unwrap()],
            &[("RINGYO_PEPPER", &variable)],
        );
        assert_eq!(demo.get(&key, "/v1/agents").await.status, status);
    }
}

#[test]
fn nothing_of_a_key_is_logged() {
    let (directory, file) = new_place();
    let log = directory.path().join("log");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let demo = Demo::start_logging(Place::File(&file), &log);
    let key = demo.first_key().unwrap().to_owned();
    runtime.block_on(async {
        demo.get(&key, &format!("/v1/agents?key={key}")).await;
        demo.get(&format!("{key}x"), "/v1/agents").await;
        let (_, issued) = demo
            .log_in("acct_pro")
            .await
            .issue("live", &["agents"])
            .await;
        demo.get(&issued, "/v1/agents").await;
        demo.stop();
        let log = fs::read_to_string(&log).unwrap();
        // The control: it is the log of these requests.
        assert!(log.contains("/v1/agents") && log.contains("401"), "{log}");
        for key in [key, issued] {
            assert!(!log.contains(&key[20..26]), "{log}");
        }
    });
}

#[test]
fn a_request_that_has_begun_is_answered_before_the_end() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let addr = demo.url.strip_prefix("http://").unwrap();
    let body = json!({ "account": "acct_pro" }).to_string();
    let (first, rest) = body.split_at(5);
    let mut client = TcpStream::connect(addr).unwrap();
    let idle = TcpStream::connect(addr).unwrap();
    write!(
        client,
        "POST /dashboard/login HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len(),
    )
    .unwrap();
    // It has begun when it asks for the body.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    client.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{go_on:?}");
    client.write_all(first.as_bytes()).unwrap();
    demo.terminate();
    std::thread::sleep(Duration::from_millis(200));
    client.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(demo.wait().success());
    drop(idle);
    // What the store keeps beside its file is gone with a clean end.
    assert!(file.exists() && !file.with_extension("db-wal").exists());
}
