//! Lines from a person, edited and remembered, while the rest of the program goes on.

use super::hush::forget_typed_ahead;
use super::{is_interactive, size};
use crate::failure::Failure;
use rustyline::config::{Behavior, Config};
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};
use std::path::PathBuf;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// What came of asking for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line.
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Nothing will come any more.
    Gone,
}

/// A line editor in a thread of its own.
pub struct Input {
    asks: mpsc::Sender<Ask>,
    printer: Option<Box<dyn ExternalPrinter + Send>>,
}

struct Ask {
    prompt: String,
    is_remembered: bool,
    answer: oneshot::Sender<Line>,
}

impl Input {
    /// Starts the editor; remembered lines are kept in `history`.
    pub fn start(history: Option<PathBuf>) -> Result<Self, Failure> {
        let unusable = |error: ReadlineError| {
            let hint = "Give the text as an argument: `wardroom chat TEXT`.";
            Failure::caused("this terminal cannot be read from", &error, hint)
        };
        // The prompt goes to the terminal itself, so that stdout may be piped elsewhere.
        let behavior = if is_interactive() {
            Behavior::PreferTerm
        } else {
            Behavior::Stdio
        };
        let config = Config::builder().behavior(behavior).build();
        let mut editor = DefaultEditor::with_config(config).map_err(unusable)?;
        if let Some(path) = &history {
            // A first session has no history yet.
            let _ = editor.load_history(path);
        }
        let printer = editor.create_external_printer().ok();
        let printer = printer.map(|printer| Box::new(printer) as Box<dyn ExternalPrinter + Send>);
        let (asks, todo) = mpsc::channel::<Ask>();
        std::thread::spawn(move || {
            for ask in todo {
                serve(&mut editor, ask, history.as_ref());
            }
        });
        Ok(Self { asks, printer })
    }

    /// Asks for a line of the conversation, which is remembered.
    pub fn line(&self, prompt: &str) -> oneshot::Receiver<Line> {
        self.ask(prompt, true)
    }

    /// Asks a question whose answer is not remembered.
    pub async fn answer(&self, prompt: &str) -> Line {
        self.ask(prompt, false).await.unwrap_or(Line::Gone)
    }

    fn ask(&self, prompt: &str, is_remembered: bool) -> oneshot::Receiver<Line> {
        let (answer, receiver) = oneshot::channel();
        // Where the editor is gone, the receiver says so.
        let _ = self.asks.send(Ask {
            prompt: prompt.to_owned(),
            is_remembered,
            answer,
        });
        receiver
    }

    /// Prints a line above the one that is being edited.
    pub fn print_above(&mut self, text: &str) {
        match &mut self.printer {
            Some(printer) if is_interactive() => {
                let _ = printer.print(format!("{text}\n"));
            }
            _ => anstream::eprintln!("{text}"),
        }
    }

    /// Shows all of a text, a screen at a time where somebody reads along; nothing is left out.
    pub async fn page(&self, text: &str) {
        let total = text.lines().count();
        let screen = size().1.saturating_sub(3).max(5);
        let mut is_paging = is_interactive() && total > screen;
        if is_paging {
            // An Enter that was typed before must not turn a page that nobody has read.
            forget_typed_ahead();
        }
        for (shown, line) in text.lines().enumerate() {
            if is_paging && shown > 0 && shown % screen == 0 {
                let more = format!("-- {shown} of {total} lines; Enter for more, a for all -- ");
                is_paging = self.answer(&more).await == Line::Text(String::new());
            }
            anstream::eprintln!("{line}");
        }
    }

    /// Asks for yes or no; none where nobody answered. Only a clear yes is one, and only what is
    /// typed after the question counts.
    pub async fn yes_no(&self, question: &str) -> Option<bool> {
        if is_interactive() {
            forget_typed_ahead();
        }
        loop {
            let Line::Text(text) = self.answer(&format!("{question} [y/N] ")).await else {
                return None;
            };
            match text.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Some(true),
                "n" | "no" | "" => return Some(false),
                _ => anstream::eprintln!("Please answer y or n."),
            }
        }
    }
}

fn serve(editor: &mut DefaultEditor, ask: Ask, history: Option<&PathBuf>) {
    let line = match editor.readline(ask.prompt.as_str()) {
        Ok(text) => Line::Text(text),
        Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Line::Interrupted,
        Err(_) => Line::Gone,
    };
    if let Line::Text(text) = &line
        && ask.is_remembered
        && !text.trim().is_empty()
    {
        let _ = editor.add_history_entry(text.as_str());
        if let Some(path) = history {
            // What cannot be kept is only less convenient.
            let _ = editor.save_history(path);
        }
    }
    let _ = ask.answer.send(line);
}
