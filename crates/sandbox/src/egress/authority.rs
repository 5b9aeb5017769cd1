//! A certificate authority for one sandbox, so that TLS to a few hosts can end at the proxy.
//! Its key stays in memory and is gone with the sandbox; nobody else trusts it.

use super::host::HostName;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Requests inside are of this kind alone.
const ALPN: &[u8] = b"http/1.1";

#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("the sandbox's certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What programs inside must trust, for hosts with a secret.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    servers: Mutex<HashMap<HostName, Arc<ServerConfig>>>,
}

impl Authority {
    pub fn new() -> Result<Self, AuthorityError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params
            .distinguished_name
            .push(DnType::CommonName, "Sandbox egress");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
            servers: Mutex::default(),
        })
    }

    /// Its certificate, for the programs inside.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// How to answer for this host. Made once; hosts come from the few that have a secret.
    pub(super) fn server(&self, host: &HostName) -> Result<Arc<ServerConfig>, AuthorityError> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = servers.get(host) {
            return Ok(known.clone());
        }
        let config = Arc::new(self.make_server(host)?);
        servers.insert(host.clone(), config.clone());
        Ok(config)
    }

    fn make_server(&self, host: &HostName) -> Result<ServerConfig, AuthorityError> {
        let mut params = CertificateParams::new(vec![host.to_string()])?;
        // The name stands in the alternative names; this field holds 64 bytes at most.
        params
            .distinguished_name
            .push(DnType::CommonName, "Sandbox egress leaf");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }
}

/// Verifies remotes against the public roots, and those the organisation adds.
pub(super) fn remote_tls(
    extra: Vec<CertificateDer<'static>>,
) -> Result<ClientConfig, AuthorityError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    // A system's bundle may hold something that cannot be read; the rest counts.
    roots.add_parsable_certificates(extra);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
