//! What is drawn: lines that stay, and below them one line per task at work, drawn over.
//!
//! Replies are data and go to stdout; everything else is talk and goes to stderr. Where lines
//! cannot be drawn over (a pipe, a dumb terminal), a change of state is a line of its own.

use super::crew::Member;
use crate::terminal::{clipped, is_live, size, style, visible};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use wardroom_domain::TaskStatus;

/// Frames of the wheel that shows that something still happens.
const WHEEL: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// More lines than this would push the conversation off the screen.
const MEMBERS_MAX: usize = 8;

/// The terminal as we left it.
pub struct Screen {
    is_live: bool,
    /// Whether stdout is for something else than replies.
    is_quiet: bool,
    /// Whether replies are shown as they are written.
    is_streaming: bool,
    /// How many lines below the conversation are ours to draw over.
    drawn: usize,
    frame: usize,
    /// The attempt whose words are being shown, and the words so far.
    preview: Option<(String, String)>,
    /// Attempts that have been shown: a second stream may tell of them again.
    shown: BTreeSet<String>,
}

impl Screen {
    /// For one conversation; `is_quiet` where stdout carries JSON.
    pub fn new(is_quiet: bool) -> Self {
        let is_streaming = !is_quiet && std::io::stdout().is_terminal();
        Self {
            is_live: is_live(),
            is_quiet,
            is_streaming,
            drawn: 0,
            frame: 0,
            preview: None,
            shown: BTreeSet::new(),
        }
    }

    /// Whether lines are drawn over.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// Says something about the conversation, on a line that stays.
    pub fn say(&mut self, text: &str) {
        self.erase();
        self.end_preview();
        anstream::eprintln!("{text}");
    }

    /// Takes the drawn-over lines away, so that something else may write.
    pub fn erase(&mut self) {
        if self.drawn > 0 {
            // Straight to stderr: with NO_COLOR the styled stream would drop this too.
            let _ = write!(std::io::stderr(), "\r\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
    }

    /// Draws how the crew stands.
    pub fn draw<'a>(&mut self, members: impl Iterator<Item = &'a Member>) {
        if !self.is_live || self.preview.is_some() {
            return;
        }
        self.erase();
        let columns = size().0.saturating_sub(1).max(20);
        let wheel = WHEEL[self.frame % WHEEL.len()];
        let mut lines = String::new();
        for member in members.take(MEMBERS_MAX) {
            for line in member_lines(member, wheel, columns) {
                lines.push_str(&line);
                lines.push('\n');
                self.drawn += 1;
            }
        }
        anstream::eprint!("{lines}");
    }

    /// Turns the wheel.
    pub fn tick(&mut self) {
        self.frame += 1;
    }

    /// Where lines stay, a change of state is a line of its own.
    pub fn moved(&mut self, member: &Member) {
        let is_end = member.status.is_terminal();
        if is_end || !self.is_live {
            let line = state_line(member);
            self.say(&line);
        }
    }

    /// Shows a piece of a reply as it is written.
    pub fn preview(&mut self, attempt: &str, piece: &str) {
        if !self.is_streaming || self.shown.contains(attempt) {
            return;
        }
        self.erase();
        let is_same = self
            .preview
            .as_ref()
            .is_some_and(|(known, _)| known == attempt);
        if self.preview.is_some() && !is_same {
            let faint = style::FAINT;
            self.end_preview();
            anstream::eprintln!("{faint}(the model starts again){faint:#}");
        }
        let (_, words) = self
            .preview
            .get_or_insert_with(|| (attempt.to_owned(), String::new()));
        words.push_str(piece);
        anstream::print!("{}", visible(piece));
        let _ = std::io::stdout().flush();
    }

    /// Shows a whole reply, unless it stands there already.
    pub fn reply(&mut self, text: &str) {
        self.erase();
        let shown = self
            .preview
            .as_ref()
            .is_some_and(|(_, words)| words.trim() == text.trim());
        self.end_preview();
        if !shown && !self.is_quiet && !text.trim().is_empty() {
            anstream::println!("{}", visible(text));
        }
        let _ = std::io::stdout().flush();
    }

    fn end_preview(&mut self) {
        if let Some((attempt, words)) = self.preview.take() {
            self.shown.insert(attempt);
            if !words.ends_with('\n') {
                anstream::println!();
            }
        }
    }
}

/// One line for a task, and one for the last thing that its tool said.
fn member_lines(member: &Member, wheel: &str, columns: usize) -> Vec<String> {
    let (style, faint) = (status_style(member.status), style::FAINT);
    let sign = match member.status {
        TaskStatus::WaitingApproval => "?",
        TaskStatus::Queued => "·",
        _ => wheel,
    };
    let percent = match member.percent {
        0 => String::new(),
        percent => format!(" {percent}%"),
    };
    let head = format!("{sign} {}{percent} {}", member.status_word(), member.title);
    let rest = columns.saturating_sub(head.chars().count() + 2);
    let note = if rest > 10 {
        clipped(&member.note, rest)
    } else {
        String::new()
    };
    let head = clipped(&head, columns);
    let mut lines = vec![format!("{style}{head}{style:#}  {faint}{note}{faint:#}")];
    if !member.tail.is_empty() {
        let tail = clipped(&member.tail, columns.saturating_sub(4));
        lines.push(format!("{faint}  │ {tail}{faint:#}"));
    }
    lines
}

/// A task and how it stands, on a line that stays.
pub fn state_line(member: &Member) -> String {
    let (style, faint) = (status_style(member.status), style::FAINT);
    let title = visible(&member.title);
    let why = member
        .error
        .as_deref()
        .map(|why| format!(": {}", visible(why)));
    let why = why.unwrap_or_default();
    let id = member.id;
    format!(
        "{style}{} {title}{why}{style:#} {faint}{id}{faint:#}",
        member.status_word()
    )
}

fn status_style(status: TaskStatus) -> anstyle::Style {
    match status {
        TaskStatus::Succeeded => style::GOOD,
        TaskStatus::Failed | TaskStatus::TimedOut | TaskStatus::Canceled => style::BAD,
        TaskStatus::WaitingApproval => style::ASK,
        TaskStatus::Queued | TaskStatus::Running => anstyle::Style::new(),
    }
}
