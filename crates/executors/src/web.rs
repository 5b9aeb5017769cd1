//! One request of the HTTP tools, read from the arguments of its call: the same reading on both
//! sides, so that what was judged is what is sent.

use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;
use std::collections::BTreeSet;
use url::Url;
use wardroom_sandbox::egress::{MalformedHost, Remote};

/// The tools that make requests.
pub const WEB_TOOLS: &[&str] = &["http_fetch", "http_request", "html_to_markdown"];

/// What stands in a header for the value of the call's secret.
pub const SECRET_MARK: &str = "{{secret}}";

/// What stands in a command for the value of a secret.
pub(crate) fn secret_mark(name: &str) -> String {
    format!("{{{{secret:{name}}}}}")
}

/// The names of the secrets that a command uses.
pub fn secrets_in(command: &str) -> BTreeSet<&str> {
    let after = command.split("{{secret:").skip(1);
    after
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(name, _)| name)
        .collect()
}

/// Headers that say where a request goes or how it travels: the client's own business.
const RESERVED: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
];

/// A request, ready to be judged and sent.
#[derive(Clone, Debug)]
pub struct WebRequest {
    /// GET for the tools that only read.
    pub method: Method,
    /// As it is sent; without a fragment.
    pub url: Url,
    /// Where it goes.
    pub remote: Remote,
    /// What goes along.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent.
    pub body: Option<String>,
    /// The name of the secret that goes along.
    pub secret: Option<String>,
}

/// Why the arguments are no request. The text is for the model, which is to try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRequest {
    /// The address is none.
    #[error("`{0}` is not an address; write it whole, as in https://example.com/a")]
    Address(String),
    /// Another protocol.
    #[error("only http and https are spoken here, not `{0}`")]
    Scheme(String),
    /// The host cannot be.
    #[error("the host of the address is refused: {0}")]
    Host(#[from] MalformedHost),
    /// A user name or password in the address.
    #[error("an address carries no user name or password here; name a stored secret with `secret`")]
    Credentials,
    /// The method is none, or none that a tool sends.
    #[error("the method `{0}` is not sent; write GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE")]
    Method(String),
    /// A header.
    #[error("the header `{0}` cannot be sent")]
    Header(String),
    /// The placeholder stands where nothing is put in.
    #[error("`{{{{secret}}}}` stands in one header at most, and only beside `secret`")]
    Mark,
}

impl WebRequest {
    /// Reads a call; none if it makes no request.
    pub fn read(tool: &str, arguments: &Value) -> Option<Result<Self, NoRequest>> {
        let address = arguments.get("url").and_then(Value::as_str);
        match (tool, address) {
            ("http_fetch" | "http_request" | "html_to_markdown", Some(address)) => {
                Some(Self::parse(address, arguments))
            }
            _ => None,
        }
    }

    fn parse(address: &str, arguments: &Value) -> Result<Self, NoRequest> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let url = parse_url(address)?;
        let request = Self {
            method: method(text("method").unwrap_or("GET"))?,
            remote: remote_of(&url)?,
            url,
            headers: headers(arguments.get("headers"))?,
            body: text("body").map(str::to_owned),
            secret: text("secret").map(str::to_owned),
        };
        let marks = request.marked().count();
        match marks > 1 || (marks == 1 && request.secret.is_none()) {
            true => Err(NoRequest::Mark),
            false => Ok(request),
        }
    }

    fn marked(&self) -> impl Iterator<Item = &HeaderName> {
        let marked = |(_, value): &&(HeaderName, HeaderValue)| {
            value.to_str().is_ok_and(|text| text.contains(SECRET_MARK))
        };
        self.headers.iter().filter(marked).map(|(name, _)| name)
    }

    /// The header that its secret stands in.
    pub fn secret_header(&self) -> HeaderName {
        let marked = self.marked().next();
        marked.cloned().unwrap_or(http::header::AUTHORIZATION)
    }

    /// Whether asking twice does no more than asking once.
    pub fn only_reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS) && self.body.is_none()
    }
}

/// The address as it is sent.
pub(crate) fn parse_url(address: &str) -> Result<Url, NoRequest> {
    let mut url = Url::parse(address.trim())
        .map_err(|_| NoRequest::Address(address.chars().take(200).collect()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NoRequest::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NoRequest::Credentials);
    }
    url.set_fragment(None);
    Ok(url)
}

/// The host and port that an address leads to.
pub(crate) fn remote_of(url: &Url) -> Result<Remote, NoRequest> {
    let host = url.host_str().unwrap_or_default();
    Ok(Remote::parse(host, url.port_or_known_default())?)
}

fn method(text: &str) -> Result<Method, NoRequest> {
    let wrong = || NoRequest::Method(text.chars().take(20).collect());
    let method = Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(|_| wrong())?;
    match method {
        Method::GET | Method::HEAD | Method::OPTIONS => Ok(method),
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE => Ok(method),
        _ => Err(wrong()),
    }
}

fn headers(given: Option<&Value>) -> Result<Vec<(HeaderName, HeaderValue)>, NoRequest> {
    let given = given.and_then(Value::as_object).into_iter().flatten();
    given
        .map(|(name, value)| {
            let wrong = || NoRequest::Header(name.chars().take(60).collect());
            let header: HeaderName = name.parse().map_err(|_| wrong())?;
            let is_reserved =
                RESERVED.contains(&header.as_str()) || header.as_str().starts_with("proxy-");
            let value = value.as_str().and_then(|text| text.parse().ok());
            match value {
                Some(value) if !is_reserved => Ok((header, value)),
                _ => Err(wrong()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(arguments: Value) -> String {
        match WebRequest::read("http_request", &arguments).unwrap() {
            Ok(request) => format!("{} {} to {}", request.method, request.url, request.remote),
            Err(wrong) => wrong.to_string(),
        }
    }

    #[test]
    fn what_is_judged_is_what_is_sent() {
        for (arguments, expected) in [
            (
                json!({"method": "get", "url": "HTTPS://Docs.Example.com:443/a b?q=1#part"}),
                "GET https://docs.example.com/a%20b?q=1 to docs.example.com:443",
            ),
            (
                json!({"method": "POST", "url": "http://docs.example.com:8080", "body": "x"}),
                "POST http://docs.example.com:8080/ to docs.example.com:8080",
            ),
            (
                json!({"method": "GET", "url": "ftp://a.example"}),
                "only http and https",
            ),
            (
                json!({"method": "GET", "url": "docs.example.com"}),
                "is not an address",
            ),
            (
                json!({"method": "GET", "url": "https://a:b@docs.example.com"}),
                "no user name",
            ),
            (
                json!({"method": "GET", "url": "http://169.254.169.254/"}),
                "by its address",
            ),
            (
                json!({"method": "GET", "url": "http://[::ffff:127.0.0.1]/"}),
                "by its address",
            ),
            (
                json!({"method": "GET", "url": "http://2130706433/"}),
                "by its address",
            ),
            (
                json!({"method": "GET", "url": "http://docs.example.com./"}),
                "end with a dot",
            ),
            (
                json!({"method": "TRACE", "url": "https://a.example"}),
                "`TRACE` is not sent",
            ),
            (
                json!({"method": "GET", "url": "https://a.example", "headers": {"Host": "b"}}),
                "`Host` cannot be sent",
            ),
            (
                json!({"method": "GET", "url": "https://a.example", "headers": {"a": "{{secret}}"}}),
                "only beside `secret`",
            ),
        ] {
            let said = said(arguments.clone());
            assert!(said.contains(expected), "{arguments}: {said}");
        }
    }
}
