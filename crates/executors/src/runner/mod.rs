//! The side that runs inside the sandbox: it knows the fixed tool API and nothing else.
//!
//! It reads calls from standard input and writes answers to standard output, one call at a time.
//! It holds no key and knows no server. Where the sandbox has a way out, it makes the requests of
//! the HTTP tools through it, like any other program inside.

mod text;
mod shell;
mod files;
mod markdown;
mod pdf;
mod archive;
mod client;
mod web;

use crate::protocol::{Answer, Call, Done, body_length, encode};
use crate::web::{NoRequest, WebRequest};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use web::Web;

/// The tools that the runner knows. What is not here is refused on this side too.
pub const TOOLS: &[&str] = &[
    "shell",
    "file_read",
    "file_write",
    "file_edit",
    "file_list",
    "file_move",
    "file_delete",
    "md_read",
    "md_write",
    "html_to_markdown",
    "http_fetch",
    "http_request",
];

/// Brings a piece of a file out; asked for by the host, offered to no model.
pub(crate) const FETCH: &str = "fetch";

/// What a tool came to.
pub(crate) struct Finding {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) detail: Value,
    /// It was sent, and nobody said what came of it.
    pub(crate) in_doubt: bool,
}

impl Finding {
    pub(crate) fn good(text: impl Into<String>, detail: Value) -> Self {
        Self {
            is_error: false,
            text: text.into(),
            detail,
            in_doubt: false,
        }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self {
            is_error: true,
            text: text.into(),
            detail: Value::Null,
            in_doubt: false,
        }
    }

    /// An error with facts.
    pub(crate) fn failed(text: impl Into<String>, detail: Value) -> Self {
        Self {
            detail,
            ..Self::bad(text)
        }
    }

    /// What may have happened although no answer told.
    pub(crate) fn doubtful(text: impl Into<String>) -> Self {
        Self {
            in_doubt: true,
            ..Self::bad(text)
        }
    }
}

/// Where answers go. Shared, because output comes from several threads.
#[derive(Clone)]
pub(crate) struct Sink(Arc<Mutex<Box<dyn Write + Send>>>);

impl Sink {
    pub(crate) fn send(&self, answer: &Answer) -> io::Result<()> {
        let bytes = encode(answer)?;
        let mut out = self
            .0
            .lock()
            .map_err(|_| io::Error::other("a writer died"))?;
        out.write_all(&bytes)?;
        out.flush()
    }
}

/// Closes this process to its own children: what runs at a call may not write into the runner's
/// streams or memory by `/proc`, and so cannot answer in its place.
pub fn shut_the_door_behind() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Serves calls until the stream ends. Answers the exit code of the process.
pub fn serve(input: impl Read, output: impl Write + Send + 'static) -> i32 {
    let sink = Sink(Arc::new(Mutex::new(Box::new(output))));
    let hello = Answer::Hello {
        tools: TOOLS.iter().map(|name| (*name).to_owned()).collect(),
    };
    match sink.send(&hello).and_then(|()| serve_calls(input, &sink)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("runner: {error}");
            1
        }
    }
}

fn serve_calls(mut input: impl Read, sink: &Sink) -> io::Result<()> {
    let mut web = None;
    while let Some(call) = read_call(&mut input)? {
        let finding = match WebRequest::read(&call.tool, &call.arguments) {
            Some(request) => request_web(&mut web, &call, request),
            None => carry(&call, sink),
        };
        sink.send(&Answer::Done(Done {
            action: call.action,
            fence: call.fence,
            is_error: finding.is_error,
            text: text::cut(&finding.text, call.text_bytes_max),
            detail: finding.detail,
            in_doubt: finding.in_doubt,
        }))?;
    }
    Ok(())
}

/// Requests are read here as they were read when they were judged.
fn request_web(
    web: &mut Option<Web>,
    call: &Call,
    request: Result<WebRequest, NoRequest>,
) -> Finding {
    let request = match request {
        Ok(request) => request,
        Err(wrong) => return Finding::bad(wrong.to_string()),
    };
    let made = match web.take() {
        Some(made) => Ok(made),
        None => Web::new(),
    };
    match made {
        Ok(made) => web.insert(made).carry(call, &request),
        Err(why) => Finding::bad(why.to_string()),
    }
}

fn read_call(input: &mut impl Read) -> io::Result<Option<Call>> {
    let mut header = [0; 4];
    match input.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0; body_length(header)?];
    input.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

fn carry(call: &Call, sink: &Sink) -> Finding {
    let argument = |name: &str| {
        call.arguments
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    match call.tool.as_str() {
        "shell" => shell::run(call, sink),
        "file_read" => files::read(argument("path"), call.text_bytes_max),
        "file_write" => files::write(argument("path"), argument("content")),
        "file_edit" => files::edit(argument("path"), argument("find"), argument("replace")),
        "file_list" => files::list(argument("path")),
        "file_move" => files::rename(argument("from"), argument("to")),
        "file_delete" => files::delete(argument("path")),
        "md_read" => markdown::only(argument("path"))
            .unwrap_or_else(|| files::read(argument("path"), call.text_bytes_max)),
        "md_write" => markdown::only(argument("path"))
            .unwrap_or_else(|| files::write(argument("path"), argument("content"))),
        FETCH => {
            let offset = call
                .arguments
                .get("offset")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            files::fetch(argument("path"), offset)
        }
        "html_to_markdown" if call.arguments.get("html").is_some() => {
            markdown::from_html(argument("html"))
        }
        "html_to_markdown" => Finding::bad("give either `html` or `url`"),
        other => Finding::failed(
            format!("the runner knows no tool `{other}`"),
            json!({"refused": true}),
        ),
    }
}
