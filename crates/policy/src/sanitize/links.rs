//! Links that would load by themselves or carry data away stay readable and stop working.
//!
//! Fenced code is left alone: nothing in it is rendered.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Category;
use super::clean::Cleaned;

/// A query longer than this carries more than an address needs.
const QUERY_BYTES_SUSPECT: usize = 200;

static IMAGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"!+\[([^\]\[\n]*)\]\(\s*<?((?:https?:)?//[^\s)]*)").ok());
static LINK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[([^\]\[\n]*)\]\((\s*<?(?:https?:)?//[^\s)]*)").ok());
static DEFINITION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^([ \t>]*\[[^\]\[\n]+\]):[ \t]*<?((?:https?:)?//\S*)").ok());
static REFERENCE_IMAGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"!+(\[[^\]\[\n]*\]\[[^\]\[\n]*\])").ok());
static ACTIVE_TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)<((?:img|iframe|link|object|embed|audio|video|source|form|base|meta|script|svg|body|input|a)\b[^<>\n]*?(?:(?:src|srcset|href|data|action|poster|background|content)\s*=\s*["']?[^"'>\s]*(?:(?:https?:)?//)|(?:\son\w+\s*=)|javascript:)[^<>\n]*)>"#).ok()
});
/// Payloads up to 64 bytes are icons and examples; longer ones are left out.
static DATA_URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)data:([a-z]+/[a-z0-9.+-]+)?((?:;[a-z0-9=-]+)*),([a-z0-9+/=%_.~-]{65,})").ok()
});

pub(super) fn disarm(text: &str, state: &mut Cleaned) -> String {
    let text = elide_data_urls(text, state);
    let mut out = String::with_capacity(text.len());
    let mut fenced = false;
    let mut prose_from = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            let prose = text.get(prose_from..at).unwrap_or_default();
            push_section(&mut out, prose, fenced, state);
            prose_from = at;
            fenced = !fenced;
        }
        at += line.len();
    }
    // A fence that is never closed does not shelter what follows it.
    push_section(
        &mut out,
        text.get(prose_from..).unwrap_or_default(),
        false,
        state,
    );
    out
}

fn push_section(out: &mut String, section: &str, fenced: bool, state: &mut Cleaned) {
    match fenced {
        true => out.push_str(section),
        false => out.push_str(&disarm_prose(section, state)),
    }
}

fn disarm_prose(text: &str, state: &mut Cleaned) -> String {
    let text = rewrite(&IMAGE, text, inert_image, state);
    let text = rewrite(&LINK, &text, inert_link, state);
    let text = rewrite(&DEFINITION, &text, inert_definition, state);
    let text = rewrite(&REFERENCE_IMAGE, &text, inert_reference, state);
    rewrite(&ACTIVE_TAG, &text, inert_tag, state)
}

fn inert_image(found: &Captures<'_>, state: &mut Cleaned) -> String {
    let (alt, url) = (group(found, 1), group(found, 2));
    state.note(Category::RemoteImage, || url.to_owned());
    if carries_data(url) || asks_parameter(url) {
        state.loading_links += 1;
        state.note(Category::MarkdownExfiltration, || url.to_owned());
    }
    format!("[image: {alt}] ({url}")
}

fn inert_link(found: &Captures<'_>, state: &mut Cleaned) -> String {
    let (label, url) = (group(found, 1), group(found, 2));
    match is_leak(url, state) {
        true => format!("[{label}] ({url}"),
        false => group(found, 0).to_owned(),
    }
}

fn inert_definition(found: &Captures<'_>, state: &mut Cleaned) -> String {
    let (label, url) = (group(found, 1), group(found, 2));
    match is_leak(url, state) {
        true => format!("{label} : {url}"),
        false => group(found, 0).to_owned(),
    }
}

/// Whether a link carries data away; if so it is reported.
fn is_leak(url: &str, state: &mut Cleaned) -> bool {
    let leaks = carries_data(url);
    if leaks {
        state.telling_links += usize::from(tells(url));
        state.note(Category::MarkdownExfiltration, || url.to_owned());
    }
    leaks
}

fn inert_reference(found: &Captures<'_>, state: &mut Cleaned) -> String {
    state.note(Category::RemoteImage, || group(found, 0).to_owned());
    format!("[image] {}", group(found, 1))
}

fn inert_tag(found: &Captures<'_>, state: &mut Cleaned) -> String {
    let tag = group(found, 1);
    if is_plain_anchor(tag) {
        return group(found, 0).to_owned();
    }
    let excerpt = || tag.chars().take(80).collect();
    state.note(Category::ActiveHtml, excerpt);
    if tag.split(['"', '\'', ' ']).any(carries_data) {
        state.loading_links += usize::from(!tag.starts_with(['a', 'A']));
        state.note(Category::MarkdownExfiltration, excerpt);
    }
    format!("‹{tag}›")
}

fn rewrite(
    pattern: &LazyLock<Option<Regex>>,
    text: &str,
    inert: fn(&Captures<'_>, &mut Cleaned) -> String,
    state: &mut Cleaned,
) -> String {
    let Some(pattern) = pattern.as_ref() else {
        return text.to_owned();
    };
    pattern
        .replace_all(text, |found: &Captures<'_>| inert(found, state))
        .into_owned()
}

fn group<'a>(found: &Captures<'a>, at: usize) -> &'a str {
    found.get(at).map_or("", |group| group.as_str())
}

/// An ordinary anchor does nothing until somebody clicks it.
fn is_plain_anchor(tag: &str) -> bool {
    let lower = tag.to_ascii_lowercase();
    let anchor = lower.starts_with("a ") || lower.starts_with("a\t");
    anchor
        && !lower.contains("javascript:")
        && !lower.contains(" on")
        && !tag.split(['"', '\'', ' ']).any(carries_data)
}

/// Whether a URL is shaped to carry something away: a place to fill in, a blob, a telling parameter.
pub(super) fn carries_data(url: &str) -> bool {
    let template = ["{", "}", "%7b", "<", "$(", "placeholder"];
    let lower = url.to_ascii_lowercase();
    let after_host = lower
        .split_once("//")
        .map_or(lower.as_str(), |(_, rest)| rest);
    let path = after_host
        .split_once(['/', '?', '#'])
        .map_or("", |(_, rest)| rest);
    let query = after_host
        .split_once(['?', '#'])
        .map_or("", |(_, rest)| rest);
    template.iter().any(|mark| path.contains(mark))
        || path
            .split('[')
            .skip(1)
            .any(|rest| rest.starts_with(char::is_alphabetic))
        || query.len() > QUERY_BYTES_SUSPECT
        || query.split('&').any(is_telling_parameter)
        || path.split(['/', '?', '=', '&']).any(is_blob)
}

const LOUD: &[&str] = &[
    "exfil",
    "leak",
    "secret",
    "secrets",
    "stolen",
    "password",
    "cookie",
    "conversation",
    "prompt",
    "history",
    "chat",
    "context",
    "data",
];

fn tells(url: &str) -> bool {
    let query = url
        .split_once('?')
        .map_or("", |(_, query)| query)
        .to_ascii_lowercase();
    query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .any(|(name, value)| {
            LOUD.contains(&name)
                || (value.contains('{') && LOUD.iter().any(|word| value.contains(word)))
        })
}

/// Parameters that carry free text.
const FREE_TEXT: &[&str] = &[
    "d",
    "data",
    "q",
    "exfil",
    "leak",
    "secret",
    "secrets",
    "token",
    "key",
    "msg",
    "message",
    "payload",
    "p",
    "history",
    "chat",
    "conversation",
    "context",
    "prompt",
    "info",
    "content",
    "c",
    "cookie",
    "pass",
    "password",
    "stolen",
    "text",
    "summary",
    "email",
    "name",
    "user",
    "b64",
];

/// An image has no use for a parameter of free text. A short `token` with a value is the badge of a
/// private build, which stands in a great many readmes.
fn asks_parameter(url: &str) -> bool {
    let query = url
        .split_once('?')
        .map_or("", |(_, query)| query)
        .to_ascii_lowercase();
    let labels = [
        "message", "name", "user", "email", "summary", "c", "p", "key", "token",
    ];
    query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .any(|(name, _)| FREE_TEXT.contains(&name) && !labels.contains(&name))
}

fn is_telling_parameter(parameter: &str) -> bool {
    const SEARCH_VALUE_BYTES_MAX: usize = 24;
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    if LOUD.contains(&name) {
        return true;
    }
    FREE_TEXT.contains(&name)
        && (value.is_empty()
            || value.len() > SEARCH_VALUE_BYTES_MAX
            || value.contains("canary")
            || value.contains("secret"))
}

/// Thirty-two or more characters of mixed letters and digits without a word break.
fn is_blob(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let plain = part
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'=' | b'_' | b'%'));
    // The content's own digest is how stores of pictures name what they hold.
    let hash =
        matches!(part.len(), 32 | 40 | 64) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    part.len() >= 32 && plain && digits >= 3 && !hash
}

fn elide_data_urls(text: &str, state: &mut Cleaned) -> String {
    rewrite(
        &DATA_URL,
        text,
        |found, state| {
            let (kind, parameters, payload) = (group(found, 1), group(found, 2), group(found, 3));
            state.note(Category::DataUrl, || format!("{} bytes", payload.len()));
            if parameters.to_ascii_lowercase().contains("base64") {
                state.hidden.extend(super::encoded::base64_text(payload));
            } else {
                state.hidden.push(super::encoded::percent_text(payload));
            }
            format!("data:{kind}{parameters},[{} bytes left out]", payload.len())
        },
        state,
    )
}
