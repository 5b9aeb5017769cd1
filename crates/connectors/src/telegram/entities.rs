//! Styled text in Telegram's words: entities, counted in UTF-16 units.

use crate::{Rich, Span, Style};
use frankenstein::types::{MessageEntity, MessageEntityType};

/// The entities of a text that is short enough for a message.
pub fn outgoing(rich: &Rich) -> Vec<MessageEntity> {
    rich.spans
        .iter()
        .filter_map(|span| entity(&rich.text, span))
        .collect()
}

fn units(text: &str) -> Option<u16> {
    u16::try_from(text.encode_utf16().count()).ok()
}

fn entity(text: &str, span: &Span) -> Option<MessageEntity> {
    let kind = match &span.style {
        Style::Bold => MessageEntityType::Bold,
        Style::Italic => MessageEntityType::Italic,
        Style::Strike => MessageEntityType::Strikethrough,
        Style::Code => MessageEntityType::Code,
        Style::Block { .. } => MessageEntityType::Pre,
        Style::Quote => MessageEntityType::Blockquote,
        Style::Link { .. } => MessageEntityType::TextLink,
    };
    // Telegram refuses entities that begin or end in white space; blocks of code may.
    let words = &text[span.from..span.to];
    let (from, to) = match span.style {
        Style::Block { .. } => (span.from, span.to),
        _ => {
            let from = span.from + words.len() - words.trim_start().len();
            (from, (span.from + words.trim_end().len()).max(from))
        }
    };
    if from == to {
        return None;
    }
    let mut entity = MessageEntity::builder()
        .type_field(kind)
        .offset(units(&text[..from])?)
        .length(units(&text[from..to])?)
        .build();
    match &span.style {
        Style::Block { language } if !language.is_empty() => {
            entity.language = Some(language.clone());
        }
        Style::Link { url } => entity.url = Some(url.clone()),
        _ => {}
    }
    Some(entity)
}

/// The part of a text that an entity names.
pub fn named<'a>(text: &'a str, entity: &MessageEntity) -> Option<&'a str> {
    let from = byte_of(text, entity.offset.into())?;
    let to = byte_of(
        text,
        usize::from(entity.offset) + usize::from(entity.length),
    )?;
    text.get(from..to)
}

fn byte_of(text: &str, unit: usize) -> Option<usize> {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= unit {
            return (units == unit).then_some(at);
        }
        units += c.len_utf16();
    }
    (units == unit).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_counted_in_utf16_units() {
        let rich = Rich::markdown("👩🏽‍🚀 **bold 👍** `x`\n\n```rust\nlet a;\n```");
        let entities = outgoing(&rich);
        let shown: Vec<_> = entities
            .iter()
            .map(|entity| (entity.type_field, named(&rich.text, entity).unwrap()))
            .collect();
        assert_eq!(
            shown,
            [
                (MessageEntityType::Bold, "bold 👍"),
                (MessageEntityType::Code, "x"),
                (MessageEntityType::Pre, "let a;"),
            ]
        );
        assert_eq!(entities[0].offset, 8);
        assert_eq!(entities[2].language.as_deref(), Some("rust"));
    }
}
