//! Untrusted text is handed to a model between two marks that it cannot forge.

/// Longest name of a source inside the mark, in characters.
const SOURCE_CHARACTERS_MAX: usize = 120;

/// Delimits cleaned text as data. The nonce is fresh for each request and unknown to whoever wrote
/// the text; should the text contain it, or anything that looks like the mark, that is broken up.
pub fn quote_untrusted(clean: &str, source: &str, nonce: &str) -> String {
    let nonce: String = nonce.chars().filter(char::is_ascii_alphanumeric).collect();
    let body = disarm(clean, &nonce);
    let source = disarm(&plain_name(source), &nonce);
    format!("<untrusted-{nonce} source=\"{source}\">\n{body}\n</untrusted-{nonce}>")
}

/// The text between the marks, where all of it stands between them; else the text as it is.
pub fn unquoted(text: &str) -> &str {
    let inside = || {
        let (head, rest) = text.trim_end().split_once('\n')?;
        let nonce = head.strip_prefix("<untrusted-")?.split_once(' ')?.0;
        rest.strip_suffix(&format!("\n</untrusted-{nonce}>"))
    };
    inside().unwrap_or(text)
}

fn disarm(text: &str, nonce: &str) -> String {
    let text = break_marks(text);
    match nonce.is_empty() {
        true => text,
        false => text.replace(nonce, "[nonce]"),
    }
}

/// `<untrusted` and `</untrusted` in any case lose their angle bracket.
fn break_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        out.push(if opens_mark(tail) { '‹' } else { '<' });
        rest = tail.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn opens_mark(tail: &str) -> bool {
    let name = tail.trim_start_matches(|c: char| c == '<' || c == '/' || c.is_whitespace());
    name.get(.."untrusted".len())
        .is_some_and(|word| word.eq_ignore_ascii_case("untrusted"))
}

fn plain_name(source: &str) -> String {
    source
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '"' | '<' | '>') {
                ' '
            } else {
                c
            }
        })
        .take(SOURCE_CHARACTERS_MAX)
        .collect()
}
