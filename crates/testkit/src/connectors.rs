//! What every connector has to do, as one suite: it is run against the connector and the other
//! side of its platform.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a connector that does not conform fails its test"
)]

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use wardroom_connectors::{Arrival, Button, Connector, Fault, Place, Post, Posted, Rich, What};

/// The other side of a platform, where the people are.
pub trait Platform {
    /// A private chat with somebody, and his immutable id.
    fn private(&self) -> (Place, String);
    /// A thread of a group, where the platform has threads.
    fn thread(&self) -> Option<Place>;
    /// He says something in the private chat.
    fn says(&self, text: &str);
    /// He passes on what somebody else said.
    fn forwards(&self, text: &str);
    /// He changes something that he said.
    fn edits(&self, text: &str);
    /// He sends a file.
    fn sends_file(&self, name: &str, bytes: Vec<u8>);
    /// He sends a file that is larger than the platform hands out.
    fn sends_huge_file(&self);
    /// He presses a button.
    fn presses(&self, posted: &Posted, label: &str);
    /// What his last press was answered.
    fn press_answer(&self) -> Option<String>;
    /// The words of a message as they read now.
    fn reads(&self, posted: &Posted) -> String;
    /// Whether a message is shown as an answer to another.
    fn is_reply(&self, posted: &Posted) -> bool;
    /// A file that was sent to him.
    fn receives(&self, posted: &Posted) -> Option<(String, Vec<u8>)>;
    /// The next call meets too many others.
    fn floods(&self, seconds: u16);
    /// The platform is down, or up again.
    fn is_away(&self, is_away: bool);
    /// He closes the chat, or opens it again.
    fn closes(&self, is_closed: bool);
    /// An update that no version of ours has heard of.
    fn surprises(&self);
}

/// Runs the suite.
pub async fn conforms(connector: &dyn Connector, platform: &dyn Platform) {
    let mut run = Run {
        connector,
        platform,
        cursor: None,
        waiting: VecDeque::new(),
    };
    run.knows_itself().await;
    run.ingests().await;
    run.tells_words_apart().await;
    run.posts_and_edits().await;
    run.fits_the_limits().await;
    run.replies_and_threads().await;
    run.carries_files().await;
    run.carries_presses().await;
    run.names_its_failures().await;
    run.survives_surprises().await;
}

struct Run<'a> {
    connector: &'a dyn Connector,
    platform: &'a dyn Platform,
    cursor: Option<i64>,
    waiting: VecDeque<Arrival>,
}

fn said(arrival: &Arrival) -> &str {
    match &arrival.what {
        What::Said { text, .. } => text,
        other => panic!("words were expected, not {other:?}"),
    }
}

impl Run<'_> {
    /// What comes in next.
    async fn next(&mut self) -> Arrival {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(first) = self.waiting.pop_front() {
                return first;
            }
            let intake = self.connector.receive(self.cursor).await;
            let intake = intake.expect("the platform answers");
            self.cursor = intake.cursor;
            self.waiting.extend(intake.arrivals);
            assert!(Instant::now() < until, "nothing came in");
        }
    }

    async fn post(&self, text: &str) -> Posted {
        let (place, _) = self.platform.private();
        let post = Post::of(Rich::markdown(text));
        self.connector
            .post(&place, &post)
            .await
            .expect("it is posted")
    }

    async fn knows_itself(&self) {
        self.connector.prepare(None).await.expect("it makes ready");
        let myself = self.connector.identify().await.expect("who we are");
        assert!(!myself.id.is_empty() && !myself.name.is_empty());
        assert!(
            self.connector.name().contains(':'),
            "a kind and an instance"
        );
    }

    async fn ingests(&mut self) {
        let (place, id) = self.platform.private();
        self.platform.says("good morning");
        let before = self.cursor;
        let first = self.next().await;
        assert_eq!(said(&first), "good morning");
        assert_eq!(first.place, place);
        assert_eq!(first.sender.as_ref().expect("a sender").id, id);
        // What was not confirmed is brought again.
        self.cursor = before;
        let again = self.next().await;
        assert_eq!(
            again.external_id, first.external_id,
            "the same delivery has the same id"
        );
    }

    async fn tells_words_apart(&mut self) {
        self.platform.forwards("/approve it");
        let What::Said {
            is_forwarded,
            is_edited,
            ..
        } = self.next().await.what
        else {
            panic!("words")
        };
        assert!(is_forwarded && !is_edited);
        self.platform.edits("/approve that");
        let What::Said {
            is_forwarded,
            is_edited,
            ..
        } = self.next().await.what
        else {
            panic!("words")
        };
        assert!(is_edited && !is_forwarded);
    }

    async fn posts_and_edits(&self) {
        let posted = self.post("a **bold** word & <tag> 👩🏽‍🚀").await;
        assert_eq!(self.platform.reads(&posted), "a bold word & <tag> 👩🏽‍🚀");
        if !self.connector.limits().edits {
            return;
        }
        let post = Post::of(Rich::plain("changed"));
        for _ in 0..2 {
            let edited = self.connector.edit(&posted, &post).await;
            edited.expect("it is edited; the same edit again is no failure");
        }
        assert_eq!(self.platform.reads(&posted), "changed");
    }

    async fn fits_the_limits(&self) {
        let (place, _) = self.platform.private();
        let line = "äöü 👨‍👩‍👧‍👦 **bold** `code` words\n";
        let block = format!("```py\n{}```\n", "x = 1\n".repeat(2000));
        let long = Rich::markdown(&format!("{}\n{block}", line.repeat(400)));
        let mut read = String::new();
        for piece in self.connector.pieces(&long) {
            let posted = self.connector.post(&place, &Post::of(piece)).await;
            read.push_str(
                &self
                    .platform
                    .reads(&posted.expect("the platform takes each piece")),
            );
        }
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(squeezed(&read), squeezed(&long.text));
    }

    async fn replies_and_threads(&self) {
        let first = self.post("first").await;
        let answer = Post {
            reply_to: Some(first.message.clone()),
            ..Post::of(Rich::plain("second"))
        };
        let second = self.connector.post(&first.place, &answer).await;
        assert!(self.platform.is_reply(&second.expect("it is posted")));
        if let Some(place) = self.platform.thread() {
            let post = Post::of(Rich::plain("in here"));
            let posted = self.connector.post(&place, &post).await;
            let posted = posted.expect("it is posted");
            assert_eq!(
                (self.platform.reads(&posted).as_str(), posted.place),
                ("in here", place)
            );
        }
    }

    async fn carries_files(&mut self) {
        self.platform
            .sends_file("notes.txt", b"some notes".to_vec());
        let arrival = self.next().await;
        let What::Said { attachments, .. } = &arrival.what else {
            panic!("a file comes with words, if only none")
        };
        let [file] = attachments.as_slice() else {
            panic!("one file, not {attachments:?}")
        };
        assert_eq!(file.name, "notes.txt");
        let bytes = self
            .connector
            .fetch(file, 1000)
            .await
            .expect("it is fetched");
        assert_eq!(bytes.as_ref(), b"some notes");
        let too_long = self.connector.fetch(file, 3).await;
        assert!(
            matches!(too_long, Err(Fault::Refused { .. })),
            "{too_long:?}"
        );
        self.platform.sends_huge_file();
        let arrival = self.next().await;
        let What::Said { attachments, .. } = &arrival.what else {
            panic!("a file")
        };
        let limit = self.connector.limits().fetch_bytes_max;
        let refused = self.connector.fetch(&attachments[0], limit).await;
        assert!(matches!(refused, Err(Fault::Refused { .. })), "{refused:?}");
        let sent = self
            .connector
            .send_file(&arrival.place, "a.bin", vec![1, 2, 3].into());
        let sent = sent.await.expect("it is sent");
        assert_eq!(
            self.platform.receives(&sent),
            Some(("a.bin".to_owned(), vec![1, 2, 3]))
        );
    }

    async fn carries_presses(&mut self) {
        if !self.connector.limits().buttons {
            return;
        }
        let (place, id) = self.platform.private();
        let button = |label: &str, data: &str| Button {
            label: label.to_owned(),
            data: data.to_owned(),
        };
        let post = Post {
            buttons: vec![vec![button("Yes", "opaque-yes"), button("No", "opaque-no")]],
            ..Post::of(Rich::plain("Well?"))
        };
        let posted = self
            .connector
            .post(&place, &post)
            .await
            .expect("it is posted");
        self.platform.presses(&posted, "No");
        let arrival = self.next().await;
        assert_eq!(arrival.sender.expect("who pressed").id, id);
        let What::Pressed { press, data } = arrival.what else {
            panic!("a press")
        };
        assert_eq!(data, "opaque-no");
        self.connector
            .answer_press(&press, "noted")
            .await
            .expect("it is told");
        assert_eq!(self.platform.press_answer().as_deref(), Some("noted"));
    }

    async fn names_its_failures(&self) {
        let (place, _) = self.platform.private();
        let post = Post::of(Rich::plain("hello"));
        self.platform.floods(7);
        let flooded = self.connector.post(&place, &post).await;
        let after = Duration::from_secs(7);
        assert_eq!(flooded, Err(Fault::Wait { after }));
        self.platform.is_away(true);
        let away = self.connector.post(&place, &post).await;
        assert!(matches!(away, Err(Fault::Away { .. })), "{away:?}");
        self.platform.is_away(false);
        self.platform.closes(true);
        let closed = self.connector.post(&place, &post).await;
        assert!(matches!(closed, Err(Fault::Closed { .. })), "{closed:?}");
        self.platform.closes(false);
        self.connector
            .post(&place, &post)
            .await
            .expect("it is open again");
        let nowhere = Place {
            chat: "999999".to_owned(),
            ..place
        };
        let lost = self.connector.post(&nowhere, &post).await;
        assert!(matches!(lost, Err(Fault::Closed { .. })), "{lost:?}");
    }

    async fn survives_surprises(&mut self) {
        // What closing and opening the chat has brought.
        while !matches!(self.next().await.what, What::LetIn) {}
        self.platform.surprises();
        let arrival = self.next().await;
        assert!(
            matches!(arrival.what, What::Unreadable { .. }),
            "{arrival:?}"
        );
        self.platform.says("still there?");
        assert_eq!(said(&self.next().await), "still there?");
        for nonsense in [&b"not JSON"[..], b"{}", b"[]", b"\xff\xfe"] {
            let read = self.connector.read(nonsense);
            assert!(matches!(read, Err(Fault::Refused { .. })), "{read:?}");
        }
    }
}
