//! People in Telegram: the real binary, the stand-in for the Bot API, real HTTP between them.

mod bad;
mod chat;
mod company;
mod forward;
mod hijack;
mod ms1;
mod outage;
mod stop;

use crate::script::follows;
use std::time::{Duration, Instant};
use wardroom_testkit::models::Brain;
use wardroom_testkit::telegram::{Human, Sent, TelegramStandIn};
use wardroom_testkit::world::{PATIENCE, Setup, World};

/// The first bot.
pub const TOKEN: &str = "1000:main-token";
/// The second one.
pub const SECOND: &str = "2000:second-token";
/// A supergroup.
pub const GROUP: i64 = -1_001_234_567_890;

/// The section of a bot that polls.
fn bot(name: &str, secret: &str, telegram: &TelegramStandIn) -> String {
    format!(
        "[connectors.telegram.{name}]\ntoken = \"secret:{secret}\"\napi_base = \"{}\"\n\n",
        telegram.base_url()
    )
}

/// A Wardroom and the Telegram around it.
pub struct Place {
    pub world: World,
    pub telegram: TelegramStandIn,
}

impl Place {
    /// A Wardroom with one bot that polls.
    pub async fn start(setup: Setup) -> Self {
        Self::start_thinking(setup, follows).await
    }

    /// The same, with another model.
    pub async fn start_thinking(setup: Setup, brain: impl Brain) -> Self {
        let telegram = TelegramStandIn::start(&[(TOKEN, "crew_bot"), (SECOND, "other_bot")]).await;
        let telegram = telegram.expect("the stand-in listens");
        telegram.group(GROUP, "deck");
        let setup = setup
            .secret("telegram", TOKEN)
            .with(&bot("main", "telegram", &telegram));
        let world = World::start(setup, brain).await;
        Self { world, telegram }
    }

    /// A Wardroom with two bots of its own.
    pub async fn start_with_two(setup: Setup) -> Self {
        let telegram = TelegramStandIn::start(&[(TOKEN, "crew_bot"), (SECOND, "other_bot")]).await;
        let telegram = telegram.expect("the stand-in listens");
        telegram.group(GROUP, "deck");
        let setup = setup
            .secret("telegram", TOKEN)
            .secret("other", SECOND)
            .with(&bot("main", "telegram", &telegram))
            .with(&bot("second", "other", &telegram));
        let world = World::start(setup, follows).await;
        Self { world, telegram }
    }

    /// A code that lets one person in.
    pub fn invites(&self, role: &str) -> String {
        let told = self
            .world
            .verb(&["invite", "create", "--role", role, "--json"])
            .expect("an invitation");
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let code = told["code"].as_str().expect("its code");
        code.to_owned()
    }

    /// Somebody is invited and comes in.
    pub async fn joins(&self, id: i64, name: &str, role: &str) -> Human {
        let human = Human::new(id, name);
        let code = self.invites(role);
        self.telegram.says(TOKEN, &human, &format!("/start {code}"));
        self.hears(id, "Welcome").await;
        human
    }

    /// The admins' group, watched from now on.
    pub async fn watches(&self, admin: &Human) {
        self.telegram
            .says_in(TOKEN, GROUP, admin, "/admin_channel enable");
        self.hears(GROUP, "gather here").await;
    }

    /// Somebody says something, and hears an answer that fits.
    pub async fn asks(&self, human: &Human, text: &str, words: &str) -> Sent {
        let before = self.telegram.sent(TOKEN, human.id).len();
        self.telegram.says(TOKEN, human, text);
        self.hears_after(human.id, before, words).await
    }

    /// Waits until a chat shows something that fits.
    pub async fn hears(&self, chat: i64, words: &str) -> Sent {
        self.hears_after(chat, 0, words).await
    }

    /// The same among what came after so many messages.
    pub async fn hears_after(&self, chat: i64, before: usize, words: &str) -> Sent {
        let until = Instant::now() + PATIENCE;
        loop {
            let sent = self.telegram.sent(TOKEN, chat);
            let mut fresh = sent.iter().skip(before);
            if let Some(found) = fresh.find(|sent| sent.text.contains(words)) {
                return found.clone();
            }
            let said: Vec<_> = sent.iter().map(|sent| &sent.text).collect();
            assert!(Instant::now() < until, "{words:?} is not among {said:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the second bot says something that fits, after so many messages.
    pub async fn hears_second(&self, chat: i64, before: usize, words: &str) -> Sent {
        wardroom_testkit::world::eventually(&format!("{words:?} from the other bot"), || async {
            let sent = self.telegram.sent(SECOND, chat);
            let mut fresh = sent.into_iter().skip(before);
            fresh.find(|sent| sent.text.contains(words))
        })
        .await
    }

    /// A message as it reads now.
    pub fn now(&self, sent: &Sent) -> Sent {
        let all = self.telegram.sent(TOKEN, sent.chat);
        all.into_iter()
            .find(|it| it.message_id == sent.message_id)
            .expect("it stays")
    }

    /// Waits until a message reads like this.
    pub async fn reads(&self, sent: &Sent, words: &str) -> Sent {
        wardroom_testkit::world::eventually(&format!("{words:?} in an edit"), || async {
            let now = self.now(sent);
            now.text.contains(words).then_some(now)
        })
        .await
    }

    /// Somebody presses a button and is told something.
    pub async fn presses(&self, human: &Human, sent: &Sent, label: &str) -> String {
        let press = self.telegram.presses(TOKEN, human, sent, label);
        let press = press.unwrap_or_else(|| panic!("no button {label:?} below {sent:?}"));
        self.told(&press).await
    }

    /// What a press was answered.
    pub async fn told(&self, press: &str) -> String {
        wardroom_testkit::world::eventually("an answer to a press", || async {
            self.telegram.press_answer(press)
        })
        .await
    }

    /// The id of some kind in a text.
    pub fn id_in(text: &str, prefix: &str) -> String {
        let at = text
            .find(prefix)
            .unwrap_or_else(|| panic!("no {prefix} in {text}"));
        let id = text[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_');
        id.collect()
    }

    /// How often the model was asked.
    pub fn model_calls(&self) -> usize {
        self.world.model.recorded().len()
    }
}
