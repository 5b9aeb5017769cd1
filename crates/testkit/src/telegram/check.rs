//! What Telegram refuses, in its own words.

use super::params::Params;
use super::state::State;
use serde_json::{Value, json};

/// A refusal: status, words, parameters.
pub struct Refusal(pub u16, pub String, pub Value);

pub fn bad(words: &str) -> Refusal {
    Refusal(400, format!("Bad Request: {words}"), Value::Null)
}

/// The chat that a call names, if the bot may speak there.
pub fn chat(state: &State, token: &str, params: &Params) -> Result<i64, Refusal> {
    let id = params
        .number("chat_id")
        .ok_or_else(|| bad("chat_id is empty"))?;
    let chat = state.chats.get(&id).ok_or_else(|| bad("chat not found"))?;
    if let Some(to) = chat.moved_to {
        let words = "Bad Request: group chat was upgraded to a supergroup chat".to_owned();
        return Err(Refusal(400, words, json!({"migrate_to_chat_id": to})));
    }
    let is_shut_out = state
        .bots
        .get(token)
        .is_some_and(|bot| bot.shut_out.contains(&id));
    match (is_shut_out, chat.kind) {
        (false, _) => Ok(id),
        (true, "private") => Err(Refusal(
            403,
            "Forbidden: bot was blocked by the user".to_owned(),
            Value::Null,
        )),
        (true, kind) => Err(Refusal(
            403,
            format!("Forbidden: bot was kicked from the {kind} chat"),
            Value::Null,
        )),
    }
}

/// The words of a message and what is set apart in them.
pub fn text(params: &Params) -> Result<(String, Value), Refusal> {
    let text = params.text("text").unwrap_or_default();
    let (text, entities) = match params.text("parse_mode").as_deref() {
        None | Some("") => (text, params.json("entities")),
        Some("HTML") => (html(&text)?, Value::Null),
        Some(_) => return Err(bad("unsupported parse_mode")),
    };
    if text.trim().is_empty() {
        return Err(bad("message text is empty"));
    }
    if text.encode_utf16().count() > 4096 {
        return Err(bad("message is too long"));
    }
    for entity in entities.as_array().into_iter().flatten() {
        self::entity(&text, entity)?;
    }
    Ok((text, entities))
}

fn entity(text: &str, entity: &Value) -> Result<(), Refusal> {
    const KINDS: &[&str] = &[
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
        "pre",
        "text_link",
        "text_mention",
        "custom_emoji",
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
    ];
    let kind = entity["type"].as_str().unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(bad(
            "can't parse MessageEntity: unknown entity type specified",
        ));
    }
    let (Some(offset), Some(length)) = (entity["offset"].as_u64(), entity["length"].as_u64())
    else {
        return Err(bad(
            "can't parse MessageEntity: offset and length must be numbers",
        ));
    };
    let units: Vec<u16> = text.encode_utf16().collect();
    let (from, to) = (offset as usize, (offset + length) as usize);
    if length == 0 || to > units.len() {
        return Err(bad(&format!(
            "entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {to}"
        )));
    }
    let cuts = |at: usize| at < units.len() && (0xDC00..0xE000).contains(&units[at]);
    if cuts(from) || cuts(to) {
        return Err(bad(&format!(
            "entity begins in a middle of a UTF-16 symbol at UTF-16 offset {offset}"
        )));
    }
    if kind == "text_link" && entity["url"].as_str().is_none_or(str::is_empty) {
        return Err(bad("can't parse MessageEntity: url is empty"));
    }
    Ok(())
}

/// HTML without its tags, refused where a tag is not Telegram's or not closed.
fn html(text: &str) -> Result<String, Refusal> {
    const TAGS: &[&str] = &[
        "b",
        "strong",
        "i",
        "em",
        "u",
        "ins",
        "s",
        "strike",
        "del",
        "code",
        "pre",
        "a",
        "blockquote",
        "tg-spoiler",
        "span",
    ];
    let mut open: Vec<String> = Vec::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let end = rest[at..]
            .find('>')
            .ok_or_else(|| bad("can't parse entities: Unclosed start tag"))?;
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(bad(&format!(
                    "can't parse entities: Unexpected end tag \"{name}\""
                )));
            }
            continue;
        }
        let name = tag.split_whitespace().next().unwrap_or_default();
        if !TAGS.contains(&name) {
            return Err(bad(&format!(
                "can't parse entities: Unsupported start tag \"{name}\""
            )));
        }
        open.push(name.to_owned());
    }
    out.push_str(rest);
    if let Some(name) = open.pop() {
        return Err(bad(&format!(
            "can't parse entities: Can't find end tag corresponding to start tag \"{name}\""
        )));
    }
    let plain = out.replace("&lt;", "<").replace("&gt;", ">");
    Ok(plain.replace("&quot;", "\"").replace("&amp;", "&"))
}

/// The buttons below a message.
pub fn keyboard(params: &Params) -> Result<Value, Refusal> {
    let markup = params.json("reply_markup");
    let rows = markup["inline_keyboard"].as_array().cloned();
    let buttons = rows.iter().flatten().filter_map(Value::as_array).flatten();
    for button in buttons {
        if button["text"].as_str().is_none_or(str::is_empty) {
            return Err(bad("can't parse inline keyboard button: Text is empty"));
        }
        let data = button["callback_data"].as_str();
        if data.is_some_and(|data| data.is_empty() || data.len() > 64) {
            return Err(bad("BUTTON_DATA_INVALID"));
        }
        if data.is_none() && button["url"].as_str().is_none() {
            return Err(bad(
                "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
            ));
        }
    }
    Ok(markup)
}

/// The message that another one answers.
pub fn reply(params: &Params) -> Result<Option<i64>, Refusal> {
    let reply = params.json("reply_parameters");
    let asked = reply["message_id"].as_i64();
    let Some(id) = asked.or_else(|| params.number("reply_to_message_id")) else {
        return Ok(None);
    };
    if id <= 0 && reply["allow_sending_without_reply"] != json!(true) {
        return Err(bad("message to be replied not found"));
    }
    Ok(Some(id))
}
