//! A bucket of its own on the S3 service that the test command starts.

#![expect(
    clippy::expect_used,
    reason = "a test without its bucket fails, and says which step did"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

/// Names the service, such as `http://127.0.0.1:9000`. The test command sets it.
const SERVICE: &str = "WARDROOM_TEST_S3";
/// What signs there. It is checked by nobody.
pub const KEY: (&str, &str) = ("AKIAWARDROOMTESTS", "only-for-tests");

/// A bucket. The service forgets it when it ends.
pub struct TestBucket {
    /// Where the service is.
    pub endpoint: String,
    /// What it is called.
    pub name: String,
}

impl TestBucket {
    /// Makes an empty one. Where there is no service the test cannot run, and its process ends.
    pub fn fresh() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let Ok(endpoint) = std::env::var(SERVICE) else {
            eprintln!("not run: {SERVICE} names no service; `cargo xtask test` starts one");
            std::process::exit(0);
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        let bucket = Self { endpoint, name };
        let answer = bucket.ask("PUT", "");
        assert!(answer.starts_with("HTTP/1.1 200"), "no bucket: {answer}");
        bucket
    }

    /// The bucket as the configuration names it.
    pub fn url(&self) -> String {
        format!("s3://{}/crew?endpoint={}", self.name, self.endpoint)
    }

    /// What the service says of everything in it.
    pub fn listing(&self) -> String {
        self.ask("GET", "?list-type=2")
    }

    /// One request without a signature, which this service does not ask for.
    fn ask(&self, method: &str, query: &str) -> String {
        let host = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("the service answers");
        let request = format!(
            "{method} /{}{query} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0\r\nConnection: close\r\n\r\n",
            self.name, KEY.0
        );
        stream.write_all(request.as_bytes()).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it speaks");
        answer
    }
}
