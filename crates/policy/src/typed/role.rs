//! What an argument is for, told by its name alone: the names of the field, in no service's order.

/// What an argument is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Words for somebody to read.
    Content,
    /// Who or what the act is aimed at; anything that is not known to be something else.
    Target,
}

const CONTENT: &[&str] = &[
    "body",
    "caption",
    "comment",
    "content",
    "contents",
    "description",
    "details",
    "html",
    "markdown",
    "memo",
    "message",
    "note",
    "notes",
    "reason",
    "remark",
    "reply",
    "subject",
    "summary",
    "text",
    "title",
];

/// How much or how many of something harmless: what is shown at once, how long to wait.
const MEASURES: &[&str] = &[
    "limit",
    "n",
    "offset",
    "page",
    "per_page",
    "size",
    "timeout",
    "timeout_s",
    "top",
    "max_results",
];

/// Where something stands on the network.
const PLACES: &[&str] = &[
    "callback", "domain", "endpoint", "host", "hostname", "href", "link", "origin", "server",
    "site", "src", "uri", "uris", "url", "urls", "webhook", "website",
];

const FILES: &[&str] = &[
    "file",
    "filename",
    "files",
    "folder",
    "directory",
    "path",
    "paths",
];

/// Switches that give an act to more people or more things than it names.
const WIDENS: &[&str] = &[
    "all",
    "anonymous",
    "everyone",
    "force",
    "overwrite",
    "permanent",
    "public",
    "recursive",
    "shared",
];

impl Role {
    pub(super) fn of(name: &str) -> Role {
        if last_word_in(name, CONTENT) {
            Role::Content
        } else {
            Role::Target
        }
    }
}

pub(super) fn is_measure(name: &str) -> bool {
    MEASURES.contains(&snake(name).as_str())
}

pub(super) fn is_place(name: &str) -> bool {
    last_word_in(name, PLACES)
}

pub(super) fn is_file(name: &str) -> bool {
    words_of(name)
        .iter()
        .any(|word| FILES.contains(&word.as_str()))
}

pub(super) fn is_id(name: &str) -> bool {
    words_of(name).last().is_some_and(|word| {
        matches!(
            word.as_str(),
            "id" | "ids" | "number" | "no" | "key" | "index"
        )
    })
}

pub(super) fn widens(name: &str) -> bool {
    words_of(name)
        .iter()
        .any(|word| WIDENS.contains(&word.as_str()))
}

fn last_word_in(name: &str, list: &[&str]) -> bool {
    words_of(name)
        .last()
        .is_some_and(|word| list.contains(&word.as_str()))
}

/// `replyBody` and `reply-body` are `reply_body`.
fn snake(name: &str) -> String {
    words_of(name).join("_")
}

fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let starts = c.is_uppercase() && was_lower;
        if (!c.is_alphanumeric() || starts) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}
