//! One connection through a proxy.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use super::{Fate, Network};

/// How many pieces may be under way in one direction.
const CAPACITY: usize = 64;

/// What was read at one time; no bytes stand for the end.
struct Piece {
    sent: Instant,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Server,
    Client,
}

/// Carries one connection, which came after so many cuts, until it ends.
pub(super) fn carry(client: TcpStream, cuts: u64, network: &Network) {
    // Without a server the client is left, as by a machine that has just gone down.
    let server = network.lock().server;
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    let Some(connection) = enter(&client, &server, cuts, network) else {
        return;
    };
    thread::scope(|threads| {
        for (from, to, towards) in [
            (&client, &server, Towards::Server),
            (&server, &client, Towards::Client),
        ] {
            // Read and write apart, so that what is under way is delayed together.
            let (send, receive) = sync_channel(CAPACITY);
            threads.spawn(move || read(from, &send));
            threads.spawn(move || write(to, &receive, connection, towards, network));
        }
    });
    network.lock().open.remove(&connection);
}

/// Registers a connection, so that it can be cut, unless it has been while it was made.
fn enter(client: &TcpStream, server: &TcpStream, cuts: u64, network: &Network) -> Option<u64> {
    for end in [client, server] {
        // Small answers must not wait for one another.
        end.set_nodelay(true).ok()?;
    }
    let ends = [client.try_clone().ok()?, server.try_clone().ok()?];
    let mut state = network.lock();
    if state.cuts != cuts {
        return None;
    }
    Some(state.enter(ends))
}

fn read(mut from: &TcpStream, pieces: &SyncSender<Piece>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // A connection that was reset has ended, too.
        let length = from.read(&mut buffer).unwrap_or(0);
        let piece = Piece {
            sent: Instant::now(),
            bytes: buffer[..length].to_vec(),
        };
        if pieces.send(piece).is_err() || length == 0 {
            return;
        }
    }
}

fn write(
    mut to: &TcpStream,
    pieces: &Receiver<Piece>,
    connection: u64,
    towards: Towards,
    network: &Network,
) {
    for Piece { sent, bytes } in pieces {
        match network.wait(connection, sent) {
            Fate::Arrives => {}
            Fate::IsLost => continue,
            Fate::HasNoWay => return,
        }
        if bytes.is_empty() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        let (length, cut) = match towards {
            Towards::Server => (bytes.len(), false),
            Towards::Client => network.until_cut(bytes.len()),
        };
        let written = to.write_all(&bytes[..length]);
        if cut {
            network.cut();
        }
        if written.is_err() {
            // Nobody reads any more: whoever writes shall learn it.
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}
