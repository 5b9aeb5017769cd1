//! Text from models, tasks and files, made safe to show: nothing in it may move the cursor, colour
//! the screen, retitle the window or turn the reading direction around.

use std::borrow::Cow;
use std::fmt::Write;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with everything that a terminal would obey written out, such as `\u{1b}`.
///
/// Line ends and tabs stay; a carriage return before a line end is dropped.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_obeyed(c) && c != '\n' && c != '\t') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            _ if is_obeyed(character) => {
                let _ = write!(shown, "{}", character.escape_unicode());
            }
            _ => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and the invisible ones that reorder or hide what is read.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{061c}' | '\u{feff}' | '\u{00ad}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// One line of at most so many columns, visible, with a mark where it was cut.
pub fn clipped(text: &str, columns: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = visible(line).replace('\t', " ");
    if line.width() <= columns {
        return line;
    }
    let mut kept = String::new();
    let mut width = 0;
    for character in line.chars() {
        width += character.width().unwrap_or(0);
        if width >= columns {
            break;
        }
        kept.push(character);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("plain\ttext\r\nnext"), "plain\ttext\nnext");
        assert_eq!(visible("\u{1b}[2Jgone"), "\\u{1b}[2Jgone");
        assert_eq!(visible("rm a\rls b"), "rm a\\u{d}ls b");
        assert_eq!(visible("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
        assert_eq!(visible("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn a_long_line_is_cut_where_it_shows() {
        assert_eq!(clipped("short\nmore", 10), "short");
        assert_eq!(clipped("0123456789abc", 10), "012345678…");
        assert_eq!(clipped("日本語日本語", 6), "日本…");
    }
}
