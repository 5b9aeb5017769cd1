//! Where turns are measured: the product, the bare handler and the model, and a client of each.

use crate::bare;
use crate::failure::{Failure, Outcome};
use std::path::Path;
use std::time::{Duration, Instant};
use wardroom_api::client::{Address, Client};
use wardroom_api::message::PostMessage;
use wardroom_domain::ConversationId;
use wardroom_testkit::models::{Asked, Said};
use wardroom_testkit::world::{Setup, World};

/// What is measured is the way of a turn, not the patience with one person.
const UNLIMITED: &str = "[limits]\nmessages_per_minute = 0\norg_messages_per_minute = 0\n\n";

/// How many turns a conversation has before the next one begins.
pub const TURNS_PER_CONVERSATION: usize = 20;

/// Everything that runs.
pub struct Site {
    pub world: World,
    pub bare: bare::Running,
    /// What the model was sent for a first "hi".
    pub prompt: String,
    token: String,
    http: reqwest::Client,
}

impl Site {
    /// Starts everything on a fresh data directory, and says "hi" once.
    pub async fn start(binary: &Path) -> Outcome<Self> {
        let mut world = World::start(Setup::new(binary).with(UNLIMITED), |_: &Asked| {
            Said::text("Hello. What shall we do?")
        })
        .await;
        let token = world.token("owner");
        Talker::new(world.url(), &token)?.turn().await?;
        let first = world.model.recorded().into_iter().next();
        let first = first.ok_or_else(|| Failure::new("the model was not asked"))?;
        let prompt = first.body.to_string();
        let bare = bare::Running::start(&world.model.base_url(), &prompt)?;
        // The existing database of which the targets speak.
        world.stop();
        world.up();
        Ok(Self {
            world,
            bare,
            prompt,
            token,
            http: bare::client()?,
        })
    }

    /// Somebody who talks to the product.
    pub fn talker(&self) -> Outcome<Talker> {
        Talker::new(self.world.url(), &self.token)
    }

    /// Somebody who talks to the bare handler.
    pub fn bare_talker(&self) -> Outcome<Talker> {
        Talker::new(&self.bare.url, &self.token)
    }

    /// Asks the model alone.
    pub async fn ask_model(&self) -> Outcome<Duration> {
        let url = format!("{}/chat/completions", self.world.model.base_url());
        let started = Instant::now();
        let asked = bare::ask(&self.http, &url, self.prompt.clone()).await;
        asked.map_err(Failure::to("ask the model"))?;
        Ok(started.elapsed())
    }

    /// A counter of the product's metrics.
    pub async fn counter(&self, name: &str) -> Outcome<u64> {
        let url = format!("{}/metrics", self.world.url());
        let reading = || Failure::to("read the metrics");
        let response = self.http.get(url).send().await.map_err(reading())?;
        let text = response.text().await.map_err(reading())?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| Failure::new(format!("there is no metric {name}")))
    }
}

/// Somebody who says "hi" again and again.
pub struct Talker {
    client: Client,
    post: PostMessage,
    /// The conversations so far, each with its turns.
    pub talks: Vec<(ConversationId, usize)>,
}

impl Talker {
    fn new(url: &str, token: &str) -> Outcome<Self> {
        let address = Address::Url {
            url: url.to_owned(),
            token: Some(token.to_owned()),
        };
        Ok(Self {
            client: Client::new(address).map_err(Failure::to("set up a client"))?,
            post: PostMessage {
                text: "hi".to_owned(),
                ..PostMessage::default()
            },
            talks: Vec::new(),
        })
    }

    /// One turn, and how long it took.
    pub async fn turn(&mut self) -> Outcome<Duration> {
        let full = self
            .talks
            .last()
            .is_none_or(|(_, turns)| *turns == TURNS_PER_CONVERSATION);
        self.post.conversation = match full {
            true => None,
            false => self.talks.last().map(|(id, _)| *id),
        };
        let started = Instant::now();
        let reply = self.client.post_message(&self.post, None).await;
        let took = started.elapsed();
        let reply = reply.map_err(Failure::to("say hi"))?;
        if !reply.reply.contains("Hello.") {
            return Err(Failure::new(format!("an odd answer: {}", reply.reply)));
        }
        match self.talks.last_mut() {
            Some((_, turns)) if !full => *turns += 1,
            _ => self.talks.push((reply.conversation, 1)),
        }
        Ok(took)
    }
}
