//! Encrypted connections.

use std::sync::Arc;

use ringyo_store::{StoreError, StoreErrorKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connection::Server;

/// Who vouches for the server: the roots that its certificate may be signed by.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TlsRoots {
    /// Those that the operating system trusts.
    System,
    /// These certificates, in PEM: the root of a company or of a provider of databases.
    Pem(Vec<u8>),
}

impl Server {
    pub(crate) fn encrypt(&mut self, roots: &TlsRoots) -> Result<(), StoreError> {
        let mut store = RootCertStore::empty();
        let certificates = match roots {
            TlsRoots::System => rustls_native_certs::load_native_certs().certs,
            TlsRoots::Pem(pem) => CertificateDer::pem_slice_iter(pem)
                .collect::<Result<_, _>>()
                .map_err(|error| refused("the roots are no certificates in PEM", error))?,
        };
        store.add_parsable_certificates(certificates);
        if store.is_empty() {
            return Err(refused(
                "no root certificate was found",
                "none that can be read",
            ));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refused("TLS cannot be set up", error))?
            .with_root_certificates(store)
            .with_no_client_auth();
        self.config.ssl_mode(SslMode::Require);
        self.tls = Some(MakeRustlsConnect::new(config));
        Ok(())
    }
}

fn refused(
    context: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::with_source(StoreErrorKind::Unavailable, context, source)
}
