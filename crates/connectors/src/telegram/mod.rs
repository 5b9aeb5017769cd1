//! Telegram, by its Bot API.

mod client;
mod entities;
mod read;

use crate::{
    Arrival, Attachment, Button, Connector, Fault, Intake, Limits, Measure, Myself, Place, Post,
    Posted,
};
use async_trait::async_trait;
use bytes::Bytes;
pub use client::ClientSetupError;
use client::{Client, LONG_POLL};
use frankenstein::types::{
    ChatId, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyMarkup,
    ReplyParameters, User,
};
use frankenstein::{methods, types};
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::time::Duration;
use wardroom_domain::LiveSecret;

/// The longest message, in UTF-16 units.
const TEXT_UNITS_MAX: usize = 4096;
/// How many entities Telegram reads of one message; it ignores the rest.
const ENTITIES_MAX: usize = 100;
/// The largest file that a bot may fetch from Telegram's own server.
const FETCH_BYTES_MAX: u64 = 20 * 1024 * 1024;
/// Telegram wants no more than about twenty messages a minute in one group; edits count.
const EDIT_PAUSE: Duration = Duration::from_secs(3);
/// How many updates come at once at most.
const UPDATES_MAX: u32 = 100;
/// The longest answer to a press.
const PRESS_ANSWER_MAX: usize = 190;

/// What is asked for: what `read` understands.
const ALLOWED_UPDATES: &[&str] = &[
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
];

/// One bot.
pub struct Telegram {
    name: String,
    client: Client,
    token: LiveSecret,
    webhook_secret: Option<LiveSecret>,
    myself: OnceLock<Myself>,
}

/// How a bot is set up.
pub struct Settings {
    /// The instance's name, without the platform.
    pub instance: String,
    /// The bot's token.
    pub token: LiveSecret,
    /// What Telegram proves itself with when it calls us.
    pub webhook_secret: Option<LiveSecret>,
    /// Where the Bot API is.
    pub api_base: String,
}

impl Telegram {
    /// Sets a bot up. Nothing is asked of Telegram yet.
    pub fn new(settings: Settings) -> Result<Self, ClientSetupError> {
        Ok(Self {
            name: format!("telegram:{}", settings.instance),
            client: Client::new(&settings.api_base, settings.token.clone())?,
            token: settings.token,
            webhook_secret: settings.webhook_secret,
            myself: OnceLock::new(),
        })
    }

    async fn me(&self) -> Result<&Myself, Fault> {
        if let Some(known) = self.myself.get() {
            return Ok(known);
        }
        let user: User = self.client.call("getMe", &json!({})).await?;
        let myself = Myself {
            id: user.id.to_string(),
            name: user.username.unwrap_or(user.first_name),
        };
        Ok(self.myself.get_or_init(|| myself))
    }
}

#[async_trait]
impl Connector for Telegram {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            text_max: TEXT_UNITS_MAX,
            measure: Measure::Utf16,
            spans_max: ENTITIES_MAX,
            fetch_bytes_max: FETCH_BYTES_MAX,
            edit_pause: EDIT_PAUSE,
            edits: true,
            buttons: true,
            threads: true,
        }
    }

    fn keys_replaced(&self) -> u64 {
        let webhook = self.webhook_secret.as_ref();
        self.token.replaced() + webhook.map_or(0, LiveSecret::replaced)
    }

    async fn identify(&self) -> Result<Myself, Fault> {
        self.me().await.cloned()
    }

    async fn prepare(&self, webhook: Option<&str>) -> Result<(), Fault> {
        use secrecy::ExposeSecret;
        self.me().await?;
        let _: bool = match webhook {
            Some(url) => {
                let secret = self.webhook_secret.as_ref().and_then(LiveSecret::current);
                let secret = secret.as_ref().map(|it| it.expose_secret());
                let params =
                    json!({"url": url, "secret_token": secret, "allowed_updates": ALLOWED_UPDATES});
                self.client.call("setWebhook", &params).await?
            }
            None => self.client.call("deleteWebhook", &json!({})).await?,
        };
        Ok(())
    }

    async fn receive(&self, cursor: Option<i64>) -> Result<Intake, Fault> {
        let params = json!({"offset": cursor, "limit": UPDATES_MAX, "timeout": LONG_POLL.as_secs(),
            "allowed_updates": ALLOWED_UPDATES});
        let me = self.me().await?;
        let updates: Vec<Value> = self.client.wait("getUpdates", &params).await?;
        let last = updates
            .iter()
            .filter_map(|update| update["update_id"].as_i64());
        let cursor = last.max().map(|id| id + 1).or(cursor);
        let arrivals = updates
            .into_iter()
            .filter_map(|update| read::arrival(&self.name, me, update));
        Ok(Intake {
            arrivals: arrivals.collect(),
            cursor,
        })
    }

    fn read(&self, body: &[u8]) -> Result<Vec<Arrival>, Fault> {
        let update: Value = serde_json::from_slice(body).map_err(|error| Fault::Refused {
            why: format!("this is no update: {error}"),
        })?;
        if update["update_id"].as_i64().is_none() {
            let why = "this is no update: it has no update_id".to_owned();
            return Err(Fault::Refused { why });
        }
        // Until `prepare` has asked who we are, nothing in a group is known to be meant for us.
        let nobody = Myself {
            id: String::new(),
            name: String::new(),
        };
        let me = self.myself.get().unwrap_or(&nobody);
        Ok(read::arrival(&self.name, me, update).into_iter().collect())
    }

    async fn post(&self, place: &Place, post: &Post) -> Result<Posted, Fault> {
        let mut params = methods::SendMessageParams::builder()
            .chat_id(chat_id(place)?)
            .text(post.rich.text.clone())
            .link_preview_options(no_preview())
            .build();
        params.message_thread_id = thread_id(place)?;
        params.entities = Some(entities::outgoing(&post.rich)).filter(|all| !all.is_empty());
        params.reply_markup = keyboard(&post.buttons).map(ReplyMarkup::InlineKeyboardMarkup);
        params.reply_parameters = post.reply_to.as_deref().and_then(reply);
        let message: Message = self.client.call("sendMessage", &params).await?;
        Ok(posted(place, &message))
    }

    async fn edit(&self, posted: &Posted, post: &Post) -> Result<(), Fault> {
        let mut params = methods::EditMessageTextParams::builder()
            .chat_id(chat_id(&posted.place)?)
            .message_id(message_id(&posted.message)?)
            .text(post.rich.text.clone())
            .link_preview_options(no_preview())
            .build();
        params.entities = Some(entities::outgoing(&post.rich)).filter(|all| !all.is_empty());
        params.reply_markup = keyboard(&post.buttons);
        match self.client.call::<Value>("editMessageText", &params).await {
            Err(Fault::Refused { why }) if why.contains("message is not modified") => Ok(()),
            other => other.map(drop),
        }
    }

    async fn send_file(&self, place: &Place, name: &str, bytes: Bytes) -> Result<Posted, Fault> {
        let mut fields = vec![("chat_id", place.chat.clone())];
        fields.extend(
            place
                .thread
                .clone()
                .map(|thread| ("message_thread_id", thread)),
        );
        let message = self
            .client
            .upload("sendDocument", fields, ("document", name, bytes));
        Ok(posted(place, &message.await?))
    }

    async fn fetch(&self, attachment: &Attachment, bytes_max: u64) -> Result<Bytes, Fault> {
        let params = json!({"file_id": attachment.id});
        let file: types::File = self.client.call("getFile", &params).await?;
        let path = file.file_path.ok_or(Fault::Refused {
            why: "Telegram does not hand this file out".to_owned(),
        })?;
        self.client.download(&path, bytes_max).await
    }

    async fn answer_press(&self, press: &str, text: &str) -> Result<(), Fault> {
        let text: String = text.chars().take(PRESS_ANSWER_MAX).collect();
        let params = json!({"callback_query_id": press, "text": text, "show_alert": text.chars().count() > 60});
        self.client
            .call::<bool>("answerCallbackQuery", &params)
            .await
            .map(drop)
    }

    async fn show_busy(&self, place: &Place) -> Result<(), Fault> {
        let params = json!({"chat_id": place.chat, "action": "typing", "message_thread_id": thread_id(place)?});
        self.client
            .call::<bool>("sendChatAction", &params)
            .await
            .map(drop)
    }
}

/// Addresses in our words are not fetched by Telegram: they may hold what only the reader may know.
fn no_preview() -> LinkPreviewOptions {
    let mut options = LinkPreviewOptions::builder().build();
    options.is_disabled = Some(true);
    options
}

fn posted(place: &Place, message: &Message) -> Posted {
    Posted {
        place: place.clone(),
        message: message.message_id.to_string(),
    }
}

fn unfit(what: &str, text: &str) -> Fault {
    Fault::Refused {
        why: format!("`{text}` is no {what} of Telegram"),
    }
}

fn chat_id(place: &Place) -> Result<ChatId, Fault> {
    let id = place.chat.parse();
    id.map(ChatId::Integer)
        .map_err(|_| unfit("chat", &place.chat))
}

fn thread_id(place: &Place) -> Result<Option<i32>, Fault> {
    let thread = place.thread.as_deref();
    thread.map(message_id).transpose()
}

fn message_id(text: &str) -> Result<i32, Fault> {
    text.parse().map_err(|_| unfit("message", text))
}

fn reply(message: &str) -> Option<ReplyParameters> {
    let mut parameters = ReplyParameters::builder().build();
    parameters.message_id = Some(message.parse().ok()?);
    // What is answered may be gone by now; the answer is not.
    parameters.allow_sending_without_reply = Some(true);
    Some(parameters)
}

fn keyboard(rows: &[Vec<Button>]) -> Option<InlineKeyboardMarkup> {
    let button = |button: &Button| {
        let mut made = InlineKeyboardButton::builder()
            .text(button.label.clone())
            .build();
        made.callback_data = Some(button.data.clone());
        made
    };
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().map(button).collect())
        .collect();
    (!rows.is_empty()).then(|| {
        InlineKeyboardMarkup::builder()
            .inline_keyboard(rows)
            .build()
    })
}
