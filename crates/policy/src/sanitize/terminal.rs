//! Terminal escape sequences: what a terminal would obey, a model shall not read.

/// An operating-system command longer than this is not one; only its introducer is removed.
const STRING_CHARACTERS_MAX: usize = 512;

/// The length in bytes of the escape sequence that `text` begins with, or `None`.
pub(super) fn sequence_bytes(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    let (introducer, body_at) = match chars.next()?.1 {
        '\u{1b}' => {
            let (at, second) = chars.next()?;
            match second {
                '[' | ']' | 'P' | 'X' | '^' | '_' => (second, at + 1),
                '(' | ')' | '*' | '+' | '#' | '%' => {
                    return chars
                        .next()
                        .filter(|(_, c)| c.is_ascii_alphanumeric())
                        .map(|(at, c)| at + c.len_utf8());
                }
                '7' | '8' | '=' | '>' | 'c' | 'D' | 'E' | 'H' | 'M' | 'N' | 'O' | 'Z' | '\\' => {
                    return Some(at + 1);
                }
                _ => return None,
            }
        }
        '\u{9b}' => ('[', 2),
        '\u{9d}' => (']', 2),
        '\u{90}' => ('P', 2),
        _ => return None,
    };
    let body = text.get(body_at..)?;
    let length = if introducer == '[' {
        control_bytes(body)
    } else {
        string_bytes(body)
    };
    Some(body_at + length)
}

/// Parameters and intermediates, then one final byte.
fn control_bytes(body: &str) -> usize {
    let parameters = body
        .bytes()
        .take(64)
        .take_while(|byte| matches!(byte, 0x20..=0x3f))
        .count();
    match body.as_bytes().get(parameters) {
        Some(0x40..=0x7e) if parameters > 0 || body.starts_with(is_bare_final) => parameters + 1,
        _ => 0,
    }
}

/// Finals that mean something without a parameter: cursor moves, erase, colour reset. Any other
/// letter after a bare introducer is taken for the person's own word.
fn is_bare_final(c: char) -> bool {
    matches!(c, 'A'..='H' | 'J' | 'K' | 'm' | 's' | 'u')
}

/// Up to BEL or the string terminator; nothing if neither comes soon.
fn string_bytes(body: &str) -> usize {
    let mut previous = ' ';
    for (at, c) in body.char_indices().take(STRING_CHARACTERS_MAX) {
        match c {
            '\u{7}' | '\u{9c}' => return at + c.len_utf8(),
            '\\' if previous == '\u{1b}' => return at + 1,
            '\n' => return 0,
            '\u{1b}' => {}
            _ if previous == '\u{1b}' => return 0,
            _ => {}
        }
        previous = c;
    }
    0
}
