//! Over TLS, to a server whose certificate somebody has to trust. It is a Redis, also where Valkey is
//! tested: not every Valkey is built with TLS.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ringyo_limit::Charge;
use tokio::time::sleep;
use xtask::servers::{Flavour, RedisOptions, for_tests, free_port};

use crate::support::{FIFTY, ask, patient};

const ADDRESS: &str = "RINGYO_REDIS_TLS_ADDRESS";
const TEST: &str = "tls::a_server_is_believed_if_its_certificate_is_trusted";

/// What the process does that trusts whatever `SSL_CERT_FILE` holds.
async fn decide(address: &str) {
    let limiter = patient(address);
    let charge = Charge::to_account("acct_1", FIFTY);
    let begin = Instant::now();
    loop {
        match ask(&limiter, &charge).await {
            Ok(decision) => return assert!(decision.is_allowed()),
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(5), "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Writes the certificates of an authority and of a server that it vouches for.
fn write_certificates(folder: &Path) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    for (name, text) in [
        ("authority.pem", authority.pem()),
        ("server.pem", server.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

#[tokio::test]
async fn a_server_is_believed_if_its_certificate_is_trusted() {
    if let Ok(address) = std::env::var(ADDRESS) {
        return decide(&address).await;
    }
    let (folder, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_certificates(folder.path());
    write_certificates(others.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = free_port().unwrap();
    let options = RedisOptions::new(Flavour::Redis)
        .setting("tls-port", port.to_string())
        .setting("tls-cert-file", file("server.pem"))
        .setting("tls-key-file", file("server.key"))
        .setting("tls-ca-cert-file", file("authority.pem"))
        .setting("tls-auth-clients", "no");
    let Some(server) = for_tests::redis(options) else {
        return;
    };
    let address = format!("rediss://:{}@127.0.0.1:{port}", server.password());
    let succeeds = |authorities: &Path| {
        let status = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact"])
            .env(ADDRESS, &address)
            .env("SSL_CERT_FILE", authorities.join("authority.pem"))
            .env_remove("SSL_CERT_DIR")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.unwrap().success()
    };
    assert!(succeeds(folder.path()));
    assert!(
        !succeeds(others.path()),
        "a stranger's certificate is believed"
    );
}
