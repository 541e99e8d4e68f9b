//! The generator: a thread to each kept connection, which sends a request and reads the answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ringyo_bench::ThreadTime;

/// As many requests as are answered in the time, by so many connections, and what it took of the
/// processors to send them; each answer has to have the status.
pub(crate) fn saturate(
    server: SocketAddr,
    connections: usize,
    time: Duration,
    next: impl Fn(usize, usize) -> Vec<u8> + Sync,
    status: u16,
) -> (usize, Duration) {
    let answered = on_connections(server, connections, |number, connection| {
        let start = Instant::now();
        let begun = ThreadTime::now();
        let mut turn = 0;
        while start.elapsed() < time {
            connection.ask(&next(number, turn), status);
            turn += 1;
        }
        (turn, begun.elapsed())
    });
    let (turns, asking): (Vec<usize>, Vec<Duration>) = answered.into_iter().unzip();
    (turns.into_iter().sum(), asking.into_iter().sum())
}

/// So many requests on each connection.
pub(crate) fn each(
    server: SocketAddr,
    connections: usize,
    requests: usize,
    next: impl Fn(usize, usize) -> Vec<u8> + Sync,
    status: u16,
) {
    on_connections(server, connections, |number, connection| {
        (0..requests).for_each(|turn| connection.ask(&next(number, turn), status));
    });
}

/// So many requests a second, at even distances, whether or not the answers keep up: how long each
/// took, from when it was due.
pub(crate) fn paced(
    server: SocketAddr,
    connections: usize,
    rate: f64,
    time: Duration,
    next: impl Fn(usize, usize) -> Vec<u8> + Sync,
    status: u16,
) -> Vec<Duration> {
    let distance = Duration::from_secs_f64(connections as f64 / rate);
    let start = Instant::now() + Duration::from_millis(50);
    let taken = on_connections(server, connections, |number, connection| {
        // Connections take turns.
        let mut due = start + distance.mul_f64(number as f64 / connections as f64);
        let mut taken = Vec::new();
        while due < start + time {
            let request = next(number, taken.len());
            thread::sleep(due.saturating_duration_since(Instant::now()));
            connection.ask(&request, status);
            taken.push(due.elapsed());
            due += distance;
        }
        taken
    });
    taken.concat()
}

fn on_connections<T: Send>(
    server: SocketAddr,
    connections: usize,
    work: impl Fn(usize, &mut Connection) -> T + Sync,
) -> Vec<T> {
    thread::scope(|scope| {
        let open = |number| {
            let work = &work;
            scope.spawn(move || work(number, &mut Connection::open(server)))
        };
        let threads: Vec<_> = (0..connections).map(open).collect();
        let done = threads.into_iter().map(|thread| thread.join().unwrap());
        done.collect()
    })
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            answer: vec![0; 16 << 10],
        }
    }

    /// Sends a request and reads the whole answer.
    fn ask(&mut self, request: &[u8], status: u16) {
        self.stream.write_all(request).unwrap();
        let mut read = 0;
        loop {
            let more = self.stream.read(&mut self.answer[read..]).unwrap();
            assert!(more > 0, "the service closed the connection");
            read += more;
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut answer = httparse::Response::new(&mut headers);
            let parsed = answer.parse(&self.answer[..read]).unwrap();
            let httparse::Status::Complete(head) = parsed else {
                continue;
            };
            assert_eq!(answer.code, Some(status));
            let mut named = answer.headers.iter();
            let length = named.find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length = std::str::from_utf8(length.unwrap().value).unwrap();
            if read == head + length.parse::<usize>().unwrap() {
                return;
            }
        }
    }
}
