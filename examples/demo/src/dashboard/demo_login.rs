use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, Uri, header};

use crate::answer::Problem;

/// Who may pick an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DemoLogin {
    /// Whoever reaches the service.
    Anybody,
    /// Whoever is on this machine and calls it by a name of its own. A page on the internet can
    /// have its own name lead here, and be asked for under that name.
    ThisMachine,
    /// Nobody.
    Refused,
}

impl DemoLogin {
    /// What is right for a service that listens on this address.
    pub(crate) fn new(address: IpAddr, allow_demo_login: bool) -> Self {
        if address.is_loopback() {
            Self::ThisMachine
        } else if allow_demo_login {
            Self::Anybody
        } else {
            Self::Refused
        }
    }

    /// Whether a request may.
    pub(super) fn check(self, headers: &HeaderMap) -> Result<(), Problem> {
        let is_open = match self {
            Self::Anybody => true,
            Self::ThisMachine => names_this_machine(headers),
            Self::Refused => false,
        };
        if is_open {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "demo_login_disabled",
            "This log-in asks for no password, so it works on loopback only. \
             Start the demo with --allow-demo-login to open it to everybody.",
        ))
    }
}

/// Whether the `Host` of a request is a name that only ever means the machine itself.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Uri>().ok()) else {
        return false;
    };
    let name = host.host().unwrap_or_default().trim_matches(['[', ']']);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_machine_itself_are_its_own() {
        let is_own = |host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            names_this_machine(&headers)
        };
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8787",
            "127.9.9.9",
            "[::1]:8787",
        ] {
            assert!(is_own(host), "{host}");
        }
        for host in [
            "evil.example:8787",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]",
            "",
            ":80",
        ] {
            assert!(!is_own(host), "{host}");
        }
        assert!(!names_this_machine(&HeaderMap::new()));
    }
}
