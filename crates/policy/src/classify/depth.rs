//! How deeply a text nests, told by one pass before the grammar sees it. The grammar recurses, and
//! a stack that overflows ends the process; no `catch` helps against that.

use super::limits;

/// Is the text shallow enough? Quotes are not looked at: the count may only be too high.
pub fn is_shallow(text: &str) -> bool {
    brackets_are_shallow(text.as_bytes()) && keywords_are_shallow(text)
}

fn brackets_are_shallow(text: &[u8]) -> bool {
    let (mut round, mut double, mut other) = (0_usize, 0_usize, 0_usize);
    let mut before = 0;
    for byte in text {
        match byte {
            0 => return false,
            b'(' => {
                round += 1;
                double += usize::from(before == b'(');
            }
            b')' => {
                round = round.saturating_sub(1);
                double = double.saturating_sub(usize::from(before == b')'));
            }
            b'{' | b'[' => other += 1,
            b'}' | b']' => other = other.saturating_sub(1),
            _ => {}
        }
        if round > limits::ROUND_NESTING_MAX
            || double > limits::DOUBLE_ROUND_NESTING_MAX
            || other > limits::NESTING_MAX
        {
            return false;
        }
        before = *byte;
    }
    true
}

/// Counts words that open a command inside a command, where a command can begin.
fn keywords_are_shallow(text: &str) -> bool {
    let (mut depth, mut prefixes) = (0_usize, 0_usize);
    let mut begins = true;
    for word in words(text) {
        let opens = matches!(word, "if" | "while" | "until" | "for" | "case" | "select");
        match word {
            "fi" | "done" | "esac" => depth = depth.saturating_sub(1),
            "!" | "time" | "coproc" | "function" => prefixes += 1,
            _ if opens && begins => depth += 1,
            _ => {}
        }
        if !matches!(word, "!" | "time" | "coproc" | "function") {
            prefixes = 0;
        }
        if depth > limits::KEYWORD_NESTING_MAX || prefixes > limits::PREFIXES_MAX {
            return false;
        }
        begins = matches!(
            word,
            "" | "then" | "do" | "else" | "elif" | "!" | "time" | "coproc"
        ) || opens
            || word.ends_with([')', '{']);
    }
    true
}

/// The words of a text; a separator of commands counts as an empty word.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([';', '&', '|', '(', '\n', '`'])
        .flat_map(|part| {
            let bare = part.trim_end_matches([';', '&', '|', '(', '\n', '`']);
            let separator = (bare.len() < part.len()).then_some("");
            bare.split_ascii_whitespace().chain(separator)
        })
}
