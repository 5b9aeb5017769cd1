//! The portal: the files that `cargo xtask web` built from `web/`, embedded.
//!
//! Files below `/assets/` carry a hash of their content in their name and may be kept for ever; the
//! page itself is asked for anew each time, so that a new server shows a new portal. A binary that
//! was built without the portal serves one plain page, which says how to get it.

use crate::app::App;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// A file of the portal, plain and compressed.
struct File {
    name: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/portal.rs"));

/// What a binary without the portal shows.
const WITHOUT: &str = include_str!("without.html");

/// No script but ours, no frame, no foreign image, and no text that becomes HTML: what comes from
/// outside stays text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The places of the portal. Each shows the same page, which reads the rest of the address itself.
const PLACES: &[&str] = &[
    "/",
    "/chat",
    "/chat/{id}",
    "/tasks",
    "/tasks/{id}",
    "/approvals",
    "/approvals/{id}",
    "/crew",
    "/audit",
    "/policy",
    "/policy/{section}",
    "/usage",
    "/settings",
    "/settings/{section}",
    "/welcome",
];

pub(crate) fn routes() -> Router<App> {
    let places = PLACES.iter().fold(Router::new(), |router, place| {
        router.route(
            place,
            get(|headers: HeaderMap| async move { page(&headers) }),
        )
    });
    places.route("/assets/{name}", get(asset)).route(
        "/favicon.svg",
        get(|headers: HeaderMap| async move { root_file("favicon.svg", &headers) }),
    )
}

/// The portal's first script, whose name changes with every change of the portal.
pub(crate) fn entry() -> Option<&'static str> {
    let page = std::str::from_utf8(find("index.html")?.plain).ok()?;
    let (_, rest) = page.split_once("src=\"")?;
    rest.split_once('"').map(|(script, _)| script)
}

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

fn page(headers: &HeaderMap) -> Response {
    let mut response = match find("index.html") {
        Some(file) => send(file, headers),
        None => (
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            WITHOUT,
        )
            .into_response(),
    };
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = find(&format!("assets/{name}")) else {
        return gone();
    };
    let mut response = send(file, &headers);
    set(
        &mut response,
        header::CACHE_CONTROL,
        "public, max-age=31536000, immutable",
    );
    response
}

fn root_file(name: &str, headers: &HeaderMap) -> Response {
    match find(name) {
        Some(file) => send(file, headers),
        None => gone(),
    }
}

/// A script of another version of the portal: the page that asks for it has to be loaded anew.
fn gone() -> Response {
    (
        StatusCode::NOT_FOUND,
        "this server has another portal; reload the page\n",
    )
        .into_response()
}

fn send(file: &'static File, headers: &HeaderMap) -> Response {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let accepts = |coding: &str| {
        let codings = accepted.into_iter().flat_map(|list| list.split(','));
        codings
            .filter_map(|item| item.split(';').next())
            .any(|item| item.trim() == coding)
    };
    let (bytes, coding) = match (file.brotli, file.gzip) {
        (Some(bytes), _) if accepts("br") => (bytes, Some("br")),
        (_, Some(bytes)) if accepts("gzip") => (bytes, Some("gzip")),
        _ => (file.plain, None),
    };
    let mut response = bytes.into_response();
    set(&mut response, header::CONTENT_TYPE, kind(file.name));
    set(&mut response, header::VARY, "Accept-Encoding");
    if let Some(coding) = coding {
        set(&mut response, header::CONTENT_ENCODING, coding);
    }
    response
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}

/// Sets a header, and with it those that every file of the portal has.
fn set(response: &mut Response, name: header::HeaderName, value: &'static str) {
    let headers = response.headers_mut();
    headers.insert(name, HeaderValue::from_static(value));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_file_goes_only_to_whoever_can_read_it() {
        static FILE: File = File {
            name: "assets/a.js",
            plain: b"plain",
            brotli: Some(b"br"),
            gzip: Some(b"gz"),
        };
        let coding = |accept: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
            }
            send(&FILE, &headers)
                .headers()
                .get(header::CONTENT_ENCODING)
                .cloned()
        };
        assert_eq!(coding(None), None);
        assert_eq!(coding(Some("gzip, deflate")).unwrap(), "gzip");
        assert_eq!(coding(Some("gzip, br;q=1")).unwrap(), "br");
        assert_eq!(coding(Some("identity")), None);
    }

    #[test]
    fn every_file_says_what_it_may_do() {
        let response = page(&HeaderMap::new());
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    }
}
