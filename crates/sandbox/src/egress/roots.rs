//! The certificate authorities that this machine trusts, for remotes and for programs inside.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io;
use std::path::Path;

/// Where systems keep their bundle, most common first.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A bundle of authorities, as text and as certificates.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    pem: String,
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Those of the file that is named, which must be readable; else those of the system, and
    /// none where it has no bundle: the public ones are known anyway.
    pub fn of_this_machine(named: Option<&Path>) -> io::Result<Self> {
        if let Some(path) = named {
            return Ok(Self::parse(std::fs::read_to_string(path)?));
        }
        let mut found = BUNDLES
            .iter()
            .filter_map(|path| std::fs::read_to_string(path).ok());
        Ok(found.next().map(Self::parse).unwrap_or_default())
    }

    fn parse(pem: String) -> Self {
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
            .flatten()
            .collect();
        Self { pem, certificates }
    }

    /// The bundle as programs read it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The bundle as the proxy reads it.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}
