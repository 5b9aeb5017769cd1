//! How the tasks of a conversation stand, as its events tell.

use std::collections::{BTreeMap, BTreeSet};
use wardroom_api::event::{Event, EventBody};
use wardroom_api::message::Message;
use wardroom_api::task::Task;
use wardroom_domain::{MessageId, Speaker, TaskId, TaskStatus};

/// How much of a tool's output is kept to show its last line.
const TAIL_BYTES_MAX: usize = 4096;

/// One task at work.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: TaskId,
    pub title: String,
    pub status: TaskStatus,
    pub percent: u8,
    pub note: String,
    pub error: Option<String>,
    /// The last line that its tool said.
    pub tail: String,
    /// Whether the coordinator still has to tell what came of it.
    is_awaited: bool,
}

impl Member {
    /// The status in a word for people.
    pub fn status_word(&self) -> &'static str {
        match self.status {
            TaskStatus::Queued => "queued",
            TaskStatus::Running => "working",
            TaskStatus::WaitingApproval => "waiting",
            TaskStatus::Succeeded => "done",
            TaskStatus::Failed => "failed",
            TaskStatus::Canceled => "canceled",
            TaskStatus::TimedOut => "timed out",
        }
    }
}

/// What an event means to the one who watches.
#[derive(Debug)]
pub enum News {
    /// Nothing that has to be said.
    Quiet,
    /// A task moved to another state.
    Moved(TaskId),
    /// The coordinator said something new.
    Said(Box<Message>),
    /// A person is asked, or the question has ended.
    Asked(Box<wardroom_api::approval::Approval>),
    /// A reply is being written.
    Writing {
        /// Which attempt.
        attempt: String,
        /// The next piece.
        text: String,
    },
    /// The stream's subject has ended.
    Done(wardroom_api::event::Done),
}

/// Every task of a conversation that is still of interest.
#[derive(Debug, Default)]
pub struct Crew {
    members: BTreeMap<TaskId, Member>,
    /// Messages that have been shown.
    heard: BTreeSet<MessageId>,
}

impl Crew {
    /// Adds a task, or learns how it stands now.
    pub fn learn(&mut self, task: &Task) {
        let member = self.member(task.id);
        member.title = task.title.clone();
        member.status = task.status;
        member.percent = task.progress.percent;
        member.note = task.progress.note.clone();
        member.error = task.error.clone();
    }

    fn member(&mut self, id: TaskId) -> &mut Member {
        self.members.entry(id).or_insert_with(|| Member {
            id,
            title: id.to_string(),
            status: TaskStatus::Queued,
            percent: 0,
            note: String::new(),
            error: None,
            tail: String::new(),
            is_awaited: false,
        })
    }

    /// A task that is known.
    pub fn get(&self, id: TaskId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// The tasks that are at work.
    pub fn at_work(&self) -> impl Iterator<Item = &Member> {
        self.members
            .values()
            .filter(|member| !member.status.is_terminal())
    }

    /// The task that began last.
    pub fn latest(&self) -> Option<TaskId> {
        self.members.keys().next_back().copied()
    }

    /// Every task that is known, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Waits for the outcome of a task to be told.
    pub fn expect(&mut self, id: TaskId) {
        self.member(id).is_awaited = true;
    }

    /// The tasks whose outcome is still to be told.
    pub fn awaited(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.is_awaited)
    }

    /// Waits for nothing any more; answers what was waited for.
    pub fn give_up(&mut self) -> Vec<TaskId> {
        let awaited = self.members.values_mut().filter(|member| member.is_awaited);
        awaited
            .map(|member| (member.is_awaited = false, member.id).1)
            .collect()
    }

    /// Takes an event in, and says what it means.
    pub fn hear(&mut self, event: Event) -> News {
        match (event.task, event.body) {
            (Some(id), EventBody::Status { status, title }) => {
                let member = self.member(id);
                let is_move = member.status != status;
                member.status = status;
                member.title = title;
                member.tail.clear();
                if is_move {
                    News::Moved(id)
                } else {
                    News::Quiet
                }
            }
            (Some(id), EventBody::Progress { percent, note }) => {
                let member = self.member(id);
                member.percent = percent;
                member.note = note;
                News::Quiet
            }
            (Some(id), EventBody::Output { text, .. }) => {
                keep_tail(&mut self.member(id).tail, &text);
                News::Quiet
            }
            (_, EventBody::Approval { approval }) => News::Asked(approval),
            (_, EventBody::Message { message }) => self.hear_message(message),
            (_, EventBody::Preview { attempt, text }) => News::Writing { attempt, text },
            (Some(id), EventBody::Done(done)) => {
                let member = self.member(id);
                member.error = done.error.clone();
                member.status = done.status.unwrap_or(member.status);
                News::Done(done)
            }
            (None, EventBody::Done(done)) => News::Done(done),
            (None, _) => News::Quiet,
        }
    }

    fn hear_message(&mut self, message: Box<Message>) -> News {
        let is_new = self.heard.insert(message.id);
        if message.speaker != Speaker::Assistant || !is_new {
            return News::Quiet;
        }
        for id in &message.tasks {
            // A message reports on what has ended, and begins what has not.
            let member = self.member(*id);
            member.is_awaited = !member.status.is_terminal();
        }
        News::Said(message)
    }
}

/// Keeps the last line of what a tool says; a line that just ended stays until the next begins.
fn keep_tail(tail: &mut String, piece: &str) {
    let mut text = std::mem::take(tail);
    text.push_str(piece);
    let ended = text.trim_end_matches(['\n', '\r']);
    let start = ended.rfind('\n').map_or(0, |at| at + 1);
    let start = start.max(floor(ended, ended.len().saturating_sub(TAIL_BYTES_MAX)));
    // The line's end is kept, so that the next piece begins a new line.
    *tail = text[start..].to_owned();
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_output_is_kept() {
        let mut tail = String::new();
        for (piece, line) in [
            ("comp", "comp"),
            ("iling a\n", "compiling a\n"),
            ("b\nc", "c"),
            ("\n", "c\n"),
        ] {
            keep_tail(&mut tail, piece);
            assert_eq!(tail, line);
        }
        keep_tail(&mut tail, &"é".repeat(5000));
        assert!(tail.len() <= TAIL_BYTES_MAX + 1);
    }
}
