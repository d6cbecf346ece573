//! TLS to the database with the guarantees of libpq's `sslmode`: the driver only knows whether to
//! encrypt; which certificates are accepted is decided here.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use thiserror::Error as ThisError;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::postgres::url::{DatabaseUrl, SslMode};

/// Why TLS cannot be configured. The messages are for the operator and name the variable.
#[derive(Debug, ThisError)]
pub enum TlsError {
    #[error("TLS cannot be configured")]
    Config(#[source] Error),
    #[error("DATABASE_URL: no certificate authority can be used")]
    NoAuthority(#[source] VerifierBuilderError),
    #[error("DATABASE_URL: sslrootcert cannot be read")]
    ReadRootCert(#[source] pem::Error),
    #[error("DATABASE_URL: sslrootcert has an invalid certificate")]
    InvalidRootCert(#[source] Error),
    #[error("DATABASE_URL: the system has no certificates; name a file with sslrootcert")]
    NoSystemCertificates,
}

/// Returns a connector for the URL's `sslmode`; none for `disable`.
///
/// # Errors
/// When the certificates cannot be read.
pub fn connector(url: &DatabaseUrl) -> Result<Option<MakeRustlsConnect>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verification = match url.ssl_mode {
        SslMode::Disable => return Ok(None),
        SslMode::Prefer | SslMode::Require => Verification::None,
        SslMode::VerifyCa => Verification::Authority(authorities(url, &provider)?),
        SslMode::VerifyFull => Verification::Host(authorities(url, &provider)?),
    };
    let verifier = Verifier { verification, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn authorities(
    url: &DatabaseUrl,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let roots = match &url.ssl_root_cert {
        Some(path) => read_roots(path)?,
        None => load_system_roots()?,
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(TlsError::NoAuthority)
}

fn read_roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(TlsError::ReadRootCert)? {
        let certificate = certificate.map_err(TlsError::ReadRootCert)?;
        roots.add(certificate).map_err(TlsError::InvalidRootCert)?;
    }
    Ok(roots)
}

fn load_system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsError::NoSystemCertificates);
    }
    Ok(roots)
}

/// Which server certificates are accepted.
#[derive(Debug)]
enum Verification {
    /// Any certificate: protects from eavesdropping, not from a man in the middle.
    None,
    /// A certificate of a trusted authority.
    Authority(Arc<WebPkiServerVerifier>),
    /// A certificate of a trusted authority for this host.
    Host(Arc<WebPkiServerVerifier>),
}

#[derive(Debug)]
struct Verifier {
    verification: Verification,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (authority, any_host) = match &self.verification {
            Verification::None => return Ok(ServerCertVerified::assertion()),
            Verification::Authority(authority) => (authority, true),
            Verification::Host(authority) => (authority, false),
        };
        // webpki checks the chain before the name, so this error means that the chain is valid.
        match authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        ) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if any_host => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
