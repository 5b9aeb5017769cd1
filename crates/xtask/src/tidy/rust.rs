//! Takes a Rust file apart into code, texts and comments, so that a rule about one of them is not
//! fooled by the others. Knows just enough of the grammar for that.

/// A Rust file in its three kinds of content.
pub struct Source {
    /// The file with everything but code blanked out; lines keep their numbers.
    pub code: String,
    /// The same without modules and items under `#[cfg(test)]`.
    pub product: String,
    /// String literals with the line on which each begins.
    pub texts: Vec<(usize, String)>,
    /// Comments with the line on which each begins.
    pub comments: Vec<(usize, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Text,
    Comment,
}

impl Source {
    pub fn read(file: &str) -> Self {
        let mut source = Self {
            code: String::new(),
            product: String::new(),
            texts: vec![],
            comments: vec![],
        };
        let mut rest = file;
        let mut line = 1;
        let mut before = ' ';
        while !rest.is_empty() {
            let (kind, length) = next_piece(rest, before);
            let (piece, after) = rest.split_at(length);
            match kind {
                Kind::Code => source.code.push_str(piece),
                Kind::Text => source.texts.push((line, piece.to_owned())),
                Kind::Comment => source.comments.push((line, piece.to_owned())),
            }
            if kind != Kind::Code {
                source.code.push_str(&blank(piece));
            }
            line += piece.matches('\n').count();
            before = piece.chars().next_back().unwrap_or(' ');
            rest = after;
        }
        source.product = without_tests(&source.code);
        source
    }

    /// Texts of the product's own code: those that stand on a line that tests do not own.
    pub fn product_texts(&self) -> impl Iterator<Item = &(usize, String)> {
        let tests: Vec<bool> = self
            .code
            .lines()
            .zip(self.product.lines())
            .map(|(all, kept)| all != kept)
            .collect();
        self.texts
            .iter()
            .filter(move |(line, _)| !tests.get(line - 1).copied().unwrap_or(false))
    }
}

/// The kind and the length in bytes of what stands first in `rest`.
fn next_piece(rest: &str, before: char) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let is_in_word = before.is_alphanumeric() || before == '_';
    match bytes[0] {
        b'/' if rest.starts_with("//") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        b'/' if rest.starts_with("/*") => (Kind::Comment, block_comment(bytes)),
        b'"' => (Kind::Text, quoted(bytes, b'"')),
        b'\'' => character(rest).map_or((Kind::Code, 1), |length| (Kind::Text, length)),
        b'r' if !is_in_word || before == 'b' || before == 'c' => {
            raw_text(rest).map_or((Kind::Code, 1), |length| (Kind::Text, length))
        }
        _ => (Kind::Code, rest.chars().next().map_or(1, char::len_utf8)),
    }
}

fn block_comment(bytes: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length up to and with the closing quote.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Length of a character literal; none if the quote begins a lifetime.
fn character(rest: &str) -> Option<usize> {
    let first = rest[1..].chars().next()?;
    if first == '\\' {
        return Some(quoted(rest.as_bytes(), b'\''));
    }
    let length = 1 + first.len_utf8();
    rest[length..].starts_with('\'').then_some(length + 1)
}

/// Length of `r"…"` or `r#"…"#`; none if the `r` begins a word.
fn raw_text(rest: &str) -> Option<usize> {
    let after = &rest[1..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let length = body
        .find(&close)
        .map_or(body.len(), |end| end + close.len());
    Some(1 + hashes + 1 + length)
}

/// As many bytes and lines as before, and nothing to read.
fn blank(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect()
}

/// Blanks every item that stands under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        let (item, after) = item.split_at(item_length(item));
        kept.push_str(before);
        kept.push_str(&blank(item));
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Up to the semicolon or the closing brace that ends the item.
fn item_length(item: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in item.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => continue,
        }
        if depth == 0 && byte == b'}' {
            return at + 1;
        }
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_texts_and_comments_are_told_apart() {
        let source = Source::read(
            "fn a<'x>(c: char) { // \"no text\"\n  let t = \"// no comment\"; c == '\"'\n}\n\
             /* a /* b */ c */ let r = r#\"raw \"quoted\" {\"#; let br = b\"x\\\"y\";\n\
             #[cfg(test)]\nmod tests { fn hidden() { \"in a test\"; } }\nfn seen() {}\n",
        );
        let texts: Vec<&str> = source.texts.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "\"// no comment\"",
                "'\"'",
                "r#\"raw \"quoted\" {\"#",
                "\"x\\\"y\"",
                "\"in a test\""
            ]
        );
        assert_eq!(source.comments[0], (1, "// \"no text\"".to_owned()));
        assert_eq!(source.comments[1], (4, "/* a /* b */ c */".to_owned()));
        assert!(source.code.contains("hidden") && !source.product.contains("hidden"));
        assert!(source.product.contains("seen"));
        assert_eq!(source.product_texts().count(), 4);
    }
}
