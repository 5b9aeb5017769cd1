//! A stand-in for Telegram: its Bot API over real HTTP, and the people who use it.
//!
//! It follows the published Bot API and refuses what Telegram refuses: text that is too long or
//! empty, entities that leave the text or cut a character, an edit that changes nothing, a chat
//! that is not there or closed to the bot, a bad token, two pollers at once, `getUpdates` beside a
//! webhook. Two liberties: it calls webhooks on plain loopback addresses, and it holds no more than
//! what tests look at.

mod check;
mod method;
mod params;
mod state;
mod webhook;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get};
use serde_json::{Value, json};
use state::{Bot, Chat, File, Shared};
pub use state::{Hiccup, Sent};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running stand-in; it stops when dropped.
pub struct TelegramStandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// Somebody at Telegram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Human {
    /// His immutable id.
    pub id: i64,
    /// How he calls himself.
    pub first_name: String,
}

impl Human {
    /// Somebody.
    pub fn new(id: i64, first_name: &str) -> Self {
        let first_name = first_name.to_owned();
        Self { id, first_name }
    }

    fn json(&self) -> Value {
        json!({"id": self.id, "is_bot": false, "first_name": self.first_name, "language_code": "en"})
    }
}

impl TelegramStandIn {
    /// Starts with these bots: tokens and user names.
    pub async fn start(bots: &[(&str, &str)]) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", bots).await
    }

    /// The same on a given address.
    pub async fn start_at(address: &str, bots: &[(&str, &str)]) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        for (token, name) in bots {
            shared
                .lock()
                .bots
                .insert((*token).to_owned(), Bot::new(token, name));
        }
        let router = Router::new()
            .route("/{bot}/{method}", any(method::call))
            .route("/file/{bot}/{*path}", get(method::download))
            .layer(DefaultBodyLimit::max(64 * 1024 * 1024))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Serving ends with the task; there is nobody to report an accept error to.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    /// What a client is told as the address of the Bot API.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port, for starting again at the same address.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// A bot gets another token, and is known by the old one no more.
    pub fn renews_token(&self, old: &str, new: &str) {
        let mut state = self.shared.lock();
        if let Some(bot) = state.bots.remove(old) {
            state.bots.insert(new.to_owned(), bot);
        }
        for sent in state.sent.values_mut().filter(|sent| sent.token == old) {
            new.clone_into(&mut sent.token);
        }
        drop(state);
        // Whoever waits under the old one hears of it.
        self.shared.bell.notify_waiters();
    }

    /// Somebody opens a private chat with every bot.
    pub fn joins(&self, human: &Human) {
        self.shared.lock().chats.entry(human.id).or_insert(Chat {
            kind: "private",
            name: human.first_name.clone(),
            moved_to: None,
        });
    }

    /// A group with the bots in it; supergroups have ids below -1,000,000,000,000.
    pub fn group(&self, id: i64, title: &str) {
        let kind = if id < -1_000_000_000_000 {
            "supergroup"
        } else {
            "group"
        };
        self.shared.lock().chats.insert(
            id,
            Chat {
                kind,
                name: title.to_owned(),
                moved_to: None,
            },
        );
    }

    /// Somebody says something to a bot, alone with it. Answers the update's id.
    pub fn says(&self, token: &str, human: &Human, text: &str) -> i64 {
        self.joins(human);
        self.says_in(token, human.id, human, text)
    }

    /// Somebody says something in a chat that a bot is in.
    pub fn says_in(&self, token: &str, chat: i64, human: &Human, text: &str) -> i64 {
        self.sends(
            token,
            chat,
            human,
            json!({"text": text, "entities": commands(text)}),
        )
    }

    /// Somebody sends a message with these fields.
    pub fn sends(&self, token: &str, chat: i64, human: &Human, fields: Value) -> i64 {
        self.brings(token, "message", chat, human, fields)
    }

    /// Somebody changes what he said.
    pub fn edits(&self, token: &str, chat: i64, human: &Human, text: &str) -> i64 {
        let fields = json!({"text": text, "edit_date": 2});
        self.brings(token, "edited_message", chat, human, fields)
    }

    fn brings(&self, token: &str, kind: &str, chat: i64, human: &Human, fields: Value) -> i64 {
        let mut state = self.shared.lock();
        let message_id = state.next_message();
        let chat = state.chat_json(chat);
        let mut message = json!({"message_id": message_id, "date": 1_767_225_600, "chat": chat, "from": human.json()});
        merge(&mut message, fields);
        let update = state.update(token, kind, message);
        drop(state);
        self.shared.arrived(token);
        update
    }

    /// Any update at all: `kind` with `content`. Answers its id.
    pub fn brings_raw(&self, token: &str, kind: &str, content: Value) -> i64 {
        let update = self.shared.lock().update(token, kind, content);
        self.shared.arrived(token);
        update
    }

    /// The same update comes once more, as after a lost acknowledgement.
    pub fn brings_again(&self, token: &str, update: i64) {
        self.shared.lock().repeat(token, update);
        self.shared.arrived(token);
    }

    /// An update as it was brought.
    pub fn update(&self, update: i64) -> Value {
        let state = self.shared.lock();
        state.history.get(&update).cloned().unwrap_or_default()
    }

    /// Somebody sends a file.
    pub fn sends_file(
        &self,
        token: &str,
        human: &Human,
        file: (&str, &str, Vec<u8>),
        caption: &str,
    ) -> i64 {
        let (name, media_type, bytes) = file;
        let size = bytes.len();
        let id = self.keeps(name, bytes, size as u64);
        self.joins(human);
        let document = json!({"file_id": id, "file_unique_id": id, "file_name": name,
            "mime_type": media_type, "file_size": size});
        let mut fields = json!({"document": document});
        if !caption.is_empty() {
            fields["caption"] = json!(caption);
        }
        self.sends(token, human.id, human, fields)
    }

    /// Keeps a file, of a size that it may only pretend to have, and answers its id.
    pub fn keeps(&self, name: &str, bytes: Vec<u8>, size: u64) -> String {
        let mut state = self.shared.lock();
        let id = format!("file{}", state.files.len() + 1);
        let path = format!("documents/{id}-{name}");
        state.files.insert(id.clone(), File { path, bytes, size });
        id
    }

    /// Somebody presses a button by its label. Answers the press's id, or none without the button.
    pub fn presses(&self, token: &str, human: &Human, sent: &Sent, label: &str) -> Option<String> {
        let data = sent.button(label)?;
        Some(self.presses_data(token, human, sent, &data))
    }

    /// Somebody presses a button with this data below a message, as a forged client could.
    pub fn presses_data(&self, token: &str, human: &Human, sent: &Sent, data: &str) -> String {
        let mut state = self.shared.lock();
        let press = format!("press{}", state.next_message());
        state.presses.insert(press.clone(), None);
        let chat = state.chat_json(sent.chat);
        let query = json!({"id": press, "from": human.json(), "chat_instance": "1", "data": data,
            "message": {"message_id": sent.message_id, "date": 1_767_225_600, "chat": chat, "text": sent.text}});
        state.update(token, "callback_query", query);
        drop(state);
        self.shared.arrived(token);
        press
    }

    /// What a bot answered to a press, if it has.
    pub fn press_answer(&self, press: &str) -> Option<String> {
        self.shared.lock().presses.get(press).cloned().flatten()
    }

    /// Somebody blocks a bot, or lets it in again.
    pub fn blocks(&self, token: &str, human: &Human, is_blocked: bool) {
        let mut state = self.shared.lock();
        let Some(bot) = state.bots.get_mut(token) else {
            return;
        };
        let (bot_json, id) = (bot.json(), human.id);
        if is_blocked {
            bot.shut_out.insert(id);
        } else {
            bot.shut_out.remove(&id);
        }
        let member = |is_out: bool| match is_out {
            true => json!({"status": "kicked", "user": bot_json, "until_date": 0}),
            false => json!({"status": "member", "user": bot_json}),
        };
        let chat = state.chat_json(id);
        let change = json!({"chat": chat, "from": human.json(), "date": 1_767_225_600,
            "old_chat_member": member(!is_blocked), "new_chat_member": member(is_blocked)});
        state.update(token, "my_chat_member", change);
        drop(state);
        self.shared.arrived(token);
    }

    /// A group becomes a supergroup: its old id is refused from now on.
    pub fn upgrades(&self, token: &str, from: i64, to: i64, human: &Human) {
        let title = {
            let mut state = self.shared.lock();
            let chat = state.chats.get_mut(&from);
            chat.map(|chat| {
                chat.moved_to = Some(to);
                chat.name.clone()
            })
        };
        self.group(to, &title.unwrap_or_default());
        self.sends(token, from, human, json!({"migrate_to_chat_id": to}));
        self.sends(token, to, human, json!({"migrate_from_chat_id": from}));
    }

    /// The next calls of a method fail in this way.
    pub fn hiccups(&self, method: &str, hiccups: impl IntoIterator<Item = Hiccup>) {
        let mut state = self.shared.lock();
        let waiting = state.hiccups.entry(method.to_lowercase()).or_default();
        waiting.extend(hiccups);
    }

    /// Every call fails, until told otherwise.
    pub fn is_away(&self, is_away: bool) {
        self.shared.lock().is_away = is_away;
    }

    /// How often somebody asked for updates while another still waited for his.
    pub fn rivals(&self, token: &str) -> usize {
        self.shared.lock().bots[token].rivals
    }

    /// What a bot has said in a chat, oldest first, as it reads now.
    pub fn sent(&self, token: &str, chat: i64) -> Vec<Sent> {
        let state = self.shared.lock();
        let fits = |sent: &&Sent| sent.token == token && sent.chat == chat;
        state.sent.values().filter(fits).cloned().collect()
    }

    /// Who said what in some chats, in the order in which it was said; edits as they read last.
    pub fn transcript(&self, chats: &[i64]) -> String {
        let state = self.shared.lock();
        let mut lines = BTreeMap::new();
        for update in state.history.values() {
            let message = &update["message"];
            let chat = message["chat"]["id"].as_i64().unwrap_or_default();
            if let (Some(id), true) = (message["message_id"].as_i64(), chats.contains(&chat)) {
                let who = message["from"]["first_name"].as_str().unwrap_or_default();
                let text = message["text"].as_str().unwrap_or("(a file)");
                lines.insert(id, format!("[{chat}] {who}: {text}"));
            }
        }
        for sent in state
            .sent
            .values()
            .filter(|sent| chats.contains(&sent.chat))
        {
            let edited = if sent.before.is_empty() {
                ""
            } else {
                " (edited)"
            };
            let line = format!("[{}] bot{edited}: {}", sent.chat, sent.text);
            lines.insert(sent.message_id, line);
        }
        lines.into_values().collect::<Vec<_>>().join("\n")
    }

    /// How often each method was called.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.shared.lock().calls.clone()
    }

    /// Whether the last poll has confirmed everything that was brought.
    pub fn is_drained(&self, token: &str) -> bool {
        let state = self.shared.lock();
        state
            .bots
            .get(token)
            .is_none_or(|bot| bot.updates.is_empty())
    }

    /// What is kept of the webhook of a bot.
    pub fn webhook(&self, token: &str) -> Option<String> {
        let state = self.shared.lock();
        Some(state.bots.get(token)?.webhook.as_ref()?.url.clone())
    }
}

impl Drop for TelegramStandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The commands in a text, as Telegram marks them.
fn commands(text: &str) -> Value {
    let Some(rest) = text.strip_prefix('/') else {
        return json!([]);
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@');
    let length = 1 + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    json!([{"type": "bot_command", "offset": 0, "length": length}])
}

fn merge(into: &mut Value, fields: Value) {
    if let (Value::Object(into), Value::Object(fields)) = (into, fields) {
        into.extend(fields);
    }
}
