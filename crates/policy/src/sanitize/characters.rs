//! What a single character is: invisible, a mark, an emoji, of which script.

use unicode_normalization::char::is_combining_mark;

/// Why a character may have to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    ZeroWidth,
    Joiner,
    DirectionMark,
    Bidi,
    Tag,
    Selector,
    Control,
    Noncharacter,
}

pub(super) fn unseen(c: char) -> Option<Unseen> {
    Some(match c {
        '\u{200c}' | '\u{200d}' => Unseen::Joiner,
        '\u{200e}' | '\u{200f}' | '\u{61c}' => Unseen::DirectionMark,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Unseen::Bidi,
        '\u{e0000}'..='\u{e007f}' => Unseen::Tag,
        '\u{fe00}'..='\u{fe0f}'
        | '\u{e0100}'..='\u{e01ef}'
        | '\u{180b}'..='\u{180d}'
        | '\u{180f}' => Unseen::Selector,
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0080}'..='\u{e00ff}'
        | '\u{e01f0}'..='\u{e0fff}' => Unseen::ZeroWidth,
        '\n' | '\t' => return None,
        '\u{fdd0}'..='\u{fdef}' => Unseen::Noncharacter,
        _ if (c as u32) & 0xfffe == 0xfffe => Unseen::Noncharacter,
        _ if c.is_control() => Unseen::Control,
        _ => return None,
    })
}

pub(super) fn is_mark(c: char) -> bool {
    is_combining_mark(c)
}

/// Wide on purpose: pictographs, symbols, keycaps and flags that may stand in an emoji sequence.
pub(super) fn is_emoji_part(c: char) -> bool {
    matches!(c as u32,
        0x1f000..=0x1faff | 0x2190..=0x2bff | 0x3030 | 0x303d | 0x3297 | 0x3299 | 0xa9 | 0xae
        | 0x203c | 0x2049 | 0x20e3 | 0x2122 | 0x2139 | 0x23 | 0x2a | 0x30..=0x39)
}

pub(super) fn is_pictograph(c: char) -> bool {
    matches!(c as u32, 0x1f000..=0x1faff | 0x2600..=0x27bf | 0x2b00..=0x2bff | 0x2190..=0x23ff)
}

pub(super) fn is_ideograph(c: char) -> bool {
    matches!(c as u32, 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Scripts written without spaces between words.
pub(super) fn is_unspaced(c: char) -> bool {
    is_ideograph(c)
        || matches!(c as u32, 0x3041..=0x30ff | 0xe01..=0xe5b | 0x1000..=0x109f | 0x1780..=0x17ff)
}

/// Scripts in which joiners change how ordinary words look.
pub(super) fn uses_joiners(c: char) -> bool {
    matches!(c as u32, 0x600..=0x8ff | 0x900..=0xdff | 0xf00..=0x109f | 0x1780..=0x18af
        | 0xfb50..=0xfdff | 0xfe70..=0xfeff)
}

pub(super) fn is_right_to_left(c: char) -> bool {
    matches!(c as u32, 0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfefe | 0x10800..=0x10fff | 0x1e800..=0x1efff)
}

/// A coarse script, enough to see that one word is written in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Script {
    Latin,
    Greek,
    Cyrillic,
    Other(u32),
}

pub(super) fn script(c: char) -> Option<Script> {
    if !c.is_alphabetic() || is_mark(c) {
        return None;
    }
    let code = c as u32;
    Some(match code {
        0x41..=0x24f | 0x1e00..=0x1eff | 0x2c60..=0x2c7f | 0xa720..=0xa7ff => Script::Latin,
        0x370..=0x3e1 | 0x1f00..=0x1fff => Script::Greek,
        0x400..=0x52f | 0x1c80..=0x1c8f | 0x2de0..=0x2dff | 0xa640..=0xa69f => Script::Cyrillic,
        0x250..=0x2ff | 0x2100..=0x214f => return None,
        // Han, kana and hangul are mixed in ordinary Japanese and Korean.
        0x1100..=0x11ff
        | 0x2e80..=0x9fff
        | 0xac00..=0xd7ff
        | 0xf900..=0xfaff
        | 0xff00..=0xffef
        | 0x20000..=0x3ffff => Script::Other(0),
        _ => Script::Other(code >> 7),
    })
}
