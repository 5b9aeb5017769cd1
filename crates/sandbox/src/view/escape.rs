//! How arbitrary bytes are shown and stored as text: one reversible form for
//! names, one readable form for lines of a file. Neither lets a terminal control
//! sequence or a character that reorders text through.

/// The reversible form: a backslash becomes `\\`, bytes that are not UTF-8 and
/// characters that a terminal would act on become `\xHH`, all else stays.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_name_character(&mut text, character);
        }
        chunk
            .invalid()
            .iter()
            .for_each(|byte| push_byte(&mut text, *byte));
    }
    text
}

fn push_name_character(text: &mut String, character: char) {
    if character == '\\' {
        text.push_str("\\\\");
    } else if acts_on_display(character) {
        let mut buffer = [0; 4];
        character
            .encode_utf8(&mut buffer)
            .bytes()
            .for_each(|byte| push_byte(text, byte));
    } else {
        text.push(character);
    }
}

fn push_byte(text: &mut String, byte: u8) {
    text.push_str(&format!("\\x{byte:02x}"));
}

/// The bytes that [`escape`] was given; `None` where the text is not in its form.
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [b'\\', tail @ ..]) => {
                bytes.push(b'\\');
                tail
            }
            (b'\\', [b'x', high, low, tail @ ..]) => {
                bytes.push(hex_value(*high)? << 4 | hex_value(*low)?);
                tail
            }
            (b'\\', _) => return None,
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    Some(bytes)
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// One line of a text file as a person may see it: tabs stay, everything that a
/// terminal would act on is spelled out.
pub fn escape_line(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for character in line.chars() {
        if character != '\t' && acts_on_display(character) {
            text.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

/// Control characters, and the invisible ones that hide or reorder text.
fn acts_on_display(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_string_comes_back_and_shows_nothing_a_terminal_acts_on() {
        let table: [(&[u8], &str); 6] = [
            (b"plain name.txt", "plain name.txt"),
            (b"two\nlines", "two\\x0alines"),
            (b"back\\slash", "back\\\\slash"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"\x1b[31mred", "\\x1b[31mred"),
            (
                "invoice\u{202e}fdp.exe".as_bytes(),
                "invoice\\xe2\\x80\\xaefdp.exe",
            ),
        ];
        for (bytes, shown) in table {
            assert_eq!(escape(bytes), shown);
            assert_eq!(unescape(shown).as_deref(), Some(bytes));
        }
        let every_byte: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&escape(&every_byte)), Some(every_byte));
        assert_eq!(unescape("\\q"), None);
    }
}
