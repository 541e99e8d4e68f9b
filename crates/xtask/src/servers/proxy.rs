//! A network in between, which can be slow, silent or broken.

mod link;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::process::on_free_port;

/// What a [`Proxy`] does with what it is given to carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Everything passes at once.
    #[default]
    Pass,
    /// Everything passes this much later, in both directions; a round trip has it twice.
    Delay(Duration),
    /// Connections are open, and made, but nothing passes, not even that the other side has
    /// closed. What was sent meanwhile arrives when the behaviour is another one again, as it
    /// does in a network that heals.
    Swallow,
    /// The same, but what was sent never arrives. Connections that are open, or are made meanwhile,
    /// stay as they are afterwards: somebody in between has forgotten them and tells nobody.
    Lose,
}

/// A TCP proxy on the loopback address in front of a server. Its behaviour can be changed while
/// connections are open.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    network: Arc<Network>,
    door: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port and carries every connection to `server`.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let (listener, port) = on_free_port(|port| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            Ok((listener, port))
        })?;
        let network = Arc::new(Network::new(server));
        let mut proxy = Self {
            port,
            network,
            door: None,
        };
        proxy.open_door(listener);
        Ok(proxy)
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port of that address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, for open connections and new ones.
    pub fn behave(&self, behaviour: Behaviour) {
        self.network.lock().set(behaviour);
        self.network.changed.notify_all();
    }

    /// Carries new connections to another server. Open ones stay with theirs, as after a failover
    /// whose old server lives on.
    pub fn redirect(&self, server: SocketAddr) {
        self.network.lock().server = server;
    }

    /// Closes all open connections, on both sides. New ones are welcome.
    pub fn cut(&self) {
        self.network.cut();
    }

    /// Lets `bytes` more pass towards clients, counted over all connections, and then
    /// [cuts](Self::cut) once: with a number that ends in the middle of an answer, so does the
    /// answer.
    pub fn cut_after(&self, bytes: usize) {
        self.network.lock().until_cut = Some(bytes);
        if bytes == 0 {
            self.cut();
        }
    }

    /// Refuses new connections, as a machine does on which nobody listens. Open ones go on.
    pub fn refuse(&mut self) {
        self.network.lock().closing = true;
        if let Some(door) = self.door.take() {
            // Wakes the thread that waits for somebody.
            let _ = TcpStream::connect(self.address());
            // It has nothing that could panic, and a test is told by its connections.
            let _ = door.join();
        }
    }

    /// Takes new connections again after [`refuse`](Self::refuse).
    ///
    /// # Errors
    ///
    /// When somebody else has taken the port meanwhile.
    pub fn accept(&mut self) -> io::Result<()> {
        if self.door.is_none() {
            self.open_door(TcpListener::bind(self.address())?);
        }
        Ok(())
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.network.lock().open.len()
    }

    fn open_door(&mut self, listener: TcpListener) {
        self.network.lock().closing = false;
        let network = Arc::clone(&self.network);
        self.door = Some(thread::spawn(move || {
            for client in listener.incoming() {
                let cuts = {
                    let state = network.lock();
                    if state.closing {
                        return;
                    }
                    state.cuts
                };
                if let Ok(client) = client {
                    let network = Arc::clone(&network);
                    // A server that does not answer must not keep others waiting.
                    thread::spawn(move || link::carry(client, cuts, &network));
                }
            }
        }));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse();
        self.cut();
    }
}

/// What all connections of a proxy share.
#[derive(Debug)]
struct Network {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Where new connections go.
    server: SocketAddr,
    behaviour: Behaviour,
    /// The newest of the connections that are [lost](Behaviour::Lose), with all before it.
    lost: u64,
    /// How many bytes may pass towards clients until the next cut, if one is planned.
    until_cut: Option<usize>,
    /// No new connections: the door is being closed.
    closing: bool,
    /// How often everything was cut. A connection that is still being made has to know.
    cuts: u64,
    /// Both ends of every open connection.
    open: HashMap<u64, [TcpStream; 2]>,
    made: u64,
}

impl State {
    fn set(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
        if behaviour == Behaviour::Lose {
            self.lost = self.made;
        }
    }

    /// Registers the ends of a connection, which gets a number.
    fn enter(&mut self, ends: [TcpStream; 2]) -> u64 {
        self.made += 1;
        self.open.insert(self.made, ends);
        // It is lost as well where all are.
        self.set(self.behaviour);
        self.made
    }
}

/// What becomes of something that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    IsLost,
    /// The connection has been cut.
    HasNoWay,
}

impl Network {
    fn new(server: SocketAddr) -> Self {
        Self {
            state: Mutex::new(State {
                server,
                behaviour: Behaviour::Pass,
                lost: 0,
                until_cut: None,
                closing: false,
                cuts: 0,
                open: HashMap::new(),
                made: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        let open = {
            let mut state = self.lock();
            state.until_cut = None;
            state.cuts += 1;
            std::mem::take(&mut state.open)
        };
        for end in open.into_values().flatten() {
            // One that is closed already needs no more.
            let _ = end.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// Waits until it is clear what becomes of what was sent at `sent` over this connection.
    fn wait(&self, connection: u64, sent: Instant) -> Fate {
        let mut state = self.lock();
        while state.open.contains_key(&connection) {
            if connection <= state.lost {
                return Fate::IsLost;
            }
            let due = match state.behaviour {
                Behaviour::Pass => return Fate::Arrives,
                Behaviour::Delay(delay) => Some(sent + delay),
                // Those that are open are lost, so there are no others.
                Behaviour::Swallow | Behaviour::Lose => None,
            };
            let patience = due.map(|due| due.saturating_duration_since(Instant::now()));
            state = match patience {
                Some(Duration::ZERO) => return Fate::Arrives,
                Some(patience) => {
                    let woken = self.changed.wait_timeout(state, patience);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.changed.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        Fate::HasNoWay
    }

    /// How many of `bytes` may pass towards a client, and whether a cut comes after them.
    fn until_cut(&self, bytes: usize) -> (usize, bool) {
        let mut state = self.lock();
        match state.until_cut {
            Some(left) if left <= bytes => (left, true),
            Some(left) => {
                state.until_cut = Some(left - bytes);
                (bytes, false)
            }
            None => (bytes, false),
        }
    }
}
