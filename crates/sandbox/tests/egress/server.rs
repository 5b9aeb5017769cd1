//! Servers that the sandbox may or may not reach, and what they saw.

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as a server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub type Handler = fn(&Seen) -> Response<Full<Bytes>>;

/// A server on an address of its own.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    pub connections: Arc<AtomicUsize>,
}

impl Server {
    pub async fn plain(ip: Ipv4Addr, port: u16) -> Self {
        Self::start(ip, port, None, ordinary).await
    }

    pub async fn secure(ip: Ipv4Addr, port: u16, certificates: &Certificates, name: &str) -> Self {
        Self::start(ip, port, Some(certificates.server(name)), ordinary).await
    }

    pub async fn start(
        ip: Ipv4Addr,
        port: u16,
        tls: Option<Arc<ServerConfig>>,
        handler: Handler,
    ) -> Self {
        let listener = TcpListener::bind((ip, port)).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (server.seen.clone(), server.connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let (seen, tls) = (seen.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => talk(stream, seen, handler).await,
                        Some(tls) => {
                            if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                                talk(stream, seen, handler).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn talk<S>(stream: S, seen: Arc<Mutex<Vec<Seen>>>, handler: Handler)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let (head, body) = request.into_parts();
            // A request that breaks off is none.
            let body = body.collect().await?.to_bytes();
            let request = Seen {
                method: head.method,
                uri: head.uri,
                headers: head.headers,
                body,
            };
            seen.lock().unwrap().push(request.clone());
            if request.uri.path() == "/silent" {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            let response = tokio::task::spawn_blocking(move || handler(&request));
            Ok::<_, hyper::Error>(response.await.unwrap())
        }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Answers by path.
pub fn ordinary(request: &Seen) -> Response<Full<Bytes>> {
    let path = request.uri.path();
    let response = Response::builder();
    let body = match path {
        "/redirect" => {
            let moved = response
                .status(StatusCode::FOUND)
                .header("location", "http://evil.test/");
            return moved.body(Full::default()).unwrap();
        }
        "/hops" => {
            let hops = response
                .header("connection", "x-hop")
                .header("x-hop", "1")
                .header("proxy-authenticate", "Basic");
            return hops.body(Full::from("hops")).unwrap();
        }
        "/repeat" => format!(
            "{:?}",
            request
                .headers
                .get("authorization")
                .map(|value| value.to_str().unwrap().to_owned())
        )
        .into(),
        "/body" => request.body.clone(),
        _ if path.starts_with("/bytes/") => vec![b'x'; path[7..].parse().unwrap()].into(),
        _ => Bytes::from("hello"),
    };
    response.body(Full::from(body)).unwrap()
}

/// An authority of the outside world, and certificates from it.
pub struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    pub root: CertificateDer<'static>,
    pub pem: String,
}

impl Certificates {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "Outside world");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            root: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key);
        Arc::new(config.unwrap())
    }
}
