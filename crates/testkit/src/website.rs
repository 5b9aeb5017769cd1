//! A web server on loopback that remembers what it was asked, with or without TLS.

#![expect(
    clippy::expect_used,
    reason = "a server that cannot be set up fails its test"
)]

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A request as the server saw it.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// In capitals.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What was sent.
    pub body: Vec<u8>,
}

impl Visit {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What the server answers.
#[derive(Clone, Debug, Default)]
pub struct Page {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    breaks_off: bool,
}

impl Page {
    /// A text that was found.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new(200)
            .with("content-type", "text/plain")
            .body(body.into())
    }

    /// An answer with a status and nothing else yet.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// No answer at all: the connection ends once the request was read.
    pub fn none() -> Self {
        Self {
            breaks_off: true,
            ..Self::default()
        }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

type Handler = Arc<dyn Fn(&Visit) -> Page + Send + Sync>;

/// A server. It ends with its process.
pub struct Website {
    port: u16,
    visits: Arc<Mutex<Vec<Visit>>>,
}

impl Website {
    /// A plain one.
    pub fn start(handler: impl Fn(&Visit) -> Page + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(handler))
    }

    /// One with TLS, under a certificate for `localhost`.
    pub fn secure(
        authority: &Authority,
        handler: impl Fn(&Visit) -> Page + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Some(authority.server("localhost")), Arc::new(handler))
    }

    fn serve(tls: Option<Arc<ServerConfig>>, handler: Handler) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let visits: Arc<Mutex<Vec<Visit>>> = Arc::default();
        let seen = visits.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, handler, seen) = (tls.clone(), handler.clone(), seen.clone());
                std::thread::spawn(move || {
                    // Whoever breaks off has asked nothing.
                    let _ = welcome(stream, tls, &handler, &seen);
                });
            }
        });
        Self { port, visits }
    }

    /// Where it listens, as a rule names it.
    pub fn place(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The port alone.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything that it was asked, in order.
    pub fn visits(&self) -> Vec<Visit> {
        self.visits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn welcome(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    handler: &Handler,
    seen: &Mutex<Vec<Visit>>,
) -> std::io::Result<()> {
    match tls {
        None => talk(stream, handler, seen),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
            talk(StreamOwned::new(connection, stream), handler, seen)
        }
    }
}

fn talk(
    stream: impl Read + Write,
    handler: &Handler,
    seen: &Mutex<Vec<Visit>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let visit = read(&mut reader)?;
    seen.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(visit.clone());
    let page = handler(&visit);
    if page.breaks_off {
        return Ok(());
    }
    let mut stream = reader.into_inner();
    let mut head = format!("HTTP/1.1 {} Status\r\nconnection: close\r\n", page.status);
    if page.status != 304 {
        head.push_str(&format!("content-length: {}\r\n", page.body.len()));
    }
    for (name, value) in &page.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if visit.method != "HEAD" {
        stream.write_all(&page.body)?;
    }
    stream.flush()
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Visit> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let mut visit = Visit {
        method: words.next().unwrap_or_default().to_owned(),
        target: words.next().unwrap_or_default().to_owned(),
        ..Visit::default()
    };
    if visit.target.is_empty() {
        return Err(std::io::Error::other("no request"));
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        visit
            .headers
            .insert(name.trim().to_lowercase(), value.trim().to_owned());
    }
    visit.body = match visit.header("transfer-encoding") {
        "chunked" => chunks(reader)?,
        _ => {
            let mut body = vec![0; visit.header("content-length").parse().unwrap_or(0)];
            reader.read_exact(&mut body)?;
            body
        }
    };
    Ok(visit)
}

fn chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk)?;
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

/// An authority that nobody trusts unless told to.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params
            .distinguished_name
            .push(DnType::CommonName, "Wardroom tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key);
        Arc::new(config.expect("a server"))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
