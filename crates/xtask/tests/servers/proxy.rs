//! A proxy is slow, silent and broken, in front of a server that echoes.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use xtask::servers::{Behaviour, Proxy};

use crate::client::{SHORT, in_time};

/// A server that says back what it hears, until its client has finished.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || io::copy(&mut &client, &mut &client));
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(SHORT)).unwrap();
    client
}

/// What comes back for `text`.
fn say(mut client: &TcpStream, text: &str) -> io::Result<String> {
    client.write_all(text.as_bytes())?;
    hear(client, text.len())
}

fn hear(mut client: &TcpStream, length: usize) -> io::Result<String> {
    let mut heard = vec![0; length];
    client.read_exact(&mut heard)?;
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

fn kind<T: std::fmt::Debug>(outcome: io::Result<T>) -> io::ErrorKind {
    outcome.unwrap_err().kind()
}

#[test]
fn everything_passes_and_so_does_the_end() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    assert_eq!(say(&client, "hello").unwrap(), "hello");
    let much = "0123456789abcdef".repeat(40_000);
    let sender = client.try_clone().unwrap();
    let sending = thread::spawn({
        let much = much.clone();
        move || (&sender).write_all(much.as_bytes())
    });
    assert!(hear(&client, much.len()).unwrap() == much);
    sending.join().unwrap().unwrap();
    assert_eq!(proxy.connections(), 1);
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert!(in_time(|| proxy.connections() == 0));
}

#[test]
fn a_delay_is_kept_and_what_is_under_way_is_delayed_together() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    client.set_read_timeout(Some(SHORT * 20)).unwrap();
    assert_eq!(say(&client, "a").unwrap(), "a");
    let delay = Duration::from_millis(200);
    proxy.behave(Behaviour::Delay(delay));
    let start = Instant::now();
    for _ in 0..20 {
        client.write_all(b"b").unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    hear(&client, 20).unwrap();
    let took = start.elapsed();
    assert!(took >= delay * 2, "{took:?}");
    // One after the other they would take twenty round trips.
    assert!(took < delay * 2 * 10, "{took:?}");
}

#[test]
fn what_is_swallowed_is_half_open_and_arrives_when_the_network_heals() {
    let proxy = Proxy::start(echo()).unwrap();
    let old = connect(&proxy);
    assert_eq!(say(&old, "a").unwrap(), "a");
    proxy.behave(Behaviour::Swallow);
    let new = connect(&proxy);
    for client in [&old, &new] {
        // Neither an answer nor an end: it is open, and silent.
        let outcome = say(client, "b");
        let silent = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
        assert!(silent.contains(&kind(outcome)));
    }
    proxy.behave(Behaviour::Pass);
    for client in [&old, &new] {
        assert_eq!(hear(client, 1).unwrap(), "b");
        assert_eq!(say(client, "c").unwrap(), "c");
    }
}

#[test]
fn what_is_lost_never_arrives_and_its_connection_stays_silent() {
    let proxy = Proxy::start(echo()).unwrap();
    let old = connect(&proxy);
    assert_eq!(say(&old, "a").unwrap(), "a");
    proxy.behave(Behaviour::Lose);
    let new = connect(&proxy);
    let silent = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
    for client in [&old, &new] {
        assert!(silent.contains(&kind(say(client, "b"))));
    }
    proxy.behave(Behaviour::Pass);
    for client in [&old, &new] {
        assert!(silent.contains(&kind(say(client, "c"))));
    }
    // The control: whoever comes now is carried.
    let newest = connect(&proxy);
    assert_eq!(say(&newest, "d").unwrap(), "d");
    proxy.cut();
    assert_eq!(old.peek(&mut [0]).unwrap_or(0), 0, "a cut ends it");
}

#[test]
fn who_comes_after_a_redirection_speaks_to_another_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(echo()).unwrap();
    let old = connect(&proxy);
    assert_eq!(say(&old, "a").unwrap(), "a");
    proxy.redirect(listener.local_addr().unwrap());
    let mut new = connect(&proxy);
    let (mut other, _) = listener.accept().unwrap();
    new.write_all(b"b").unwrap();
    let mut heard = [0];
    other.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"b");
    assert_eq!(say(&old, "c").unwrap(), "c");
}

#[test]
fn the_end_of_a_client_is_swallowed_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).unwrap();
    let client = connect(&proxy);
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(SHORT)).unwrap();
    proxy.behave(Behaviour::Swallow);
    drop(client);
    let silent = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
    assert!(silent.contains(&kind(server.read(&mut [0]))));
    proxy.behave(Behaviour::Pass);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_cut_ends_open_connections_and_no_others() {
    let proxy = Proxy::start(echo()).unwrap();
    for behaviour in [Behaviour::Pass, Behaviour::Swallow] {
        let client = connect(&proxy);
        assert_eq!(say(&client, "a").unwrap(), "a");
        proxy.behave(behaviour);
        proxy.cut();
        let ended = [
            io::ErrorKind::UnexpectedEof,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::BrokenPipe,
        ];
        assert!(ended.contains(&kind(say(&client, "b"))));
        proxy.behave(Behaviour::Pass);
    }
    assert_eq!(say(&connect(&proxy), "c").unwrap(), "c");
}

#[test]
fn a_cut_in_the_middle_of_an_answer_lets_that_much_pass() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    let bystander = connect(&proxy);
    assert_eq!(say(&bystander, "a").unwrap(), "a");
    proxy.cut_after(5);
    assert_eq!(say(&client, "123").unwrap(), "123");
    client.write_all(b"456789").unwrap();
    let mut rest = Vec::new();
    // The end may come as a reset, after what had passed.
    let _ = client.read_to_end(&mut rest);
    assert_eq!(rest, b"45");
    assert!(say(&bystander, "b").is_err());
    // Once.
    assert_eq!(say(&connect(&proxy), "123456789").unwrap(), "123456789");
}

#[test]
fn new_connections_are_refused_until_they_are_accepted() {
    let mut proxy = Proxy::start(echo()).unwrap();
    let old = connect(&proxy);
    assert_eq!(say(&old, "a").unwrap(), "a");
    proxy.refuse();
    let refused = TcpStream::connect(proxy.address());
    assert_eq!(kind(refused), io::ErrorKind::ConnectionRefused);
    assert_eq!(say(&old, "b").unwrap(), "b");
    proxy.accept().unwrap();
    assert_eq!(say(&connect(&proxy), "c").unwrap(), "c");

    let address = proxy.address();
    drop(proxy);
    assert!(say(&old, "d").is_err());
    let refused = TcpStream::connect(address);
    assert_eq!(kind(refused), io::ErrorKind::ConnectionRefused);
}

#[test]
fn without_a_server_a_client_is_left() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::start(nobody).unwrap();
    assert_eq!(connect(&proxy).read(&mut [0]).unwrap_or(0), 0);
}
