//! A private Redis, or Valkey, is stopped, killed, frozen and replaced.

use std::net::TcpStream;

use xtask::servers::{Flavour, Redis, RedisOptions, for_tests};

use crate::client::{ask_redis, in_time, redis_connection, runs};

fn connection(server: &Redis) -> TcpStream {
    redis_connection(server.port(), server.password()).unwrap()
}

fn starts_freezes_and_is_killed(flavour: Flavour) {
    let Some(mut server) = for_tests::redis(RedisOptions::new(flavour)) else {
        return;
    };
    let mut client = connection(&server);
    assert_eq!(ask_redis(&mut client, "SET a 1").unwrap(), "+OK");

    server.freeze().unwrap();
    assert!(ask_redis(&mut client, "PING").is_err());
    TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    server.thaw().unwrap();
    assert_eq!(
        ask_redis(&mut connection(&server), "PING").unwrap(),
        "+PONG"
    );

    let processes = server.processes().unwrap();
    assert!(!processes.is_empty() && processes.iter().all(|process| runs(*process)));
    server.kill().unwrap();
    assert!(!processes.iter().any(|process| runs(*process)));
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());

    server.start().unwrap();
    // It keeps nothing.
    assert_eq!(ask_redis(&mut connection(&server), "GET a").unwrap(), "$-1");
    server.stop().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
}

#[test]
fn redis_starts_freezes_and_is_killed() {
    starts_freezes_and_is_killed(Flavour::Redis);
}

#[test]
fn valkey_starts_freezes_and_is_killed() {
    starts_freezes_and_is_killed(Flavour::Valkey);
}

#[test]
fn settings_count_and_a_replaced_server_is_empty() {
    let options = RedisOptions::default().setting("appendonly", "yes");
    let Some(mut server) = for_tests::redis(options) else {
        return;
    };
    let set = ask_redis(&mut connection(&server), "SET a 1");
    assert_eq!(set.unwrap(), "+OK");
    server.restart().unwrap();
    assert_eq!(ask_redis(&mut connection(&server), "GET a").unwrap(), "$1");
    server.replace().unwrap();
    assert_eq!(ask_redis(&mut connection(&server), "GET a").unwrap(), "$-1");

    // Nobody is let in without the password.
    let mut stranger = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let answer = ask_redis(&mut stranger, "GET a").unwrap();
    assert!(answer.starts_with("-NOAUTH"), "{answer}");

    let error = RedisOptions::default().setting("no-such", "1").start();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no-such"), "{error}");
}

#[test]
fn it_can_be_a_node_of_a_cluster() {
    let options = RedisOptions::default().setting("cluster-enabled", "yes");
    let Some(server) = for_tests::redis(options) else {
        return;
    };
    let mut client = connection(&server);
    let slots = "CLUSTER ADDSLOTSRANGE 0 16383";
    assert_eq!(ask_redis(&mut client, slots).unwrap(), "+OK");
    let is_up = || ask_redis(&mut connection(&server), "SET a 1").unwrap() == "+OK";
    assert!(in_time(is_up));
}

#[test]
fn the_shared_one_answers() {
    let Some(url) = for_tests::shared_redis() else {
        return;
    };
    assert!(url.starts_with("redis"), "{url}");
    assert_eq!(for_tests::shared_redis(), Some(url));
}
