//! What is read from and written to the head of a message: target, hop-by-hop fields, refusals.

use super::host::{MalformedHost, Remote, split_port};
use super::refusal::Refusal;
use super::serve::Door;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Payload = UnsyncBoxBody<Bytes, Failure>;

const HTTP_PORT: u16 = 80;

/// Where a request wants to go. The address line and the Host header must agree with each
/// other and, inside a tunnel, with the host that it was opened for.
pub(super) fn target<B>(door: &Door, request: &Request<B>) -> Result<Remote, Refusal> {
    let (uri, headers) = (request.uri(), request.headers());
    if request.method() == Method::CONNECT {
        return connect_target(door, uri, headers);
    }
    check_form(door, request)?;
    let port = match door {
        Door::Proxy | Door::Capture => HTTP_PORT,
        Door::Tunnel(remote) | Door::Intercepted(remote) => remote.port,
    };
    let parse = |text: &str| Remote::parse(text, Some(port)).map_err(Refusal::from);
    let line = uri
        .authority()
        .map(|text| parse(text.as_str()))
        .transpose()?;
    let host = host_header(headers)?.map(parse).transpose()?;
    let opened = match door {
        Door::Proxy | Door::Capture => None,
        Door::Tunnel(remote) | Door::Intercepted(remote) => Some(remote.clone()),
    };
    if opened.is_some() && line.is_none() && host.is_none() {
        return Err(Refusal::Malformed("it names no host"));
    }
    agreed([opened, line, host])
}

/// All that are there must be the same.
fn agreed(named: [Option<Remote>; 3]) -> Result<Remote, Refusal> {
    let mut named = named.into_iter().flatten();
    let first = named.next().ok_or(Refusal::Malformed("it names no host"))?;
    match named.all(|other| other == first) {
        true => Ok(first),
        false => Err(Refusal::HostMismatch),
    }
}

fn check_form<B>(door: &Door, request: &Request<B>) -> Result<(), Refusal> {
    let uri = request.uri();
    let scheme = match door {
        Door::Intercepted(_) => "https",
        _ => "http",
    };
    if uri.scheme_str().is_some_and(|other| other != scheme) {
        return Err(Refusal::Malformed(
            "only http is asked of a proxy; for https open a tunnel with CONNECT",
        ));
    }
    if matches!(door, Door::Proxy) && uri.scheme().is_none() {
        return Err(Refusal::Malformed(
            "a proxy needs the whole address in the first line",
        ));
    }
    if !uri.path().starts_with('/') {
        return Err(Refusal::Malformed("the path does not begin with `/`"));
    }
    match *request.method() == Method::TRACE {
        true => Err(Refusal::Malformed("TRACE is not carried out")),
        false => Ok(()),
    }
}

fn connect_target(door: &Door, uri: &Uri, headers: &HeaderMap) -> Result<Remote, Refusal> {
    if !matches!(door, Door::Proxy) {
        return Err(Refusal::Malformed("there is no tunnel inside a tunnel"));
    }
    let authority = uri
        .authority()
        .ok_or(Refusal::Malformed("CONNECT needs a host and a port"))?;
    let remote = Remote::parse(authority.as_str(), None)?;
    // Some clients leave the port out of this header.
    let host = host_header(headers)?.map(|text| Remote::parse(text, Some(remote.port)));
    agreed([Some(remote), host.transpose()?, None])
}

fn host_header(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(header::HOST).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::Malformed("it has more than one Host header"));
    }
    let text = value
        .to_str()
        .map_err(|_| Refusal::Host(MalformedHost::Character))?;
    // An empty header is allowed where the first line has the host.
    split_port(text)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Fields that concern one connection only, or the proxy alone.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 7] = [
        header::CONNECTION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::EXPECT,
        HeaderName::from_static("keep-alive"),
    ];
    NAMES.contains(name) || name.as_str().starts_with("proxy-")
}

/// Removes what must not travel on, with whatever the Connection header lists. Framing is
/// written anew from the body.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let strays: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_hop_by_hop(name))
        .cloned()
        .collect();
    for name in listed.iter().chain(&strays) {
        headers.remove(name);
    }
}

/// The answer to a request that is not carried out.
pub(super) fn refused(refusal: &Refusal) -> Response<Payload> {
    let words = Full::new(Bytes::from(format!("{refusal}\n")));
    let mut response = Response::new(words.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, text);
    // What is left of a refused request is not worth reading.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Ok(code) = HeaderValue::from_str(refusal.code()) {
        headers.insert("x-egress-refusal", code);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(door: &Door, method: &str, uri: &str, hosts: &[&str]) -> Result<String, &'static str> {
        let mut request = Request::builder().method(method).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let request = request.body(()).unwrap();
        let target = target(door, &request);
        target
            .map(|remote| remote.to_string())
            .map_err(|refusal| refusal.code())
    }

    #[test]
    fn the_target_is_what_all_parts_of_the_head_agree_on() {
        let inside = Door::Tunnel(Remote::parse("a.example:8080", None).unwrap());
        let secure = Door::Intercepted(Remote::parse("a.example:443", None).unwrap());
        let (proxy, capture) = (Door::Proxy, Door::Capture);
        type Case<'a> = (
            &'a Door,
            &'a str,
            &'a str,
            &'a [&'a str],
            Result<&'a str, &'a str>,
        );
        let table: &[Case<'_>] = &[
            (
                &proxy,
                "GET",
                "http://a.example/",
                &["a.example"],
                Ok("a.example:80"),
            ),
            (
                &proxy,
                "GET",
                "http://A.example:80/",
                &["a.Example"],
                Ok("a.example:80"),
            ),
            (&proxy, "GET", "http://a.example/", &[], Ok("a.example:80")),
            (
                &proxy,
                "GET",
                "http://a.example/",
                &[""],
                Ok("a.example:80"),
            ),
            (
                &proxy,
                "GET",
                "http://a.example/",
                &["b.example"],
                Err("host_mismatch"),
            ),
            (
                &proxy,
                "GET",
                "http://a.example/",
                &["a.example:81"],
                Err("host_mismatch"),
            ),
            (
                &proxy,
                "GET",
                "http://a.example/",
                &["a.example", "a.example"],
                Err("malformed"),
            ),
            (&proxy, "GET", "https://a.example/", &[], Err("malformed")),
            (&proxy, "GET", "ftp://a.example/", &[], Err("malformed")),
            (&proxy, "GET", "/", &["a.example"], Err("malformed")),
            (&proxy, "TRACE", "http://a.example/", &[], Err("malformed")),
            (
                &proxy,
                "GET",
                "http://a.example@b.example/",
                &[],
                Err("malformed_host"),
            ),
            (
                &proxy,
                "GET",
                "http://a.example./",
                &[],
                Err("malformed_host"),
            ),
            (
                &proxy,
                "GET",
                "http://127.0.0.1/",
                &[],
                Err("malformed_host"),
            ),
            (&proxy, "GET", "http://[::1]/", &[], Err("malformed_host")),
            (
                &proxy,
                "CONNECT",
                "a.example:443",
                &["a.example:443"],
                Ok("a.example:443"),
            ),
            (
                &proxy,
                "CONNECT",
                "a.example:443",
                &["a.example"],
                Ok("a.example:443"),
            ),
            (
                &proxy,
                "CONNECT",
                "a.example:443",
                &["b.example"],
                Err("host_mismatch"),
            ),
            (&proxy, "CONNECT", "a.example", &[], Err("malformed_host")),
            (
                &proxy,
                "CONNECT",
                "user@a.example:443",
                &[],
                Err("malformed_host"),
            ),
            (&capture, "GET", "/", &["a.example"], Ok("a.example:80")),
            (
                &capture,
                "GET",
                "/",
                &["a.example:8080"],
                Ok("a.example:8080"),
            ),
            (&capture, "GET", "/", &[], Err("malformed")),
            (
                &capture,
                "GET",
                "/",
                &["user@a.example"],
                Err("malformed_host"),
            ),
            (
                &capture,
                "GET",
                "http://b.example/",
                &["a.example"],
                Err("host_mismatch"),
            ),
            (&capture, "OPTIONS", "*", &["a.example"], Err("malformed")),
            (&capture, "CONNECT", "a.example:443", &[], Err("malformed")),
            (
                &inside,
                "GET",
                "/",
                &["a.example:8080"],
                Ok("a.example:8080"),
            ),
            (
                &inside,
                "GET",
                "/",
                &["b.example:8080"],
                Err("host_mismatch"),
            ),
            (&inside, "GET", "/", &[], Err("malformed")),
            (&secure, "GET", "/", &["a.example"], Ok("a.example:443")),
            (&secure, "GET", "/", &["b.example"], Err("host_mismatch")),
            (
                &secure,
                "GET",
                "http://a.example/",
                &["a.example"],
                Err("malformed"),
            ),
        ];
        for (door, method, uri, hosts, expected) in table {
            let found = ask(door, method, uri, hosts);
            let expected = expected.map(str::to_owned);
            assert_eq!(found, expected, "{door:?} {method} {uri} {hosts:?}");
        }
    }

    #[test]
    fn fields_for_one_hop_do_not_travel_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Secret-Hop"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic eHg="),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("x-secret-hop", "1"),
            ("accept", "*/*"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        strip_hop_by_hop(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["accept"]);
    }
}
