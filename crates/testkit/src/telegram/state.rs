//! What the stand-in remembers.

use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    /// Rung when an update arrives, or another poller does.
    pub bell: Notify,
}

#[derive(Default)]
pub struct State {
    pub bots: HashMap<String, Bot>,
    pub chats: HashMap<i64, Chat>,
    pub files: HashMap<String, File>,
    pub sent: BTreeMap<i64, Sent>,
    pub presses: HashMap<String, Option<String>>,
    /// Every update that was ever brought.
    pub history: HashMap<i64, Value>,
    pub calls: BTreeMap<String, usize>,
    pub hiccups: HashMap<String, VecDeque<Hiccup>>,
    pub is_away: bool,
    messages: i64,
    updates: i64,
}

pub struct Bot {
    pub id: i64,
    pub name: String,
    pub updates: VecDeque<Value>,
    pub allowed: Vec<String>,
    pub webhook: Option<Webhook>,
    /// Rises with every `getUpdates`; an older one that still waits is ended by a newer one.
    pub pollers: u64,
    /// How often one that still waited was ended so.
    pub rivals: usize,
    /// The chats that are closed to it.
    pub shut_out: HashSet<i64>,
}

#[derive(Clone)]
pub struct Webhook {
    pub url: String,
    pub secret: Option<String>,
}

#[derive(Clone)]
pub struct Chat {
    pub kind: &'static str,
    pub name: String,
    pub moved_to: Option<i64>,
}

pub struct File {
    pub path: String,
    pub bytes: Vec<u8>,
    pub size: u64,
}

/// A way in which a call fails.
#[derive(Clone, Copy, Debug)]
pub enum Hiccup {
    /// 429 with this many seconds.
    Flood(u16),
    /// A status of 500 and above, with a page instead of JSON.
    Status(u16),
    /// The work is done, and the answer never comes.
    Hush,
}

/// What a bot said.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// By which bot.
    pub token: String,
    /// Where.
    pub chat: i64,
    /// Its number.
    pub message_id: i64,
    /// The words as they read now.
    pub text: String,
    /// The words as they read before each edit.
    pub before: Vec<String>,
    /// What is set apart.
    pub entities: Value,
    /// `inline_keyboard`, or nothing.
    pub keyboard: Value,
    /// The topic.
    pub thread: Option<i64>,
    /// What it answers.
    pub reply_to: Option<i64>,
    /// The name and the bytes of a file.
    pub file: Option<(String, Vec<u8>)>,
}

impl Sent {
    /// What a button carries.
    pub fn button(&self, label: &str) -> Option<String> {
        let rows = self.keyboard["inline_keyboard"].as_array()?;
        let mut buttons = rows.iter().filter_map(Value::as_array).flatten();
        let found = buttons.find(|button| {
            button["text"]
                .as_str()
                .is_some_and(|text| text.contains(label))
        })?;
        Some(found["callback_data"].as_str()?.to_owned())
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn arrived(self: &std::sync::Arc<Self>, token: &str) {
        self.bell.notify_waiters();
        super::webhook::call_soon(self, token);
    }
}

impl Bot {
    pub fn new(token: &str, name: &str) -> Self {
        let id = token.split(':').next().and_then(|id| id.parse().ok());
        Self {
            id: id.unwrap_or(1),
            name: name.to_owned(),
            updates: VecDeque::new(),
            allowed: Vec::new(),
            webhook: None,
            pollers: 0,
            rivals: 0,
            shut_out: HashSet::new(),
        }
    }

    pub fn json(&self) -> Value {
        json!({"id": self.id, "is_bot": true, "first_name": self.name, "username": self.name,
            "can_join_groups": true, "can_read_all_group_messages": false,
            "supports_inline_queries": false, "can_connect_to_business": false,
            "has_main_web_app": false})
    }

    pub fn wants(&self, update: &Value) -> bool {
        let is_named = |name: &String| update.get(name.as_str()).is_some();
        self.allowed.is_empty() || self.allowed.iter().any(is_named)
    }
}

impl State {
    pub fn next_message(&mut self) -> i64 {
        self.messages += 1;
        self.messages
    }

    /// Brings an update to a bot and answers its id.
    pub fn update(&mut self, token: &str, kind: &str, content: Value) -> i64 {
        self.updates += 1;
        let id = 700_000_000 + self.updates;
        let mut update = json!({"update_id": id});
        update[kind] = content;
        self.history.insert(id, update.clone());
        if let Some(bot) = self.bots.get_mut(token) {
            bot.updates.push_back(update);
        }
        id
    }

    pub fn repeat(&mut self, token: &str, update: i64) {
        let again = self.history.get(&update).cloned();
        if let (Some(bot), Some(again)) = (self.bots.get_mut(token), again) {
            bot.updates.push_back(again);
        }
    }

    pub fn chat_json(&self, id: i64) -> Value {
        match self.chats.get(&id) {
            Some(chat) if chat.kind == "private" => {
                json!({"id": id, "type": chat.kind, "first_name": chat.name})
            }
            Some(chat) => json!({"id": id, "type": chat.kind, "title": chat.name}),
            None => json!({"id": id, "type": "private", "first_name": "?"}),
        }
    }

    /// The failure that the next call of a method is to meet.
    pub fn hiccup(&mut self, method: &str) -> Option<Hiccup> {
        self.hiccups.get_mut(method)?.pop_front()
    }
}
