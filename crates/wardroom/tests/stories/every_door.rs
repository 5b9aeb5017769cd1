//! What every door has to do, as one story through the real binary: it is told at the web's door and
//! at Telegram's, and a door that is added gets a teller here.
//!
//! The suite of connectors (`wardroom_testkit::connectors`) holds a platform's code to its interface.
//! This one holds all doors, those that answer in the request itself too, to what people rely on:
//! identity, taking in once, reply, threads, edits, attachments, buttons, limits, and plain words for
//! what nobody can read.

use crate::http::ask;
use crate::script::{Script, script};
use crate::telegram::{GROUP, Place, TOKEN};
use crate::{company, world};
use serde_json::json;
use std::sync::{Mutex, OnceLock};
use wardroom_api::approval::Verdict;
use wardroom_api::message::PostMessage;
use wardroom_api::task::TaskFilter;
use wardroom_domain::{ApprovalId, ConversationId, FileId, TaskId, TaskStatus};
use wardroom_testkit::telegram::{Human, Sent};
use wardroom_testkit::world::{Person, World, eventually};

/// A door, and an admin called Ada in front of it.
trait Door {
    /// Where somebody who is asked finds the question.
    type Question;

    fn world(&self) -> &World;
    /// Says something as one delivery, which is brought so often, all at once.
    async fn says(&self, text: &str, times: usize);
    /// The same in another thread.
    async fn says_elsewhere(&self, text: &str);
    /// Brings a file, with words.
    async fn brings(&self, name: &str, bytes: &[u8], words: &str);
    /// Waits until the door shows these words, and answers all that it shows around them.
    async fn hears(&self, words: &str) -> String;
    async fn hears_elsewhere(&self, words: &str) -> String;
    /// How often the door shows these words now.
    async fn counts(&self, words: &str) -> usize;
    /// Waits until a task is shown in this state, and answers which.
    async fn shows(&self, title: &str, status: TaskStatus) -> TaskId;
    /// A file of a task that she is given.
    async fn is_given(&self, task: TaskId, name: &str) -> Vec<u8>;
    async fn is_asked(&self) -> Self::Question;
    /// Presses yes; answers what she is told.
    async fn says_yes(&self, question: &Self::Question) -> String;
    /// Somebody whom the org does not know says something; answers what he is told.
    async fn stranger(&self, text: &str) -> String;
    /// Brings what nobody can read; answers what is told.
    async fn nonsense(&self) -> String;
}

/// The story. Its order is that of a first day.
async fn holds(door: &impl Door) {
    identity(door).await;
    taken_in_once(door).await;
    words_are_words(door).await;
    threads_are_apart(door).await;
    attachments(door).await;
    edits_in_place(door).await;
    buttons(door).await;
    limits(door).await;
    let told = door.nonsense().await;
    assert!(!told.is_empty());
    door.says("are you still there?", 1).await;
    door.hears("You said: are you still there?").await;
    assert!(door.world().audit_is_whole());
}

fn model_calls(door: &impl Door) -> usize {
    door.world().model.recorded().len()
}

async fn identity(door: &impl Door) {
    let told = door.stranger("let me in").await;
    assert!(!told.contains("You said"), "{told}");
    assert_eq!(model_calls(door), 0, "no model hears a stranger");
}

async fn taken_in_once(door: &impl Door) {
    door.says("good morning", 5).await;
    door.hears("You said: good morning").await;
    assert_eq!(model_calls(door), 1, "five times is once");
    assert_eq!(door.counts("You said: good morning").await, 1);
}

async fn words_are_words(door: &impl Door) {
    let words = "<script>alert(1)</script> & 👩🏽‍🚀";
    door.says(words, 1).await;
    door.hears(words).await;
}

async fn threads_are_apart(door: &impl Door) {
    door.says("the word is amber", 1).await;
    door.hears("You said: the word is amber").await;
    door.says_elsewhere("which word?").await;
    door.hears_elsewhere("which word?").await;
    let sent = door.world().model.recorded();
    let last = sent.last().expect("a call").body.to_string();
    assert!(last.contains("which word?") && !last.contains("amber"));
}

async fn attachments(door: &impl Door) {
    let reads = script()
        .shell("cat /uploads/*tide.txt | tr a-z A-Z > out.txt; cat out.txt")
        .calls("deliver", json!({"path": "out.txt"}))
        .says("read");
    let order = delegated("read it", reads);
    door.brings("tide.txt", b"the tide is high", &order).await;
    // Her own folder is asked about, too.
    let question = door.is_asked().await;
    door.says_yes(&question).await;
    let task = door.shows("read it", TaskStatus::Succeeded).await;
    assert_eq!(door.is_given(task, "out.txt").await, b"THE TIDE IS HIGH");
}

async fn edits_in_place(door: &impl Door) {
    let order = delegated("nap", script().shell("sleep 600").says("rested"));
    door.says(&order, 1).await;
    let task = door.shows("nap", TaskStatus::Running).await;
    let owner = door.world().owner();
    owner.client.cancel_task(task).await.expect("it is stopped");
    assert_eq!(door.shows("nap", TaskStatus::Canceled).await, task);
}

async fn buttons(door: &impl Door) {
    let order = delegated("a note", script().writes("note.txt", "x").says("written"));
    door.says(&order, 1).await;
    let question = door.is_asked().await;
    let told = door.says_yes(&question).await;
    assert!(told.to_lowercase().contains("approve"), "{told}");
    let again = door.says_yes(&question).await;
    assert!(again.contains("already"), "{again}");
    door.shows("a note", TaskStatus::Succeeded).await;
}

async fn limits(door: &impl Door) {
    let code = format!("```\n{}```", "let x = 1;\n".repeat(700));
    door.says(&code, 1).await;
    eventually("all of a long answer", || async {
        (door.counts("let x = 1;").await >= 700).then_some(())
    })
    .await;
    door.says(&"y".repeat(140_000), 1).await;
    door.hears("put long text into a file").await;
}

fn delegated(title: &str, work: Script) -> String {
    script().delegates(&[(title, work)]).to_string()
}

/// The web: what the portal and every client of the API speak to.
struct Web {
    world: World,
    ada: Person,
    here: OnceLock<ConversationId>,
    elsewhere: OnceLock<ConversationId>,
    /// What was refused in the request itself, which is where the web tells it.
    refused: Mutex<String>,
}

impl Web {
    async fn open() -> Self {
        let world = world(company()).await;
        let ada = world.person("ada", "admin");
        Self {
            world,
            ada,
            here: OnceLock::new(),
            elsewhere: OnceLock::new(),
            refused: Mutex::default(),
        }
    }

    async fn posts(
        &self,
        place: &OnceLock<ConversationId>,
        text: &str,
        files: Vec<FileId>,
        times: usize,
    ) {
        let post = PostMessage {
            text: text.to_owned(),
            conversation: place.get().copied(),
            workspace: None,
            files,
        };
        let key = format!("said-{}", model_calls(self));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..times {
            let (client, post, key) = (self.ada.client.clone(), post.clone(), key.clone());
            all.spawn(async move { client.post_message(&post, Some(&key)).await });
        }
        for said in all.join_all().await {
            match said {
                Ok(reply) => drop(place.set(reply.conversation)),
                Err(error) => *self.refused.lock().expect("it is free") = error.to_string(),
            }
        }
    }

    /// Everything that the crew has said in a conversation.
    async fn said(&self, place: &OnceLock<ConversationId>) -> String {
        let mut all = self.refused.lock().expect("it is free").clone();
        if let Some(conversation) = place.get() {
            for message in self.ada.hears(*conversation).await {
                if message.speaker == wardroom_domain::Speaker::Assistant {
                    all.push('\n');
                    all.push_str(&message.text);
                }
            }
        }
        all
    }

    async fn awaits(&self, place: &OnceLock<ConversationId>, words: &str) -> String {
        eventually(&format!("{words:?}"), || async {
            let said = self.said(place).await;
            said.contains(words).then_some(said)
        })
        .await
    }
}

impl Door for Web {
    type Question = ApprovalId;

    fn world(&self) -> &World {
        &self.world
    }

    async fn says(&self, text: &str, times: usize) {
        self.posts(&self.here, text, Vec::new(), times).await;
    }

    async fn says_elsewhere(&self, text: &str) {
        self.posts(&self.elsewhere, text, Vec::new(), 1).await;
    }

    async fn brings(&self, name: &str, bytes: &[u8], words: &str) {
        let file = self.ada.client.upload(name, bytes.to_vec()).await;
        let file = file.expect("it is taken").id;
        self.posts(&self.here, words, vec![file], 1).await;
    }

    async fn hears(&self, words: &str) -> String {
        self.awaits(&self.here, words).await
    }

    async fn hears_elsewhere(&self, words: &str) -> String {
        self.awaits(&self.elsewhere, words).await
    }

    async fn counts(&self, words: &str) -> usize {
        self.said(&self.here).await.matches(words).count()
    }

    async fn shows(&self, title: &str, status: TaskStatus) -> TaskId {
        eventually(&format!("{title:?} to be {status}"), || async {
            let tasks = self.ada.client.tasks(&TaskFilter::default()).await;
            let mut tasks = tasks.expect("the list").tasks.into_iter();
            let found = tasks.find(|task| task.title == title && task.status == status);
            found.map(|task| task.id)
        })
        .await
    }

    async fn is_given(&self, task: TaskId, name: &str) -> Vec<u8> {
        let file = self.ada.client.artifact(task, name).await;
        file.expect("it is there").to_vec()
    }

    async fn is_asked(&self) -> ApprovalId {
        self.ada.is_asked().await.id
    }

    async fn says_yes(&self, question: &ApprovalId) -> String {
        match self.ada.decides(*question, Verdict::Approve).await {
            Ok(approval) => format!("{:?}", approval.decision),
            Err(error) => error.to_string(),
        }
    }

    async fn stranger(&self, text: &str) -> String {
        let body = json!({"text": text}).to_string();
        let answer = ask(&self.world, "POST /v1/messages").json(body).send();
        assert_eq!(answer.status, 401);
        answer.body
    }

    async fn nonsense(&self) -> String {
        let token = self.world.token("ada");
        let asked = ask(&self.world, "POST /v1/messages").token(&token);
        let answer = asked.json(r#"{"text": {"no": "text"}}"#).send();
        assert_eq!(answer.status, 422, "{}", answer.body);
        answer.json()["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// A chat network: a private chat, and a topic of a group.
struct Chat {
    place: Place,
    ada: Human,
}

const ADA: i64 = 41;

impl Chat {
    async fn open() -> Self {
        let place = Place::start(company()).await;
        let ada = place.joins(ADA, "Ada", "admin").await;
        place.watches(&ada).await;
        Self { place, ada }
    }
}

impl Door for Chat {
    type Question = Sent;

    fn world(&self) -> &World {
        &self.place.world
    }

    async fn says(&self, text: &str, times: usize) {
        let update = self.place.telegram.says(TOKEN, &self.ada, text);
        for _ in 1..times {
            self.place.telegram.brings_again(TOKEN, update);
        }
    }

    async fn says_elsewhere(&self, text: &str) {
        let said = json!({"text": format!("@crew_bot {text}"),
            "entities": [{"type": "mention", "offset": 0, "length": 9}],
            "message_thread_id": 7, "is_topic_message": true});
        self.place.telegram.sends(TOKEN, GROUP, &self.ada, said);
    }

    async fn brings(&self, name: &str, bytes: &[u8], words: &str) {
        let file = (name, "text/plain", bytes.to_vec());
        self.place
            .telegram
            .sends_file(TOKEN, &self.ada, file, words);
    }

    async fn hears(&self, words: &str) -> String {
        self.place.hears(ADA, words).await.text
    }

    async fn hears_elsewhere(&self, words: &str) -> String {
        let what = format!("{words:?} in the topic");
        let heard = eventually(&what, || async {
            let sent = self.place.telegram.sent(TOKEN, GROUP);
            let mut in_topic = sent.into_iter().filter(|sent| sent.thread == Some(7));
            in_topic.find(|sent| sent.text.contains(words))
        });
        heard.await.text
    }

    async fn counts(&self, words: &str) -> usize {
        let sent = self.place.telegram.sent(TOKEN, ADA);
        sent.iter()
            .map(|sent| sent.text.matches(words).count())
            .sum()
    }

    async fn shows(&self, title: &str, status: TaskStatus) -> TaskId {
        let what = format!("{title:?} to be {status}");
        let found = eventually(&what, || async {
            let sent = self.place.telegram.sent(TOKEN, ADA).into_iter();
            let mut fits = sent
                .filter(|sent| sent.text.contains(title) && sent.text.contains(status.as_str()));
            fits.find(|sent| sent.text.contains("task_"))
        });
        TaskId::parse(&Place::id_in(&found.await.text, "task_")).expect("its id")
    }

    async fn is_given(&self, _: TaskId, name: &str) -> Vec<u8> {
        eventually("the file", || async {
            let sent = self.place.telegram.sent(TOKEN, ADA);
            let mut files = sent.into_iter().filter_map(|sent| sent.file);
            files
                .find(|(found, _)| found == name)
                .map(|(_, bytes)| bytes)
        })
        .await
    }

    async fn is_asked(&self) -> Sent {
        eventually("a question", || async {
            let sent = self.place.telegram.sent(TOKEN, ADA).into_iter();
            let mut open = sent.filter(|sent| sent.button("Approve").is_some());
            open.find(|sent| sent.text.contains("May this happen"))
        })
        .await
    }

    async fn says_yes(&self, question: &Sent) -> String {
        let yes = question.button("Approve").expect("a button");
        let press = self
            .place
            .telegram
            .presses_data(TOKEN, &self.ada, question, &yes);
        self.place.told(&press).await
    }

    async fn stranger(&self, text: &str) -> String {
        let eve = Human::new(66, "Eve");
        self.place.telegram.says(TOKEN, &eve, text);
        self.place.hears(66, "do not know you").await.text
    }

    async fn nonsense(&self) -> String {
        let from = json!({"id": ADA, "is_bot": false, "first_name": "Ada"});
        let chat = json!({"id": ADA, "type": "private", "first_name": "Ada"});
        let said = json!({"from": from, "chat": chat, "text": {"no": "text"}});
        self.place.telegram.brings_raw(TOKEN, "message", said);
        self.hears("I cannot read this").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_does_what_every_door_has_to_do() {
    holds(&Web::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_does_what_every_door_has_to_do() {
    holds(&Chat::open().await).await;
}
