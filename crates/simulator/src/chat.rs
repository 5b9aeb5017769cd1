//! A chat network of the world outside: it brings what people say at least once, shows what it is
//! given, and goes on when a process of ours dies.

use crate::Chance;
use crate::people::lock;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wardroom_connectors::{
    Arrival, Attachment, Connector, Fault, Intake, Limits, Measure, Myself, Place, PlaceKind, Post,
    Posted, Sender, What,
};

/// Our door there.
pub(crate) const DOOR: &str = "sim:main";
/// What the network calls the person, and the chat in which he is alone with us.
pub(crate) const PERSON: &str = "7";
/// How long somebody who asks for news waits when there is none, in looks.
const LOOKS: u32 = 20;
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The network.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

struct State {
    chance: Chance,
    /// The slice of the run.
    now: u32,
    /// What is to be brought, numbered as the network numbers it.
    deliveries: Vec<(i64, Arrival)>,
    /// What is brought once more, after so many askings.
    again: Vec<(u32, Arrival)>,
    number: i64,
    /// The deliveries that we were told have arrived.
    confirmed: BTreeSet<String>,
    posts: Vec<Call>,
    /// The posts by place, in the order in which they were shown.
    shown: Vec<usize>,
}

/// A post of ours, on its way or there.
struct Call {
    text: String,
    by: u64,
    /// When whoever posted heard of it.
    heard: Option<u32>,
    /// Whoever posted was lost before he could note what he heard: nobody can know of it.
    is_unknown: bool,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            chance: Chance::of(seed),
            now: 0,
            deliveries: Vec::new(),
            again: Vec::new(),
            number: 0,
            confirmed: BTreeSet::new(),
            posts: Vec::new(),
            shown: Vec::new(),
        })))
    }

    /// Time goes on.
    pub(crate) fn now_is(&self, slice: u32) {
        lock(&self.0).now = slice;
    }

    /// Somebody says something. It is brought once, and often once more.
    pub(crate) fn says(&self, id: u32, text: &str) {
        let mut state = lock(&self.0);
        let arrival = arrival(id, text);
        if state.chance.percent(50) {
            let after = 1 + u32::try_from(state.chance.below(6)).unwrap_or_default();
            state.again.push((after, arrival.clone()));
        }
        state.brings(arrival);
    }

    /// A process is gone, asleep, or taken for lost: what it was about to note is noted by nobody.
    pub(crate) fn loses(&self, process: u64) {
        let mut state = lock(&self.0);
        let now = state.now;
        for call in state.posts.iter_mut().filter(|call| call.by == process) {
            call.is_unknown |= call.heard.is_none_or(|at| at == now);
        }
    }

    /// What we were told has arrived.
    pub(crate) fn confirmed(&self) -> Vec<(String, String)> {
        let state = lock(&self.0);
        let ids = state.confirmed.iter();
        ids.map(|id| (DOOR.to_owned(), id.clone())).collect()
    }

    /// Whether something that fits was shown.
    pub(crate) fn has_shown(&self, words: &str) -> bool {
        let state = lock(&self.0);
        let mut shown = state.shown.iter();
        shown.any(|place| state.posts[*place].text == words)
    }

    /// What was shown twice although nobody was lost in between.
    pub(crate) fn doubled(&self) -> Vec<String> {
        let state = lock(&self.0);
        let mut doubled = Vec::new();
        for (at, place) in state.shown.iter().enumerate() {
            let call = &state.posts[*place];
            let mut earlier = state.shown[..at].iter().map(|place| &state.posts[*place]);
            let same = earlier.find(|earlier| earlier.text == call.text);
            if same.is_some_and(|same| !same.is_unknown && !call.is_unknown) {
                doubled.push(format!("I15 {DOOR}: {:?} was said twice", call.text));
            }
        }
        doubled
    }

    fn takes(&self, cursor: Option<i64>) -> Intake {
        let mut state = lock(&self.0);
        let cursor = cursor.unwrap_or_default();
        let arrived = |(number, _): &(i64, Arrival)| *number <= cursor;
        let done: Vec<_> = state.deliveries.extract_if(.., |it| arrived(it)).collect();
        let ids = done.into_iter().map(|(_, arrival)| arrival.external_id);
        state.confirmed.extend(ids);
        for (after, _) in &mut state.again {
            *after = after.saturating_sub(1);
        }
        let due: Vec<_> = state
            .again
            .extract_if(.., |(after, _)| *after == 0)
            .collect();
        for (_, arrival) in due {
            state.brings(arrival);
        }
        Intake {
            cursor: state.deliveries.last().map(|(number, _)| *number),
            arrivals: state.deliveries.iter().map(|(_, it)| it.clone()).collect(),
        }
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(1 + lock(&self.0).chance.below(40))
    }

    fn begins(&self, by: u64, text: &str) -> usize {
        let mut state = lock(&self.0);
        state.posts.push(Call {
            text: text.to_owned(),
            by,
            heard: None,
            is_unknown: false,
        });
        state.posts.len() - 1
    }

    fn hears(&self, post: usize) {
        let mut state = lock(&self.0);
        state.posts[post].heard = Some(state.now);
    }
}

impl State {
    fn brings(&mut self, arrival: Arrival) {
        self.number += 1;
        self.deliveries.push((self.number, arrival));
    }
}

fn arrival(id: u32, text: &str) -> Arrival {
    Arrival {
        external_id: format!("said-{id}"),
        place: Place {
            connector: DOOR.to_owned(),
            chat: PERSON.to_owned(),
            thread: None,
        },
        kind: PlaceKind::Private,
        sender: Some(Sender {
            id: PERSON.to_owned(),
            name: "Owner".to_owned(),
            is_bot: false,
        }),
        what: What::Said {
            text: text.to_owned(),
            attachments: Vec::new(),
            message: id.to_string(),
            is_to_us: true,
            is_forwarded: false,
            is_edited: false,
        },
    }
}

/// The door of one process.
pub(crate) struct NetworkDoor {
    pub(crate) network: Network,
    pub(crate) outside: Handle,
    pub(crate) process: u64,
}

impl NetworkDoor {
    /// Shows a text. What left the machine is shown, whether or not anybody waits for the answer.
    async fn shows(&self, text: &str) -> Result<String, Fault> {
        let post = self.network.begins(self.process, text);
        // Until the connection stands, nothing has left.
        tokio::time::sleep(self.network.pause()).await;
        if lock(&self.network.0).chance.percent(5) {
            self.network.hears(post);
            let why = "it is ill".to_owned();
            return Err(Fault::Away { why });
        }
        let (tell, told) = oneshot::channel();
        let network = self.network.clone();
        self.outside.spawn(async move {
            tokio::time::sleep(network.pause()).await;
            lock(&network.0).shown.push(post);
            tokio::time::sleep(network.pause()).await;
            // Nobody may be there any more.
            let _ = tell.send(());
        });
        let heard = told.await;
        self.network.hears(post);
        heard.map(|()| post.to_string()).map_err(|_| Fault::Away {
            why: "the world has ended".to_owned(),
        })
    }

    async fn away(&self) {
        tokio::time::sleep(self.network.pause()).await;
    }
}

#[async_trait]
impl Connector for NetworkDoor {
    fn name(&self) -> &str {
        DOOR
    }

    fn limits(&self) -> Limits {
        Limits {
            text_max: 4000,
            measure: Measure::Characters,
            spans_max: 100,
            fetch_bytes_max: 1024,
            edit_pause: Duration::from_secs(1),
            edits: true,
            buttons: true,
            threads: false,
        }
    }

    async fn identify(&self) -> Result<Myself, Fault> {
        Ok(Myself {
            id: "0".to_owned(),
            name: "crew".to_owned(),
        })
    }

    async fn prepare(&self, _: Option<&str>) -> Result<(), Fault> {
        self.away().await;
        Ok(())
    }

    async fn receive(&self, cursor: Option<i64>) -> Result<Intake, Fault> {
        for _ in 0..LOOKS {
            self.away().await;
            let intake = self.network.takes(cursor);
            if !intake.arrivals.is_empty() {
                return Ok(intake);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Intake {
            cursor,
            ..Intake::default()
        })
    }

    fn read(&self, _: &[u8]) -> Result<Vec<Arrival>, Fault> {
        Ok(Vec::new())
    }

    async fn post(&self, place: &Place, post: &Post) -> Result<Posted, Fault> {
        let message = self.shows(&post.rich.text).await?;
        Ok(Posted {
            place: place.clone(),
            message,
        })
    }

    async fn edit(&self, _: &Posted, _: &Post) -> Result<(), Fault> {
        self.away().await;
        Ok(())
    }

    async fn send_file(&self, place: &Place, name: &str, _: Bytes) -> Result<Posted, Fault> {
        let message = self.shows(name).await?;
        Ok(Posted {
            place: place.clone(),
            message,
        })
    }

    async fn fetch(&self, _: &Attachment, _: u64) -> Result<Bytes, Fault> {
        Ok(Bytes::new())
    }

    async fn answer_press(&self, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn show_busy(&self, _: &Place) -> Result<(), Fault> {
        Ok(())
    }
}
