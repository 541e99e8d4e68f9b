//! The simplest clients there are.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use xtask::servers::debian::POSTGRESQL;

/// Long enough for any answer of a server that runs.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Short, for who does not answer anyway.
pub(crate) const SHORT: Duration = Duration::from_secs(1);

/// What `psql` prints for a statement; `None` when it has said nothing in time, or only an error.
pub(crate) fn ask_postgres(url: &str, statement: &str, patience: Duration) -> Option<String> {
    let mut psql = Command::new(POSTGRESQL.find("psql").unwrap())
        .args(["-X", "-A", "-t", "-c", statement, url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + patience;
    while psql.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            psql.kill().unwrap();
            psql.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = psql.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| text.trim().to_owned())
}

/// A connection to a Redis that has said the password.
pub(crate) fn redis_connection(port: u16, password: &str) -> io::Result<TcpStream> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(SHORT))?;
    assert_eq!(
        ask_redis(&mut connection, &format!("AUTH {password}"))?,
        "+OK"
    );
    Ok(connection)
}

/// The first line of the answer to a command.
pub(crate) fn ask_redis(connection: &mut TcpStream, command: &str) -> io::Result<String> {
    connection.write_all(format!("{command}\r\n").as_bytes())?;
    read_line(connection)
}

pub(crate) fn read_line(connection: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Whether a process still runs; one that has ended and that nobody has waited for does not.
pub(crate) fn runs(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// Waits for what comes about by itself, and says whether it has.
pub(crate) fn in_time(mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + LONG;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

/// The folder around a server's data.
pub(crate) fn folder(data: &Path) -> &Path {
    data.parent().unwrap()
}
