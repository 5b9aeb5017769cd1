//! Addresses in text: pages, hosts, mailboxes, accounts, phone numbers. Told by shape.

use super::words::is_date;
use regex::Regex;
use std::sync::LazyLock;

/// Endings of file names, which otherwise look like hosts.
const FILE_ENDINGS: &[&str] = &[
    "bak", "bmp", "c", "cfg", "conf", "cpp", "css", "csv", "doc", "docx", "eml", "gif", "go", "gz",
    "h", "htm", "html", "ini", "ipynb", "java", "jpeg", "jpg", "js", "json", "jsonl", "lock",
    "log", "md", "mp3", "mp4", "odt", "pdf", "php", "png", "ppt", "pptx", "py", "rb", "rs", "rtf",
    "sh", "sql", "svg", "tar", "tex", "toml", "ts", "tsv", "txt", "wav", "webp", "xls", "xlsx",
    "xml", "yaml", "yml", "zip",
];

/// Shorter runs of digits are counts, years and prices.
const ACCOUNT_DIGITS_MIN: usize = 8;
/// The shortest key or wallet that nothing else looks like.
const OPAQUE_CHARS_MIN: usize = 24;

static HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.(?:\p{L}{2,}|xn--[a-z0-9-]+)\.?(?::\d+)?(?:[/?#].*)?$").ok()
});
static IPV4: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:[/?#].*)?$").ok());

fn fits(shape: &LazyLock<Option<Regex>>, token: &str) -> bool {
    shape.as_ref().is_some_and(|shape| shape.is_match(token))
}

/// Every address that stands in a text, as it is written there.
pub fn addresses_in(text: &str) -> Vec<String> {
    let is_edge = |c: char| c.is_whitespace() || "<>()[]{}\"'`“”‘’«»,;|\\*".contains(c);
    let tokens = text
        .split(is_edge)
        .map(|token| trimmed(before_sentence(token)));
    let mut found: Vec<String> = tokens
        .filter(|token| is_address(token))
        .map(str::to_owned)
        .collect();
    found.extend(spaced_accounts(text));
    found
}

/// Somebody who forgets the space, as in `see www.example.com.Then go on`, has typed a host and the
/// beginning of a sentence: its one capital stands behind the last full stop of a name in lower case.
fn before_sentence(token: &str) -> &str {
    let Some((before, after)) = token.rsplit_once('.') else {
        return token;
    };
    let mut rest = after.chars();
    let begins = rest.next().is_some_and(char::is_uppercase)
        && rest.clone().next().is_some()
        && rest.all(char::is_lowercase);
    let is_whole = !before.chars().any(char::is_uppercase) && is_fetched(before);
    if begins && is_whole { before } else { token }
}

/// `see www.example.com.` ends a sentence, not a host.
fn trimmed(token: &str) -> &str {
    let token = token.trim_end_matches(|c: char| ".:!?…".contains(c));
    let token = token.strip_prefix("mailto:").unwrap_or(token);
    // `mail:ann@example.com` names what follows.
    match token.split_once(':') {
        Some((_, rest)) if rest.contains('@') && !rest.starts_with("//") => rest,
        _ => token.trim_start_matches([':', '.', '!']),
    }
}

/// Account and phone numbers that are written in groups: `GB29 NWBK 6016 1331 9268 19`.
fn spaced_accounts(text: &str) -> Vec<String> {
    static GROUPS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:\b[A-Z]{2}\d{2}|\+\d{1,4}|\b\d{3,6})(?:[ -][A-Z0-9]{2,8}){2,8}\b").ok()
    });
    let Some(groups) = GROUPS.as_ref() else {
        return Vec::new();
    };
    let joined = groups
        .find_iter(text)
        .filter(|found| found.as_str().contains(' ') && !is_date(found.as_str()));
    joined
        .map(|found| found.as_str().replace([' ', '-'], ""))
        .filter(|joined| is_account(joined))
        .collect()
}

/// Whether a single token is an address of any kind.
pub(super) fn is_address(token: &str) -> bool {
    is_fetched(token) || is_mailbox(token) || is_account(token)
}

/// Whether a tool that only looks would go out to it.
pub(super) fn is_fetched(token: &str) -> bool {
    let lower = token.to_lowercase();
    if lower.contains("://") || lower.starts_with("www.") || lower.starts_with("//") {
        return true;
    }
    fits(&IPV4, token) || is_host(&lower)
}

fn is_host(token: &str) -> bool {
    if !fits(&HOST, token) || token.contains('@') {
        return false;
    }
    let host = token.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let ending = host
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or_default();
    // `notes.md` is a file, `notes.md/x` would be a host.
    token.contains('/') || !FILE_ENDINGS.contains(&ending)
}

fn is_mailbox(token: &str) -> bool {
    let Some((name, host)) = token.rsplit_once('@') else {
        return false;
    };
    !name.is_empty() && host.contains('.') && !host.contains(char::is_whitespace)
}

fn is_account(token: &str) -> bool {
    if is_date(token) {
        return false;
    }
    let plain: String = token.chars().filter(|c| !"-+().".contains(*c)).collect();
    if !plain.chars().all(|c| c.is_ascii_alphanumeric()) {
        return false;
    }
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    let is_number = digits == plain.len() && digits >= ACCOUNT_DIGITS_MIN && !token.contains('.');
    let letters_first = plain.chars().take(2).all(|c| c.is_ascii_uppercase());
    let is_bank_account = letters_first && digits >= ACCOUNT_DIGITS_MIN;
    let is_opaque = plain.len() >= OPAQUE_CHARS_MIN && digits >= 4;
    is_number || is_bank_account || is_opaque
}

/// The form in which addresses are compared: what a scheme, case, grouping or a closing slash would
/// only make look different is left out. Nothing that says where something goes is.
pub fn normal(address: &str) -> String {
    let address = trimmed(address.trim());
    if is_account(&address.replace([' ', '-'], "")) && !is_fetched(address) {
        return address.replace([' ', '-', '(', ')'], "").to_uppercase();
    }
    let (rest, scheme) = match address.split_once("://") {
        Some((scheme, rest)) => (rest, scheme.to_lowercase()),
        None => (address, String::new()),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let path = if path == "/" { "" } else { path };
    // A page is the same over either of the two; anything else is another place.
    let scheme = match scheme.as_str() {
        "" | "http" | "https" => "",
        other => other,
    };
    let host = host.trim_end_matches('.').to_lowercase();
    format!("{scheme}:{host}{path}")
}
