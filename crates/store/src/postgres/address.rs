//! Where a database is, who we are there, and how the way to it is kept from others.
//!
//! `sslmode` means what it means to every client of PostgreSQL: `disable`, `prefer` (the default:
//! encrypted where the server offers it), `require` (encrypted, whoever the server is) and
//! `verify-full` (encrypted, and the server proves its name by a certificate of `sslrootcert`, or of
//! a public authority). A mode that we do not have is refused.

use super::CONNECT_TIME_MAX;
use crate::StoreError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::str::FromStr;
use std::sync::Arc;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A database, and the way to it.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let Asked { url, mode, roots } = Asked::read(url)?;
        let mut config = Config::from_str(&url).map_err(|error| unreadable(&error.to_string()))?;
        config.connect_timeout(CONNECT_TIME_MAX);
        if config.get_application_name().is_none() {
            config.application_name("wardroom");
        }
        if config.get_options().is_none() {
            // Nobody of ours holds a transaction open; one whose process is gone must not hold locks.
            config.options("-c idle_in_transaction_session_timeout=10000 -c lock_timeout=10000");
        }
        config.ssl_mode(match mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyFull => SslMode::Require,
        });
        let tls = match (mode, roots) {
            (Mode::VerifyFull, roots) => verified(roots.as_deref())?,
            _ => encrypted()?,
        };
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(tls),
        })
    }

    /// Who we are there.
    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyFull,
}

/// A URL, with what it says of TLS taken out.
struct Asked {
    url: String,
    mode: Mode,
    roots: Option<String>,
}

impl Asked {
    fn read(text: &str) -> Result<Self, StoreError> {
        let (mut mode, mut roots) = (Mode::Prefer, None);
        let Some((place, query)) = text.split_once('?') else {
            let url = text.to_owned();
            return Ok(Self { url, mode, roots });
        };
        let mut rest = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "sslmode" => mode = Self::mode(&value)?,
                "sslrootcert" => roots = Some(value.into_owned()),
                _ => {}
            }
        }
        let ours = |part: &&str| !part.starts_with("sslmode=") && !part.starts_with("sslrootcert=");
        rest.extend(query.split('&').filter(ours));
        if roots.is_some() && mode != Mode::VerifyFull {
            return Err(unreadable(
                "sslrootcert counts for nothing without sslmode=verify-full; write that, too",
            ));
        }
        let url = match rest.as_slice() {
            [] => place.to_owned(),
            rest => format!("{place}?{}", rest.join("&")),
        };
        Ok(Self { url, mode, roots })
    }

    fn mode(word: &str) -> Result<Mode, StoreError> {
        match word {
            "disable" => Ok(Mode::Disable),
            "prefer" => Ok(Mode::Prefer),
            "require" => Ok(Mode::Require),
            "verify-full" => Ok(Mode::VerifyFull),
            other => Err(unreadable(&format!(
                "sslmode={other} is not one that we have; write disable, prefer, require or \
                 verify-full"
            ))),
        }
    }
}

fn unreadable(why: &str) -> StoreError {
    StoreError::Unreachable {
        reason: format!("its URL cannot be read: {why}"),
    }
}

fn builder() -> Result<
    (
        rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
        Arc<CryptoProvider>,
    ),
    StoreError,
> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error.to_string()))?;
    Ok((builder, provider))
}

/// Encrypted, with a server that proves its name.
fn verified(file: Option<&str>) -> Result<ClientConfig, StoreError> {
    let roots = match file {
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
        Some(file) => roots_of(file)?,
    };
    let (builder, _) = builder()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn roots_of(file: &str) -> Result<RootCertStore, StoreError> {
    let unusable = |why: String| unusable(&format!("sslrootcert {file}: {why}"));
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| unusable(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(unusable("there is no certificate in it".to_owned())),
        false => Ok(roots),
    }
}

fn unusable(why: &str) -> StoreError {
    StoreError::Unreachable {
        reason: format!("its certificate cannot be checked: {why}"),
    }
}

/// Encrypted, with whoever answers: what `prefer` and `require` promise.
fn encrypted() -> Result<ClientConfig, StoreError> {
    let (builder, provider) = builder()?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth())
}

/// Takes any certificate, but only from whoever holds its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
