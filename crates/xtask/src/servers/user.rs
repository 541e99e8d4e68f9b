//! Whom a server runs as.

use std::fs;
use std::io;

/// A user other than the one that runs the tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl User {
    /// For a server that refuses to run as root: `name` where we are root, else nobody other
    /// than who we are.
    pub(super) fn instead_of_root(name: &str) -> io::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        users
            .lines()
            .find_map(|line| {
                let mut fields = line.split(':');
                let is_it = fields.next() == Some(name);
                let uid = fields.nth(1)?.parse().ok()?;
                let gid = fields.next()?.parse().ok()?;
                is_it.then_some(Self { uid, gid })
            })
            .map(Some)
            .ok_or_else(|| io::Error::other(format!("there is no user `{name}` to run as")))
    }
}
