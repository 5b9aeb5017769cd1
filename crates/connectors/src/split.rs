//! Cutting a long text into messages that a platform takes.
//!
//! A cut never falls into a character, nor into what people see as one (an emoji with its skin
//! tone, a letter with its accent). It falls outside of blocks of code where it can; a block that is
//! longer than a whole message is cut between its lines and goes on as a block.

use crate::{Limits, Rich, Span, Style};
use unicode_segmentation::UnicodeSegmentation;

/// Cuts a text into pieces within the limits; an empty text has none.
pub fn split(rich: &Rich, limits: &Limits) -> Vec<Rich> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while from < rich.text.len() {
        let to = end_of_piece(rich, from, limits);
        let (first, last) = trimmed(rich, from, to);
        if first < last {
            pieces.push(cut(rich, first, last));
        }
        from = to;
    }
    pieces
}

/// Line breaks at a cut are not shown; inside of a block they are kept where they are lines.
fn trimmed(rich: &Rich, from: usize, to: usize) -> (usize, usize) {
    let text = &rich.text[from..to];
    if block_at(rich, from).is_some_and(|block| block.to >= to) {
        let tail = text.len() - text.strip_suffix('\n').unwrap_or(text).len();
        return if text.trim().is_empty() {
            (to, to)
        } else {
            (from, to - tail)
        };
    }
    let start = text.len() - text.trim_start_matches('\n').len();
    let end = text.trim_end().len();
    (from + start.min(end), from + end)
}

fn cut(rich: &Rich, from: usize, to: usize) -> Rich {
    let touching = rich
        .spans
        .iter()
        .filter(|span| span.from < to && span.to > from);
    let spans = touching.map(|span| Span {
        from: span.from.max(from) - from,
        to: span.to.min(to) - from,
        style: span.style.clone(),
    });
    Rich {
        text: rich.text[from..to].to_owned(),
        spans: spans.collect(),
    }
}

/// Where the piece that begins at `from` ends: at the best place within the limits.
fn end_of_piece(rich: &Rich, from: usize, limits: &Limits) -> usize {
    let furthest = furthest(rich, from, limits);
    if furthest == rich.text.len() {
        return furthest;
    }
    let window = &rich.text[from..furthest];
    let enough = window.len() / 4;
    let breaks = ["\n\n", "\n", ". ", " "];
    let outside = breaks.iter().find_map(|mark| {
        let ends = window
            .rmatch_indices(mark)
            .map(|(at, mark)| from + at + mark.len());
        ends.take_while(|end| end - from > enough)
            .find(|end| block_around(rich, *end).is_none())
    });
    if let Some(end) = outside {
        return end;
    }
    // Before a block that would not fit as a whole, however little stands there.
    if let Some(block) = block_around(rich, furthest)
        && block.from > from
        && !rich.text[from..block.from].trim().is_empty()
    {
        return block.from;
    }
    let line = window.rfind('\n').map(|at| from + at + 1);
    line.filter(|end| end - from > enough).unwrap_or(furthest)
}

/// As far as the limits allow, between two characters as people see them.
fn furthest(rich: &Rich, from: usize, limits: &Limits) -> usize {
    let mut length = 0;
    let mut end = from;
    for grapheme in rich.text[from..].graphemes(true) {
        let more = limits.measure.of(grapheme);
        if length + more > limits.text_max {
            break;
        }
        length += more;
        end += grapheme.len();
    }
    if end == from {
        // A single "character" longer than a message: nothing but a stack of accents is.
        end += inside(&rich.text[from..], limits);
    }
    // Where there are too many spans, the piece ends before the first that is one too many.
    let begun = rich.spans.iter().filter(|span| span.to > from);
    match begun.skip(limits.spans_max).map(|span| span.from).next() {
        Some(surplus) if surplus > from => end.min(surplus),
        _ => end,
    }
}

fn inside(text: &str, limits: &Limits) -> usize {
    let mut length = 0;
    let fits = |c: &char| {
        length += limits.measure.of(c.encode_utf8(&mut [0; 4]));
        length <= limits.text_max
    };
    let bytes: usize = text.chars().take_while(fits).map(char::len_utf8).sum();
    bytes.max(text.chars().next().map_or(0, char::len_utf8))
}

fn is_block(span: &&Span) -> bool {
    matches!(span.style, Style::Block { .. })
}

/// The block whose inside holds a place between two characters.
fn block_around(rich: &Rich, at: usize) -> Option<&Span> {
    rich.spans
        .iter()
        .filter(is_block)
        .find(|span| span.from < at && at < span.to)
}

/// The block that a piece which begins here begins in.
fn block_at(rich: &Rich, at: usize) -> Option<&Span> {
    rich.spans
        .iter()
        .filter(is_block)
        .find(|span| span.from <= at && at < span.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measure;
    use proptest::prelude::*;
    use std::time::Duration;

    fn limits(text_max: usize) -> Limits {
        Limits {
            text_max,
            measure: Measure::Utf16,
            spans_max: 100,
            fetch_bytes_max: 0,
            edit_pause: Duration::ZERO,
            edits: true,
            buttons: true,
            threads: true,
        }
    }

    fn texts(pieces: &[Rich]) -> Vec<&str> {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn a_short_text_is_one_piece_and_an_empty_one_none() {
        assert_eq!(texts(&split(&Rich::plain("short"), &limits(10))), ["short"]);
        assert!(split(&Rich::plain(" \n "), &limits(10)).is_empty());
    }

    #[test]
    fn a_cut_falls_between_paragraphs_lines_and_words_in_this_order() {
        let rich = Rich::plain("one two\n\nthree four\nfive six");
        assert_eq!(
            texts(&split(&rich, &limits(22))),
            ["one two", "three four\nfive six"]
        );
        assert_eq!(
            texts(&split(&Rich::plain("alpha beta gamma"), &limits(11))),
            ["alpha beta", "gamma"]
        );
    }

    #[test]
    fn an_emoji_is_never_cut() {
        let family = "👨‍👩‍👧‍👦";
        let text = format!("ab{family}{family}");
        let pieces = split(&Rich::plain(text), &limits(14));
        assert_eq!(texts(&pieces), [format!("ab{family}").as_str(), family]);
    }

    #[test]
    fn a_block_goes_to_the_next_piece_as_a_whole() {
        let rich = Rich::markdown("some words before it\n\n```sh\nls -l\npwd\n```");
        let pieces = split(&rich, &limits(26));
        assert_eq!(texts(&pieces), ["some words before it", "ls -l\npwd"]);
        assert_eq!(pieces[1].spans.len(), 1);
        assert!(pieces[0].spans.is_empty());
    }

    #[test]
    fn a_block_longer_than_a_message_goes_on_as_a_block() {
        let lines: String = (0..20).map(|line| format!("line {line}\n")).collect();
        let rich = Rich::markdown(&format!("```py\n{lines}```"));
        let pieces = split(&rich, &limits(40));
        assert!(pieces.len() > 3);
        for piece in &pieces {
            let [span] = piece.spans.as_slice() else {
                panic!("{piece:?}")
            };
            assert_eq!((span.from, span.to), (0, piece.text.len()));
            assert!(piece.text.starts_with("line ") && !piece.text.ends_with('\n'));
        }
        assert_eq!(texts(&pieces).join("\n"), lines.trim_end());
    }

    #[test]
    fn too_many_spans_make_another_piece() {
        let rich = Rich::markdown(&"**a** ".repeat(30));
        let few = Limits {
            spans_max: 8,
            ..limits(4096)
        };
        let pieces = split(&rich, &few);
        assert!(pieces.iter().all(|piece| piece.spans.len() <= 8));
        let bold: usize = pieces.iter().map(|piece| piece.spans.len()).sum();
        assert_eq!(bold, 30);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn nothing_is_lost_and_nothing_too_long(
            text in "([a-z]{1,9}|[äöü]{1,3}|👩🏽‍🚀|\\*\\*[a-z]{1,5}\\*\\*|`[a-z]{1,5}`| |\n|\n\n|\n```\n[a-z\n]{0,60}\n```\n){0,60}",
            max in 12usize..80,
        ) {
            let rich = Rich::markdown(&text);
            let limits = limits(max);
            let pieces = split(&rich, &limits);
            for piece in &pieces {
                prop_assert!(limits.measure.of(&piece.text) <= max);
                prop_assert!(!piece.is_blank());
                for span in &piece.spans {
                    prop_assert!(span.from < span.to && span.to <= piece.text.len());
                    prop_assert!(piece.text.is_char_boundary(span.from) && piece.text.is_char_boundary(span.to));
                }
            }
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            let joined: String = pieces.iter().map(|piece| squeezed(&piece.text)).collect();
            prop_assert_eq!(joined, squeezed(&rich.text));
        }
    }
}
