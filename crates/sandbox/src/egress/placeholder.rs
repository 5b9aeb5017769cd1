//! Where a placeholder stands in the head of a request, and the value that takes its place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;
use http::request;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// How often it stands anywhere in the head, in any reading.
pub(super) fn mentions(head: &request::Parts, placeholder: &str) -> usize {
    let target = head.uri.to_string();
    let decoded = percent_decode_str(&target).decode_utf8_lossy();
    // hyper has made the names lower case.
    let lower = placeholder.to_ascii_lowercase();
    let names = head.headers.keys();
    let names = names.filter(|name| name.as_str().contains(&lower));
    let values = head.headers.values();
    let values = values.map(|value| occurrences(value, placeholder));
    decoded.matches(placeholder).count() + names.count() + values.sum::<usize>()
}

/// How often it stands in the value as it is, or in the user name and password of `Basic`.
pub(super) fn occurrences(value: &HeaderValue, placeholder: &str) -> usize {
    let plain = memchr::memmem::find_iter(value.as_bytes(), placeholder).count();
    plain + basic(value).map_or(0, |pair| pair.matches(placeholder).count())
}

/// The value with the secret in place, and the words that would tell it.
pub(super) fn fill(
    value: &HeaderValue,
    placeholder: &str,
    secret: &str,
) -> Option<(HeaderValue, Vec<Zeroizing<Vec<u8>>>)> {
    let mut traces = vec![Zeroizing::new(secret.as_bytes().to_vec())];
    let text = match basic(value) {
        Some(pair) => {
            let pair = Zeroizing::new(pair.replace(placeholder, secret));
            let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
            traces.push(Zeroizing::new(encoded.as_bytes().to_vec()));
            Zeroizing::new(format!("Basic {}", *encoded))
        }
        None => Zeroizing::new(value.to_str().ok()?.replace(placeholder, secret)),
    };
    let mut filled = HeaderValue::from_str(&text).ok()?;
    filled.set_sensitive(true);
    Some((filled, traces))
}

/// The user name and password, if that is what the value is.
pub(super) fn basic(value: &HeaderValue) -> Option<String> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()
}
