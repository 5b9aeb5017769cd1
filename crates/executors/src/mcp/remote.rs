//! A server behind an address: the one place of this module that makes HTTP clients.

use super::limits::{CONNECT_TIME_MAX, MESSAGE_BYTES_MAX};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

/// The clients that all servers share, made when the first needs one.
#[derive(Default)]
pub(super) struct Clients {
    loopback: OnceLock<Client>,
    outside: OnceLock<Client>,
}

/// Headers that belong to the protocol or to HTTP itself.
const RESERVED: &[&str] = &[
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

/// An address that no server can be reached at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnfitAddress(String);

/// Reads the address of a server. Secrets go over an encrypted line or stay on this machine.
pub fn check_address(address: &str, has_headers: bool) -> Result<(), UnfitAddress> {
    let unfit = |why: &str| Err(UnfitAddress(why.to_owned()));
    let Ok(url) = Url::parse(address) else {
        return unfit("it is no address; write https://host/mcp");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return unfit("it has a password in it; send it as a header that refers to a secret");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) || !has_headers => Ok(()),
        "http" => unfit("its headers would travel in the clear; write https://"),
        _ => unfit("only https:// and http:// are spoken"),
    }
}

/// Whether a header of this name may be sent along.
pub fn check_header(name: &str) -> Result<(), UnfitAddress> {
    let lower = name.to_ascii_lowercase();
    if HeaderName::from_bytes(lower.as_bytes()).is_err() {
        return Err(UnfitAddress("it is not the name of a header".to_owned()));
    }
    if RESERVED.contains(&lower.as_str()) {
        return Err(UnfitAddress(
            "the protocol sets this header itself".to_owned(),
        ));
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

impl Clients {
    /// A transport to an address. Errors are sentences.
    pub(super) fn transport(
        &self,
        address: &str,
        headers: &[(String, SecretString)],
    ) -> Result<StreamableHttpClientTransport<Client>, String> {
        let url = Url::parse(address).map_err(|_| "its address is none".to_owned())?;
        let client = self.client(&url)?;
        let mut config = StreamableHttpClientTransportConfig::with_uri(address);
        config.custom_headers = sent_along(headers)?;
        config.max_sse_event_size = MESSAGE_BYTES_MAX;
        // A session that the server forgot is our caller's to begin anew: it knows what may be
        // sent twice.
        config.reinit_on_expired_session = false;
        Ok(StreamableHttpClientTransport::with_client(client, config))
    }

    fn client(&self, url: &Url) -> Result<Client, String> {
        if url.scheme() == "http" && is_loopback(url) {
            kept(&self.loopback, || builder().no_proxy().tls_certs_only([]))
        } else {
            kept(&self.outside, builder)
        }
    }
}

fn sent_along(
    headers: &[(String, SecretString)],
) -> Result<HashMap<HeaderName, HeaderValue>, String> {
    let read = |(name, value): &(String, SecretString)| {
        let unfit = || format!("the value of its header {name} cannot be sent");
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok((key, value))
    };
    headers.iter().map(read).collect()
}

fn kept(
    slot: &OnceLock<Client>,
    make: impl Fn() -> reqwest::ClientBuilder,
) -> Result<Client, String> {
    if let Some(client) = slot.get() {
        return Ok(client.clone());
    }
    // An error only says that some other part has installed the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = make()
        .build()
        .map_err(|_| "the HTTP client cannot be set up; install the system's CA certificates")?;
    Ok(slot.get_or_init(|| client).clone())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the client factory of the module"
)]
fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIME_MAX)
        .user_agent(concat!("wardroom/", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_headers_that_are_refused() {
        assert_eq!(check_address("https://host.example/mcp", true), Ok(()));
        assert_eq!(check_address("http://127.0.0.1:9/mcp", true), Ok(()));
        assert_eq!(check_address("http://host.example/mcp", false), Ok(()));
        assert!(check_address("http://host.example/mcp", true).is_err());
        assert!(check_address("https://me:pw@host.example/mcp", false).is_err());
        assert!(check_address("file:///etc", false).is_err());
        assert_eq!(check_header("Authorization"), Ok(()));
        assert!(check_header("Mcp-Session-Id").is_err() && check_header("a b").is_err());
    }
}
