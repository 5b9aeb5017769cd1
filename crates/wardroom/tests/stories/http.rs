//! Requests as nobody's client library would send them.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use wardroom_testkit::world::World;

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    /// The cookie that was set, with what belongs to it.
    pub cookie: Option<String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.head, self.body))
    }

    /// The stable code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request in the making.
pub struct Ask<'a> {
    world: &'a World,
    line: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Begins a request: `ask(&world, "GET /v1/me")`.
pub fn ask<'a>(world: &'a World, line: &str) -> Ask<'a> {
    Ask {
        world,
        line: line.to_owned(),
        host: address(world),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

fn address(world: &World) -> String {
    world.url().trim_start_matches("http://").to_owned()
}

impl Ask<'_> {
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        let mut asked = self.header("content-type", "application/json");
        asked.body = body.into();
        asked
    }

    pub fn send(self) -> Answer {
        let mut stream = TcpStream::connect(address(self.world)).expect("the server listens");
        let mut head = format!(
            "{} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.line,
            self.host,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("it reads");
        // A server that refuses a body early may close before it has read it all.
        let _ = stream.write_all(&self.body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        read(&String::from_utf8_lossy(&bytes))
    }
}

fn read(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {head:?}")),
        head: head.to_lowercase(),
        cookie: head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .map(|(_, value)| value.to_owned()),
        body: body.to_owned(),
    }
}

/// Posts an update as Telegram would, with or without a secret; answers the status.
pub fn post_update(url: &str, secret: Option<&str>, body: &str) -> u16 {
    let rest = url.trim_start_matches("http://");
    let (host, path) = rest.split_once('/').expect("a path");
    let secret = secret.map(|secret| format!("X-Telegram-Bot-Api-Secret-Token: {secret}\r\n"));
    let secret = secret.unwrap_or_default();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{secret}\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
}
