//! A private cluster is stopped, killed, frozen and replaced.

use xtask::servers::{Postgres, PostgresOptions, for_tests};

use crate::client::{LONG, SHORT, ask_postgres, in_time, runs};

fn start() -> Option<Postgres> {
    for_tests::postgres(PostgresOptions::new().setting("max_prepared_transactions", "3"))
}

#[test]
fn it_keeps_its_data_and_its_address_over_a_restart_and_a_kill() {
    let Some(mut server) = start() else { return };
    let url = server.url("postgres");
    let ask = |statement: &str| ask_postgres(&url, statement, LONG);
    ask("CREATE TABLE kept (round int)").unwrap();
    ask("INSERT INTO kept VALUES (1)").unwrap();

    server.restart().unwrap();
    assert_eq!(ask("SELECT count(*) FROM kept").unwrap(), "1");

    ask("INSERT INTO kept VALUES (2)").unwrap();
    let processes = server.processes().unwrap();
    assert!(processes.len() > 3, "{processes:?}");
    assert!(processes.iter().all(|process| runs(*process)));
    server.kill().unwrap();
    assert_eq!(server.processes().unwrap(), [0; 0]);
    assert!(!processes.iter().any(|process| runs(*process)));
    assert_eq!(ask("SELECT 1"), None);

    server.start().unwrap();
    assert_eq!(ask("SELECT count(*) FROM kept").unwrap(), "2");
    let error = server.start().unwrap_err();
    assert_eq!(error.to_string(), "the server runs already");

    server.stop().unwrap();
    assert_eq!(ask("SELECT 1"), None);
}

#[test]
fn a_frozen_one_does_not_answer_until_it_is_thawed() {
    let Some(mut server) = start() else { return };
    let url = server.url("postgres");
    assert_eq!(ask_postgres(&url, "SELECT 1", LONG).unwrap(), "1");
    server.freeze().unwrap();
    assert_eq!(ask_postgres(&url, "SELECT 1", SHORT), None);
    // The kernel answers for it: this is no server that is down.
    std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    server.thaw().unwrap();
    assert_eq!(ask_postgres(&url, "SELECT 1", LONG).unwrap(), "1");
    // A frozen one can be stopped, which takes a thaw, and killed.
    server.freeze().unwrap();
    server.stop().unwrap();
    server.start().unwrap();
    server.freeze().unwrap();
    server.kill().unwrap();
    assert_eq!(server.processes().unwrap(), [0; 0]);
}

#[test]
fn another_cluster_takes_its_place() {
    let Some(mut server) = start() else { return };
    let (port, url) = (server.port(), server.url("postgres"));
    let identity = "SELECT system_identifier FROM pg_control_system()";
    let before = ask_postgres(&url, identity, LONG).unwrap();
    server.restart().unwrap();
    assert_eq!(ask_postgres(&url, identity, LONG).unwrap(), before);
    server.replace().unwrap();
    assert_ne!(ask_postgres(&url, identity, LONG).unwrap(), before);
    assert_eq!((server.port(), server.url("postgres")), (port, url));
}

#[test]
fn it_is_set_up_as_it_was_asked_for() {
    let Some(server) = start() else { return };
    let show = |server: &Postgres, name: &str| {
        let url = server.url("postgres");
        ask_postgres(&url, &format!("SHOW {name}"), LONG).unwrap()
    };
    assert_eq!(show(&server, "max_prepared_transactions"), "3");
    assert_eq!(show(&server, "fsync"), "off");
    assert_eq!(show(&server, "full_page_writes"), "on");
    assert_eq!(show(&server, "listen_addresses"), "127.0.0.1");
    let wrong = server.url("postgres").replace("postgres:", "postgres:x");
    assert_eq!(ask_postgres(&wrong, "SELECT 1", LONG), None);

    let Some(safe) = for_tests::postgres(PostgresOptions::new().fsync()) else {
        return;
    };
    assert_eq!(show(&safe, "fsync"), "on");
    assert_ne!(safe.port(), server.port());

    let error = PostgresOptions::new()
        .setting("no_such_setting", "1")
        .start()
        .unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn every_database_is_new_and_goes_when_it_is_dropped() {
    let Some(server) = start() else { return };
    let url = server.url("postgres");
    let exists = |name: &str| {
        let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        ask_postgres(&url, &count, LONG).unwrap() == "1"
    };
    let one = server.create_database().unwrap();
    let two = server.create_database().unwrap();
    ask_postgres(&one.url(), "CREATE TABLE mine ()", LONG).unwrap();
    assert_eq!(ask_postgres(&two.url(), "SELECT 1 FROM mine", LONG), None);
    let name = one.name().to_owned();
    assert!(exists(&name));
    drop(one);
    assert!(!exists(&name));
    assert!(exists(two.name()));

    // Many at once do not get into each other's way.
    std::thread::scope(|threads| {
        let made: Vec<_> = (0..8)
            .map(|_| threads.spawn(|| server.create_database().unwrap()))
            .collect();
        let mut names: Vec<String> = made
            .into_iter()
            .map(|thread| thread.join().unwrap().name().to_owned())
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 8);
    });
}

#[test]
fn tests_get_a_database_on_the_server_they_share() {
    let Some(one) = for_tests::database() else {
        return;
    };
    let Some(two) = for_tests::database() else {
        return;
    };
    assert_ne!(one.name(), two.name());
    let (server, _) = one
        .url()
        .rsplit_once('/')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(two.url().starts_with(&server));
    assert!(in_time(|| ask_postgres(&two.url(), "SELECT 1", LONG)
        .as_deref()
        == Some("1")));
}
