//! Bytes become text: by the declared encoding where there is one, else by what they look like.

use super::{Category, Finding, Limits, Sanitized, sanitize};

/// What the sender said the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredEncoding {
    Utf8,
    Utf16LittleEndian,
    Utf16BigEndian,
    Latin1,
}

/// Decodes and sanitises. Bytes that are wrong in their encoding become U+FFFD and are reported.
pub fn sanitize_bytes(
    bytes: &[u8],
    declared: Option<DeclaredEncoding>,
    limits: &Limits,
) -> Sanitized {
    let encoding = declared.unwrap_or_else(|| guess(bytes));
    let (text, broken) = decode(bytes, encoding);
    let mut result = sanitize(&text, limits);
    if broken && !result.categories.contains(&Category::BadEncoding) {
        result.categories.push(Category::BadEncoding);
        result.categories.sort_unstable();
        result.findings.push(Finding {
            category: Category::BadEncoding,
            detail: format!("bytes that are not {encoding:?}"),
        });
    }
    result
}

fn guess(bytes: &[u8]) -> DeclaredEncoding {
    match bytes {
        [0xFF, 0xFE, ..] => DeclaredEncoding::Utf16LittleEndian,
        [0xFE, 0xFF, ..] => DeclaredEncoding::Utf16BigEndian,
        _ => DeclaredEncoding::Utf8,
    }
}

fn decode(bytes: &[u8], encoding: DeclaredEncoding) -> (String, bool) {
    match encoding {
        DeclaredEncoding::Utf8 => match str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (String::from_utf8_lossy(bytes).into_owned(), true),
        },
        DeclaredEncoding::Latin1 => (bytes.iter().map(|byte| char::from(*byte)).collect(), false),
        DeclaredEncoding::Utf16LittleEndian => decode_utf16(bytes, u16::from_le_bytes),
        DeclaredEncoding::Utf16BigEndian => decode_utf16(bytes, u16::from_be_bytes),
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (String, bool) {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    match String::from_utf16(&units) {
        Ok(text) => (text, !rest.is_empty()),
        Err(_) => (String::from_utf16_lossy(&units), true),
    }
}
