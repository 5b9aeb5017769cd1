//! One spelling for each word: compatibility forms, accents, case and look-alikes are folded.

use unicode_normalization::UnicodeNormalization;

use super::characters::is_mark;

/// Letters that are drawn like a Latin one.
const LOOKALIKES: &[(&str, &str)] = &[
    ("аеорсухіјѕһԁԛԝѵгкмптвн", "aeopcyxijshdqwvrkmntbh"),
    ("АВСЕНІЈКМОРЅТХУԌҮ", "ABCEHIJKMOPSTXYGY"),
    ("αβγεηικνορτυχωϲ", "abyenikvoptuxwc"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
    ("օսոհցԁյզքаі", "ouhhgdjqfai"),
    ("ɑɡɩıʟʀɴʏᴀʙᴄᴅᴇɢʜᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢ", "agiilrnyabcdeghjkmoptuvwz"),
    ("ᎪᏴᏟᎠᎬᎻᏆᎫᏦᏞᎷᎾᏢᎡᏚᎢᏙᎳᏃ", "ABCDEHTJKLMOPRSTVWZ"),
];

pub(super) fn lookalike(c: char) -> Option<char> {
    if c.is_ascii() {
        return None;
    }
    LOOKALIKES.iter().find_map(|(from, to)| {
        let at = from.chars().position(|other| other == c)?;
        to.chars().nth(at)
    })
}

/// The spelling under which words are compared. Text and vocabulary go through the same fold, so it
/// does not matter that Russian or Greek words come out half Latin.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
        return out;
    }
    for c in text.nfkd() {
        match c {
            _ if c.is_ascii() => out.push(c.to_ascii_lowercase()),
            _ if is_mark(c) => {}
            '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' => out.push('\''),
            '“' | '”' | '„' | '«' | '»' | '″' => out.push('"'),
            'æ' | 'Æ' => out.push_str("ae"),
            'ø' | 'Ø' => out.push('o'),
            'ß' => out.push_str("ss"),
            'ł' | 'Ł' => out.push('l'),
            'đ' | 'Đ' => out.push('d'),
            _ => out.extend(lower_lookalike(c)),
        }
    }
    out
}

fn lower_lookalike(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase()
        .map(|lower| lookalike(lower).unwrap_or(lower))
}

/// Digits and signs read as the letters they stand for; `i` and `l` become one, as `1` is both.
pub(super) fn fold_leet(text: &str) -> String {
    text.chars().map(leet_letter).collect()
}

pub(super) fn leet_letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' | 'l' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '6' | '9' => 'g',
        '7' | '+' => 't',
        '8' => 'b',
        _ => c,
    }
}
