//! What runs inside the sandbox: sends bytes, names or greetings, and says what came back.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

const TEXT_BYTES_MAX: usize = 100_000;

/// Something to try. Bytes travel as text whose characters are below 256.
#[derive(Serialize, Deserialize, Clone)]
pub enum Job {
    /// Sends the pieces with pauses, and reads to the end.
    Raw {
        to: String,
        pieces: Vec<String>,
        pause_ms: u64,
    },
    /// The same request over so many connections, all at once; tells how each was answered.
    Crowd {
        to: String,
        request: String,
        count: usize,
    },
    Query {
        packet: String,
    },
    Tls(Tls),
}

#[derive(Serialize, Deserialize, Clone)]
pub struct Tls {
    pub to: String,
    /// Sent to a proxy first.
    pub connect: Option<String>,
    /// The server's name to verify, and whether it is said.
    pub name: String,
    pub say_name: bool,
    /// So many bytes at a time.
    pub piece: usize,
    /// So many bytes in one record of the protocol.
    pub record: Option<usize>,
    pub request: String,
    pub roots: String,
}

#[derive(Serialize, Deserialize, Debug, Clone, Default)]
pub struct Reply {
    /// Its beginning, if it is long.
    pub text: String,
    pub length: usize,
    pub error: Option<String>,
    pub took_ms: u64,
}

impl Reply {
    /// The number in the first line of an HTTP answer.
    pub fn status(&self) -> u16 {
        let word = self.text.split(' ').nth(1);
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    pub fn code(&self) -> &str {
        let line = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix("x-egress-refusal: "));
        line.unwrap_or("none")
    }
}

pub fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

pub fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| u8::try_from(u32::from(character)).unwrap())
        .collect()
}

#[test]
#[ignore = "started by the tests of this binary, inside their sandboxes"]
fn inside() {
    let jobs: Vec<Job> = serde_json::from_str(&std::env::var("JOBS").unwrap()).unwrap();
    for job in jobs {
        let began = Instant::now();
        let mut heard = Vec::new();
        let outcome = run(&job, &mut heard);
        let reply = Reply {
            text: text(&heard[..heard.len().min(TEXT_BYTES_MAX)]),
            length: heard.len(),
            error: outcome.err().map(|error| error.to_string()),
            took_ms: began.elapsed().as_millis() as u64,
        };
        println!("\n> {}", serde_json::to_string(&reply).unwrap());
    }
}

fn run(job: &Job, heard: &mut Vec<u8>) -> io::Result<()> {
    match job {
        Job::Raw {
            to,
            pieces,
            pause_ms,
        } => {
            let mut stream = connect(to)?;
            for piece in pieces {
                stream.write_all(&bytes(piece))?;
                std::thread::sleep(Duration::from_millis(*pause_ms));
            }
            stream.read_to_end(heard).map(drop)
        }
        Job::Crowd { to, request, count } => crowd(to, request, *count, heard),
        Job::Query { packet } => query(&bytes(packet), heard),
        Job::Tls(tls) => greet(tls, heard),
    }
}

fn connect(to: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The first lines of all answers.
fn crowd(to: &str, request: &str, count: usize, heard: &mut Vec<u8>) -> io::Result<()> {
    let streams: Vec<_> = (0..count).map(|_| connect(to)).collect::<Result<_, _>>()?;
    for mut stream in &streams {
        stream.write_all(&bytes(request))?;
    }
    for mut stream in streams {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        heard.extend(
            answer
                .split(|byte| *byte == b'\r')
                .next()
                .unwrap_or_default(),
        );
        heard.push(b'\n');
    }
    Ok(())
}

fn query(packet: &[u8], heard: &mut Vec<u8>) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(700)))?;
    socket.send_to(packet, "127.0.0.1:53")?;
    let mut buffer = [0; 2048];
    let (length, _) = socket.recv_from(&mut buffer)?;
    heard.extend_from_slice(&buffer[..length]);
    Ok(())
}

fn greet(tls: &Tls, heard: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = connect(&tls.to)?;
    if let Some(connect) = &tls.connect {
        let head = format!("CONNECT {connect} HTTP/1.1\r\nHost: {connect}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut byte = [0];
        while !heard.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
            heard.push(byte[0]);
        }
        if !heard.starts_with(b"HTTP/1.1 200") {
            return stream.read_to_end(heard).map(drop);
        }
        heard.clear();
    }
    let name = ServerName::try_from(tls.name.clone()).unwrap();
    let connection =
        ClientConnection::new(Arc::new(config(tls)), name).map_err(io::Error::other)?;
    let piece = tls.piece;
    let mut stream = StreamOwned::new(connection, Piecewise { stream, piece });
    stream.write_all(tls.request.as_bytes())?;
    match stream.read_to_end(heard) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        other => other.map(drop),
    }
}

fn config(tls: &Tls) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(tls.roots.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.enable_sni = tls.say_name;
    config.max_fragment_size = tls.record;
    config
}

/// Writes a few bytes at a time, each on its own.
struct Piecewise {
    stream: TcpStream,
    piece: usize,
}

impl Read for Piecewise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Piecewise {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece < 100 {
            std::thread::sleep(Duration::from_micros(300));
        }
        self.stream.write(&bytes[..bytes.len().min(self.piece)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
