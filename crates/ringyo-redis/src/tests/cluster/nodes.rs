//! Nodes of a cluster, for the unit tests and for `tests/suite`.

use std::thread::sleep;
use std::time::Duration;

use redis::{Connection, FromRedisValue};
use xtask::servers::{Redis, RedisOptions, for_tests, free_port};

/// All nodes of a cluster have the same.
const PASSWORD: &str = "for-all-of-them";

/// How many slots there are.
const SLOTS: u32 = 16_384;

pub(crate) struct Node {
    pub(crate) server: Redis,
}

/// A cluster of so many nodes, which have the slots in equal parts.
pub(crate) fn cluster<const N: usize>() -> Option<[Node; N]> {
    let mut nodes = Vec::new();
    for index in 0..N as u32 {
        let node = Node {
            server: for_tests::redis(options())?,
        };
        let part = SLOTS.div_ceil(N as u32);
        let (first, last) = (index * part, SLOTS.min((index + 1) * part) - 1);
        node.ask::<()>(&format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1));
        node.ask::<()>(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        nodes.push(node);
    }
    for node in &nodes[1..] {
        let (port, bus) = (nodes[0].server.port(), nodes[0].bus());
        node.ask::<()>(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
    }
    for node in &nodes {
        node.wait_until_ready();
    }
    nodes.try_into().ok()
}

fn options() -> RedisOptions {
    // Without a port for its bus the server takes its own plus 10 000, which there may not be.
    let bus = free_port().unwrap();
    RedisOptions::default()
        .setting("requirepass", PASSWORD)
        .setting("cluster-enabled", "yes")
        .setting("cluster-port", bus.to_string())
}

impl Node {
    pub(crate) fn address(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}", self.server.port())
    }

    /// Until it knows of somebody for every slot; a node that starts again waits for two seconds
    /// before it takes writes.
    pub(crate) fn wait_until_ready(&self) {
        for _ in 0..5_000 {
            let info: String = self.ask("CLUSTER INFO");
            if info.contains("cluster_state:ok") {
                return;
            }
            sleep(Duration::from_millis(5));
        }
        panic!("the cluster does not come up");
    }

    pub(crate) fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split_whitespace();
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.connection()).unwrap()
    }

    pub(crate) fn connection(&self) -> Connection {
        let client = redis::Client::open(self.address()).unwrap();
        client.get_connection().unwrap()
    }

    fn bus(&self) -> u16 {
        let (_, port): (String, u16) = self.ask("CONFIG GET cluster-port");
        port
    }

    /// Hands a slot to another node, with all that is in it.
    #[allow(dead_code, reason = "the unit tests move none")]
    pub(crate) fn move_slot(&self, slot: u32, to: &Self) {
        let (here, there): (String, String) = (self.ask("CLUSTER MYID"), to.ask("CLUSTER MYID"));
        to.ask::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {here}"));
        self.ask::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {there}"));
        let keys: Vec<String> = self.ask(&format!("CLUSTER GETKEYSINSLOT {slot} 1000"));
        let () = redis::cmd("MIGRATE")
            .arg(("127.0.0.1", to.server.port(), "", 0, 5_000))
            .arg(("AUTH", PASSWORD, "KEYS"))
            .arg(&keys)
            .query(&mut self.connection())
            .unwrap();
        for node in [to, self] {
            node.ask::<()>(&format!("CLUSTER SETSLOT {slot} NODE {there}"));
        }
    }
}
