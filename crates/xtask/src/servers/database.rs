//! A database of one's own on a PostgreSQL server.

use std::fmt;
use std::io;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::postgres::{binary, run};

/// A database that one test uses. It is dropped from the server when this is.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes one on the server that has this address, which names a user who may, and a
    /// database to connect to meanwhile: `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    ///
    /// When `psql` is not installed, the server does not answer, or the user may not.
    pub fn create(server: &str) -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanoseconds = since_1970.map_or(0, |since| since.as_nanos());
        let name = format!("ringyo_{}_{nanoseconds}_{number}", process::id());
        psql(server, &format!("CREATE DATABASE {name}"))?;
        let server = server.to_owned();
        Ok(Self { server, name })
    }

    /// Its address.
    pub fn url(&self) -> String {
        let end = self.server.find('?').unwrap_or(self.server.len());
        let (address, query) = self.server.split_at(end);
        let scheme = address.find("://").map_or(0, |at| at + 3);
        let authority = address[scheme..].find('/').map(|at| scheme + at);
        let authority = &address[..authority.unwrap_or(address.len())];
        format!("{authority}/{}{query}", self.name)
    }

    /// What it is called on its server.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address holds a password.
        f.debug_struct("Database")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that is down, frozen or replaced has none to drop: then it goes with it.
        let _ = psql(
            &self.server,
            &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
    }
}

fn psql(server: &str, statement: &str) -> io::Result<()> {
    let (address, password) = take_password(server);
    let mut psql = Command::new(binary("psql")?);
    psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
        .args(["--command", statement, "--dbname", &address])
        .env("PGCONNECT_TIMEOUT", "10")
        .stdin(Stdio::null());
    if let Some(password) = password {
        psql.env("PGPASSWORD", password);
    }
    run(&mut psql)
}

/// Splits the password from an address: on the command line others would see it.
fn take_password(server: &str) -> (String, Option<String>) {
    let whole = || (server.to_owned(), None);
    let Some((scheme, rest)) = server.split_once("://") else {
        return whole();
    };
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some(at) = rest[..authority].rfind('@') else {
        return whole();
    };
    let Some((user, password)) = rest[..at].split_once(':') else {
        return whole();
    };
    let address = format!("{scheme}://{user}{}", &rest[at..]);
    (address, Some(percent_decoded(password)))
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2);
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Database, take_password};

    #[test]
    fn a_password_is_taken_out_of_an_address_and_decoded() {
        for (server, address, password) in [
            (
                "postgres://u:p%40%25q@h:1/d?sslmode=disable",
                "postgres://u@h:1/d?sslmode=disable",
                Some("p@%q"),
            ),
            ("postgresql://u:@h", "postgresql://u@h", Some("")),
            ("postgres://u@h/d", "postgres://u@h/d", None),
            ("postgres://h/a:b@c", "postgres://h/a:b@c", None),
            ("host=h user=u", "host=h user=u", None),
        ] {
            let password = password.map(str::to_owned);
            assert_eq!(take_password(server), (address.to_owned(), password));
        }
    }

    #[test]
    fn the_address_of_a_database_is_that_of_its_server_with_another_name() {
        for (server, url) in [
            ("postgres://u:p@h:1/postgres", "postgres://u:p@h:1/mine"),
            ("postgres://u@h", "postgres://u@h/mine"),
            ("postgres://u@h/d?a=/b", "postgres://u@h/mine?a=/b"),
        ] {
            let (server, name) = (server.to_owned(), "mine".to_owned());
            // It was never made, so it must not be dropped.
            let database = std::mem::ManuallyDrop::new(Database { server, name });
            assert_eq!(database.url(), url);
        }
    }
}
