//! Telegram's updates as arrivals.

use super::entities;
use crate::{Arrival, Attachment, Myself, Place, PlaceKind, Sender, What};
use frankenstein::types::{
    CallbackQuery, Chat, ChatMember, ChatMemberUpdated, ChatType, MaybeInaccessibleMessage,
    Message, MessageEntity, MessageEntityType, User,
};
use frankenstein::updates::{Update, UpdateContent};
use serde_json::Value;

/// Reads one update. None where there is nobody to answer and nothing to do.
pub fn arrival(connector: &str, me: &Myself, raw: Value) -> Option<Arrival> {
    let external_id = raw["update_id"].as_i64()?.to_string();
    let door = Door { connector, me };
    match serde_json::from_value::<Update>(raw.clone()) {
        Ok(update) => door.known(external_id, update.content),
        Err(_) => Some(door.unknown(external_id, &raw)),
    }
}

struct Door<'a> {
    connector: &'a str,
    me: &'a Myself,
}

impl Door<'_> {
    fn known(&self, external_id: String, content: UpdateContent) -> Option<Arrival> {
        match content {
            UpdateContent::Message(message) => self.message(external_id, &message, false),
            UpdateContent::EditedMessage(message) => self.message(external_id, &message, true),
            UpdateContent::CallbackQuery(query) => Some(self.press(external_id, *query)),
            UpdateContent::MyChatMember(change) => self.member(external_id, &change),
            // Channels, payments, polls and whatever else we never asked for.
            other => {
                let raw = serde_json::to_value(other).unwrap_or_default();
                Some(self.unknown(external_id, &raw))
            }
        }
    }

    fn message(&self, external_id: String, message: &Message, is_edited: bool) -> Option<Arrival> {
        let sender = message.from.as_deref().map(sender);
        // What we said ourselves, and what was said through another bot's mouth, is nobody's word.
        if sender
            .as_ref()
            .is_some_and(|sender| sender.id == self.me.id)
        {
            return None;
        }
        let what = match message.migrate_to_chat_id {
            Some(to) => What::Moved { to: to.to_string() },
            None if is_service(message) => return None,
            None => self.said(message, is_edited),
        };
        Some(Arrival {
            external_id,
            place: self.place(&message.chat, thread(message)),
            kind: kind(&message.chat),
            // Whoever speaks as a channel or as the group itself hides who he is.
            sender: sender.filter(|_| message.sender_chat.is_none()),
            what,
        })
    }

    fn said(&self, message: &Message, is_edited: bool) -> What {
        let text = message.text.as_ref().or(message.caption.as_ref());
        let text = text.cloned().unwrap_or_default();
        let entities = message
            .entities
            .as_ref()
            .or(message.caption_entities.as_ref());
        let entities = entities.map(Vec::as_slice).unwrap_or_default();
        let attachments = attachments(message);
        if text.is_empty() && attachments.is_empty() {
            let kind = "a message without words or files".to_owned();
            return What::Unreadable { kind };
        }
        let is_alone = kind(&message.chat) == PlaceKind::Private;
        let replied = message.reply_to_message.as_ref();
        let is_reply = replied
            .and_then(|it| it.from.as_ref())
            .is_some_and(|from| from.id.to_string() == self.me.id);
        let (text, addressed) = self.addressed(&text, entities);
        What::Said {
            text,
            attachments,
            message: message.message_id.to_string(),
            is_to_us: addressed.unwrap_or(is_alone || is_reply),
            is_forwarded: message.forward_origin.is_some() || message.via_bot.is_some(),
            is_edited,
        }
    }

    /// The words without our name, and whether they name us or somebody else.
    fn addressed(&self, text: &str, entities: &[MessageEntity]) -> (String, Option<bool>) {
        let ours = format!("@{}", self.me.name.to_lowercase());
        if let Some(rest) = text.strip_prefix('/') {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            return match rest[..end].split_once('@') {
                Some((command, bot)) => {
                    let is_ours = format!("@{}", bot.to_lowercase()) == ours;
                    (format!("/{command}{}", &rest[end..]), Some(is_ours))
                }
                None => (text.to_owned(), Some(true)),
            };
        }
        let mentions = entities
            .iter()
            .filter(|entity| entity.type_field == MessageEntityType::Mention)
            .filter_map(|entity| entities::named(text, entity));
        let mention = mentions
            .into_iter()
            .find(|name| name.to_lowercase() == ours);
        match mention {
            Some(name) => (text.replacen(name, "", 1).trim().to_owned(), Some(true)),
            None => (text.to_owned(), None),
        }
    }

    fn press(&self, external_id: String, query: CallbackQuery) -> Arrival {
        let (place, kind) = match &query.message {
            Some(MaybeInaccessibleMessage::Message(message)) => (
                self.place(&message.chat, thread(message)),
                kind(&message.chat),
            ),
            Some(MaybeInaccessibleMessage::InaccessibleMessage(message)) => {
                (self.place(&message.chat, None), kind(&message.chat))
            }
            None => (self.private(query.from.id), PlaceKind::Private),
        };
        let what = What::Pressed {
            press: query.id,
            data: query.data.unwrap_or_default(),
        };
        Arrival {
            external_id,
            place,
            kind,
            sender: Some(sender(&query.from)),
            what,
        }
    }

    fn member(&self, external_id: String, change: &ChatMemberUpdated) -> Option<Arrival> {
        let is_out =
            |member: &ChatMember| matches!(member, ChatMember::Left(_) | ChatMember::Kicked(_));
        let what = match (
            is_out(&change.old_chat_member),
            is_out(&change.new_chat_member),
        ) {
            (false, true) => What::ShutOut,
            (true, false) => What::LetIn,
            _ => return None,
        };
        Some(Arrival {
            external_id,
            place: self.place(&change.chat, None),
            kind: kind(&change.chat),
            sender: Some(sender(&change.from)),
            what,
        })
    }

    /// An update that this version does not understand: who sent it, and where, is looked for so
    /// that it can be answered.
    fn unknown(&self, external_id: String, raw: &Value) -> Arrival {
        let content = raw
            .as_object()
            .and_then(|fields| fields.iter().find(|(name, _)| *name != "update_id"));
        let (name, content) = content
            .map(|(name, value)| (name.clone(), value))
            .unwrap_or_else(|| ("nothing".to_owned(), raw));
        let message = content.get("message").unwrap_or(content);
        let chat: Option<Chat> = serde_json::from_value(message["chat"].clone()).ok();
        let from: Option<User> = serde_json::from_value(content["from"].clone()).ok();
        let place = match (&chat, &from) {
            (Some(chat), _) => self.place(chat, None),
            (None, Some(from)) => self.private(from.id),
            (None, None) => self.nowhere(),
        };
        let name: String = name.chars().take(40).collect();
        Arrival {
            external_id,
            place,
            kind: chat.as_ref().map_or(PlaceKind::Channel, kind),
            sender: from.as_ref().map(sender),
            what: What::Unreadable { kind: name },
        }
    }

    fn place(&self, chat: &Chat, thread: Option<i32>) -> Place {
        Place {
            connector: self.connector.to_owned(),
            chat: chat.id.to_string(),
            thread: thread.map(|thread| thread.to_string()),
        }
    }

    fn private(&self, user: u64) -> Place {
        Place {
            connector: self.connector.to_owned(),
            chat: user.to_string(),
            thread: None,
        }
    }

    fn nowhere(&self) -> Place {
        Place {
            connector: self.connector.to_owned(),
            chat: "0".to_owned(),
            thread: None,
        }
    }
}

fn kind(chat: &Chat) -> PlaceKind {
    match chat.type_field {
        ChatType::Private => PlaceKind::Private,
        ChatType::Group | ChatType::Supergroup => PlaceKind::Group,
        ChatType::Channel => PlaceKind::Channel,
    }
}

/// The topic. A reply in a group without topics has a thread, too, which is none of ours.
fn thread(message: &Message) -> Option<i32> {
    message
        .message_thread_id
        .filter(|_| message.is_topic_message == Some(true))
}

fn sender(user: &User) -> Sender {
    let last = user.last_name.as_deref().unwrap_or_default();
    let name = format!("{} {last}", user.first_name);
    Sender {
        id: user.id.to_string(),
        name: name.trim().chars().take(100).collect(),
        is_bot: user.is_bot,
    }
}

/// What Telegram says itself: somebody joined, a topic was made, a message was pinned.
fn is_service(message: &Message) -> bool {
    message.migrate_from_chat_id.is_some()
        || message.new_chat_members.is_some()
        || message.left_chat_member.is_some()
        || message.new_chat_title.is_some()
        || message.new_chat_photo.is_some()
        || message.delete_chat_photo.is_some()
        || message.group_chat_created.is_some()
        || message.supergroup_chat_created.is_some()
        || message.message_auto_delete_timer_changed.is_some()
        || message.pinned_message.is_some()
        || message.forum_topic_created.is_some()
        || message.forum_topic_edited.is_some()
        || message.forum_topic_closed.is_some()
        || message.forum_topic_reopened.is_some()
        || message.general_forum_topic_hidden.is_some()
        || message.general_forum_topic_unhidden.is_some()
}

fn attachments(message: &Message) -> Vec<Attachment> {
    let mut found = Vec::new();
    if let Some(document) = &message.document {
        let kind = document.mime_type.as_deref();
        let name = document.file_name.as_deref().unwrap_or("document");
        found.push(attachment(
            &document.file_id,
            name,
            kind.unwrap_or("application/octet-stream"),
            document.file_size,
        ));
    }
    if let Some(best) = message
        .photo
        .iter()
        .flatten()
        .max_by_key(|size| u64::from(size.width) * u64::from(size.height))
    {
        let bytes = best.file_size;
        found.push(attachment(&best.file_id, "photo.jpg", "image/jpeg", bytes));
    }
    if let Some(voice) = &message.voice {
        let kind = voice.mime_type.as_deref().unwrap_or("audio/ogg");
        found.push(attachment(
            &voice.file_id,
            "voice.ogg",
            kind,
            voice.file_size,
        ));
    }
    if let Some(audio) = &message.audio {
        let kind = audio.mime_type.as_deref().unwrap_or("audio/mpeg");
        let name = audio.file_name.as_deref().unwrap_or("audio.mp3");
        found.push(attachment(&audio.file_id, name, kind, audio.file_size));
    }
    if let Some(video) = &message.video {
        let kind = video.mime_type.as_deref().unwrap_or("video/mp4");
        let name = video.file_name.as_deref().unwrap_or("video.mp4");
        found.push(attachment(&video.file_id, name, kind, video.file_size));
    }
    found
}

fn attachment(id: &str, name: &str, media_type: &str, bytes: Option<u64>) -> Attachment {
    Attachment {
        id: id.to_owned(),
        name: name.chars().take(200).collect(),
        media_type: media_type.chars().take(100).collect(),
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(content: Value) -> Option<Arrival> {
        let me = Myself {
            id: "1".to_owned(),
            name: "Crew_bot".to_owned(),
        };
        let mut raw = json!({"update_id": 7});
        raw.as_object_mut()
            .unwrap()
            .extend(content.as_object().unwrap().clone());
        arrival("telegram:main", &me, raw)
    }

    fn group(mut message: Value) -> Value {
        message["message_id"] = json!(3);
        message["date"] = json!(1);
        message["chat"] = json!({"id": -5, "type": "supergroup", "title": "g"});
        message["from"] = json!({"id": 42, "is_bot": false, "first_name": "Ada"});
        json!({"message": message})
    }

    fn is_to_us(message: Value) -> (String, bool) {
        match read(group(message)).unwrap().what {
            What::Said { text, is_to_us, .. } => (text, is_to_us),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn in_a_group_only_what_is_said_to_us_is_ours() {
        let mention = json!({"text": "@crew_bot count", "entities": [{"type": "mention", "offset": 0, "length": 9}]});
        assert_eq!(is_to_us(mention), ("count".to_owned(), true));
        assert_eq!(
            is_to_us(json!({"text": "/status@crew_bot now"})),
            ("/status now".to_owned(), true)
        );
        assert!(!is_to_us(json!({"text": "/status@other_bot"})).1);
        assert!(is_to_us(json!({"text": "/status"})).1);
        assert!(!is_to_us(json!({"text": "hello everybody"})).1);
    }

    #[test]
    fn what_is_not_known_still_says_who_and_where() {
        let found = read(json!({"telepathy": {
            "from": {"id": 42, "is_bot": false, "first_name": "Ada"},
            "chat": {"id": 42, "type": "private", "first_name": "Ada"}}}));
        let found = found.unwrap();
        assert_eq!(found.sender.unwrap().id, "42");
        assert_eq!(found.place.to_string(), "telegram:main/42");
        assert_eq!(
            found.what,
            What::Unreadable {
                kind: "telepathy".to_owned()
            }
        );
    }

    #[test]
    fn a_topic_is_a_thread_and_a_reply_is_none() {
        let topic = json!({"text": "/help", "message_thread_id": 9, "is_topic_message": true});
        let found = read(group(topic)).unwrap();
        assert_eq!(found.place.to_string(), "telegram:main/-5/9");
        let reply = json!({"text": "/help", "message_thread_id": 9});
        assert_eq!(
            read(group(reply)).unwrap().place.to_string(),
            "telegram:main/-5"
        );
    }

    #[test]
    fn a_voice_without_a_face_is_nobodys() {
        let hidden = json!({"text": "/approve x", "sender_chat": {"id": -9, "type": "channel", "title": "c"}});
        assert_eq!(read(group(hidden)).unwrap().sender, None);
    }
}
