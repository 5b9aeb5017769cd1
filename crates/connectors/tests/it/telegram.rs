//! Telegram's connector against the stand-in.

use secrecy::SecretString;
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;
use wardroom_connectors::telegram::{Settings, Telegram};
use wardroom_connectors::{Connector, Fault, Place, Posted};
use wardroom_testkit::connectors::{Platform, conforms};
use wardroom_testkit::telegram::{Hiccup, Human, Sent, TelegramStandIn};

const TOKEN: &str = "1000:main";
const GROUP: i64 = -1_001_234_567_890;

struct Side {
    telegram: TelegramStandIn,
    ada: Human,
    press: Mutex<Option<String>>,
}

impl Side {
    async fn new() -> Self {
        let telegram = TelegramStandIn::start(&[(TOKEN, "crew_bot")])
            .await
            .unwrap();
        let ada = Human::new(42, "Ada");
        telegram.joins(&ada);
        telegram.group(GROUP, "deck");
        Self {
            telegram,
            ada,
            press: Mutex::new(None),
        }
    }

    fn connector(&self, token: &str) -> Telegram {
        let settings = Settings {
            instance: "main".to_owned(),
            token: SecretString::from(token).into(),
            webhook_secret: None,
            api_base: self.telegram.base_url(),
        };
        Telegram::new(settings).unwrap()
    }

    fn sent(&self, posted: &Posted) -> Sent {
        let chat = posted.place.chat.parse().unwrap();
        let all = self.telegram.sent(TOKEN, chat);
        let id: i64 = posted.message.parse().unwrap();
        all.into_iter().find(|sent| sent.message_id == id).unwrap()
    }

    fn place(chat: i64, thread: Option<&str>) -> Place {
        Place {
            connector: "telegram:main".to_owned(),
            chat: chat.to_string(),
            thread: thread.map(str::to_owned),
        }
    }
}

impl Platform for Side {
    fn private(&self) -> (Place, String) {
        (Self::place(42, None), "42".to_owned())
    }

    fn thread(&self) -> Option<Place> {
        Some(Self::place(GROUP, Some("7")))
    }

    fn says(&self, text: &str) {
        self.telegram.says(TOKEN, &self.ada, text);
    }

    fn forwards(&self, text: &str) {
        let origin = json!({"type": "hidden_user", "sender_user_name": "Eve", "date": 1});
        let fields = json!({"text": text, "forward_origin": origin});
        self.telegram.sends(TOKEN, 42, &self.ada, fields);
    }

    fn edits(&self, text: &str) {
        self.telegram.edits(TOKEN, 42, &self.ada, text);
    }

    fn sends_file(&self, name: &str, bytes: Vec<u8>) {
        let file = (name, "text/plain", bytes);
        self.telegram.sends_file(TOKEN, &self.ada, file, "");
    }

    fn sends_huge_file(&self) {
        let size = 21 * 1024 * 1024;
        let id = self.telegram.keeps("huge.bin", vec![0], size);
        let document = json!({"file_id": id, "file_unique_id": id, "file_name": "huge.bin", "file_size": size});
        self.telegram
            .sends(TOKEN, 42, &self.ada, json!({"document": document}));
    }

    fn presses(&self, posted: &Posted, label: &str) {
        let press = self
            .telegram
            .presses(TOKEN, &self.ada, &self.sent(posted), label);
        *self.press.lock().unwrap() = press;
    }

    fn press_answer(&self) -> Option<String> {
        self.telegram
            .press_answer(self.press.lock().unwrap().as_deref()?)
    }

    fn reads(&self, posted: &Posted) -> String {
        self.sent(posted).text
    }

    fn is_reply(&self, posted: &Posted) -> bool {
        self.sent(posted).reply_to.is_some()
    }

    fn receives(&self, posted: &Posted) -> Option<(String, Vec<u8>)> {
        self.sent(posted).file
    }

    fn floods(&self, seconds: u16) {
        self.telegram
            .hiccups("sendMessage", [Hiccup::Flood(seconds)]);
    }

    fn is_away(&self, is_away: bool) {
        self.telegram.is_away(is_away);
    }

    fn closes(&self, is_closed: bool) {
        self.telegram.blocks(TOKEN, &self.ada, is_closed);
    }

    fn surprises(&self) {
        let from = json!({"id": 42, "is_bot": false, "first_name": "Ada"});
        let chat = json!({"id": 42, "type": "private", "first_name": "Ada"});
        let content = json!({"from": from, "chat": chat, "thought": "hm"});
        // Telegram would send it only to a bot that asked for it, or for everything.
        self.telegram.brings_raw(
            TOKEN,
            "message",
            json!({"chat": chat, "from": from, "text": content}),
        );
    }
}

#[tokio::test]
async fn telegram_conforms() {
    let side = Side::new().await;
    let connector = side.connector(TOKEN);
    conforms(&connector, &side).await;
}

#[tokio::test]
async fn a_bad_token_and_a_rival_are_told_apart() {
    let side = Side::new().await;
    let stranger = side.connector("1000:wrong");
    let refused = stranger.identify().await;
    assert!(
        matches!(refused, Err(Fault::Unauthorised { .. })),
        "{refused:?}"
    );

    let (first, second) = (side.connector(TOKEN), side.connector(TOKEN));
    let (ended, _) = tokio::join!(first.receive(None), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        side.says("to the second one");
        second.receive(None).await
    });
    // Which of the two loses is Telegram's choice: the one that asked first.
    let ended = ended.map(|intake| intake.arrivals.len());
    assert!(
        matches!(ended, Err(Fault::Rivalled { .. }) | Ok(1)),
        "{ended:?}"
    );
}

#[tokio::test]
async fn nothing_that_is_told_holds_the_token() {
    let settings = Settings {
        instance: "main".to_owned(),
        token: SecretString::from("1000:very-secret").into(),
        webhook_secret: None,
        // Nobody listens there.
        api_base: "http://127.0.0.1:9".to_owned(),
    };
    let connector = Telegram::new(settings).unwrap();
    let away = connector.identify().await.unwrap_err();
    assert!(matches!(away, Fault::Away { .. }), "{away:?}");
    assert!(!format!("{away:?} {away}").contains("very-secret"));
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_says_where_it_went() {
    let side = Side::new().await;
    side.telegram.group(-5, "old");
    side.telegram.upgrades(TOKEN, -5, GROUP, &side.ada);
    let connector = side.connector(TOKEN);
    let place = Side::place(-5, None);
    let post = wardroom_connectors::Post::of(wardroom_connectors::Rich::plain("x"));
    let moved = connector.post(&place, &post).await;
    let to = GROUP.to_string();
    assert_eq!(moved, Err(Fault::Moved { to }));
    let arrivals = connector.receive(None).await.unwrap().arrivals;
    let to = GROUP.to_string();
    assert!(
        matches!(&arrivals[0].what, wardroom_connectors::What::Moved { to: told } if *told == to),
        "{arrivals:?}"
    );
}
