//! Connections that are encrypted and verified, or are not there.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::time::{Duration, Instant};

use fixture::{insert_account, insert_key, patient, value};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ringyo_postgres::TlsRoots;
use ringyo_store::{ChangeFeed, StoreErrorKind};
use xtask::servers::{Postgres, PostgresOptions, for_tests};

/// A root that can vouch for servers.
struct Root {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Root {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    fn roots(&self) -> TlsRoots {
        TlsRoots::Pem(self.pem.clone().into_bytes())
    }
}

/// Turns encryption on, with a certificate for a name.
async fn encrypt(server: &Postgres, root: &Root, name: &str) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &root.issuer).unwrap();
    let data = server.data();
    let owner = fs::metadata(data.join("PG_VERSION")).unwrap();
    for (file, text) in [
        ("server.crt", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        let path = data.join(file);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let client = fixture::by_hand(&server.url("postgres")).await;
    client
        .batch_execute("ALTER SYSTEM SET ssl = on")
        .await
        .unwrap();
    client
        .batch_execute("SELECT pg_reload_conf()")
        .await
        .unwrap();
    // A session that begins now may still find the old certificate.
    while value(&client, "SHOW ssl").await != "on" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let url = server.url("postgres").replace("127.0.0.1", name);
    let start = Instant::now();
    loop {
        match patient().tls(root.roots()).connect(&url).await {
            Ok(store) => return store.close(),
            Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many sessions of stores there are, encrypted and not.
const SESSIONS: &str =
    "SELECT count(*) FILTER (WHERE ssl) || ' ' || count(*) FILTER (WHERE NOT ssl)
                        FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                        WHERE application_name = 'ringyo'";

#[tokio::test(flavor = "multi_thread")]
async fn every_session_is_encrypted_and_verified_or_is_not_there() {
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let (root, other) = (Root::new(), Root::new());
    let url = server.url("postgres");
    let by_name = url.replace("127.0.0.1", "localhost");
    let refused = async |url: &str, roots: TlsRoots| {
        let error = patient().tls(roots).connect(url).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        format!("{error:?}")
    };
    let client = fixture::by_hand(&url).await;
    // A server without encryption is not spoken to.
    refused(&url, root.roots()).await;
    encrypt(&server, &root, "127.0.0.1").await;
    let store = patient().tls(root.roots()).connect(&url).await.unwrap();
    insert_account(&store).await;
    insert_key(&store, 1).await;
    // The ones that listen and read the feed too.
    let start = Instant::now();
    while value(&client, SESSIONS).await != "3 0" {
        let sessions = value(&client, SESSIONS).await;
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "sessions: {sessions}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cursor = store.changes_since(None).await.unwrap().cursor;
    insert_key(&store, 2).await;
    store.changed(&cursor).await;
    // Also where the URL asks for less.
    let asked_for_less = format!("{url}?sslmode=disable");
    let store = patient().tls(root.roots()).connect(&asked_for_less).await;
    drop(store.unwrap());

    let text = refused(&url, other.roots()).await;
    assert!(text.contains("InvalidCertificate"), "{text}");
    assert!(text.contains("is not accepted"), "{text}");
    let text = refused(&by_name, root.roots()).await;
    assert!(text.contains("NotValidForName"), "{text}");
    let text = refused(&url, TlsRoots::System).await;
    assert!(
        text.contains("UnknownIssuer") || text.contains("no root"),
        "{text}"
    );
    let text = refused(&url, TlsRoots::Pem(b"no certificate".to_vec())).await;
    assert!(text.contains("no root certificate"), "{text}");
    // The control: with a certificate for that name, the name is right.
    encrypt(&server, &root, "localhost").await;
    let store = patient().tls(root.roots()).connect(&by_name).await.unwrap();
    store.ready().await.unwrap();
    // And without the option a session is not encrypted.
    let plain = patient().connect(&url).await.unwrap();
    plain.ready().await.unwrap();
    assert!(!value(&client, SESSIONS).await.ends_with(" 0"));
}

/// Who is there is also seen over TLS where no session can be made.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nobody_is_still_the_one() {
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let root = Root::new();
    let url = server.url("postgres");
    encrypt(&server, &root, "127.0.0.1").await;
    let store = patient().tls(root.roots()).connect(&url).await.unwrap();
    let client = fixture::by_hand(&url).await;
    while value(&client, SESSIONS).await != "3 0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let template = fixture::by_hand(&server.url("template1")).await;
    let refuse = "ALTER DATABASE postgres ALLOW_CONNECTIONS false";
    template.batch_execute(refuse).await.unwrap();
    // Longer than a server is believed that nobody has seen.
    tokio::time::sleep(Duration::from_secs(24)).await;
    store.ready().await.unwrap();
    // The control: nobody could look.
    let connecting = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
    assert!(connecting.is_err());
}
