//! Role markup and tool-call syntax lose the brackets that a chat template would obey.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Category;
use super::clean::Cleaned;

// A class of letters that is repeated a bounded number of times is compiled once for each time, and
// costs megabytes; without a bound it is compiled once, and the time stays linear all the same.

/// The special tokens of chat templates, whatever stands between the bars.
static SPECIAL_TOKEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<[|｜]([\w▁ /.:-]+)[|｜]>").ok());

static BRACKETED_ROLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\[(/?(?:INST|SYS|SYSTEM|ASSISTANT|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS))\]|<<(/?SYS)>>").ok()
});

static ROLE_TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)<(/?(?:[a-z]{2,8}:)?(?:system|assistant|system[_-]?(?:prompt|message|instruction|reminder)s?|developer[_-]?(?:message|prompt)|important_instructions?|admin|bos|eos|start_of_turn|end_of_turn)(?:\s[^<>\n]{0,80})?/?)>"#).ok()
});

static TOOL_TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)<(/?(?:[a-z]{2,8}:)?(?:tool_?calls?|function_?calls?|function_?results?|tool_?(?:use|result|response|output)s?|invoke|tool_code|function=[\w.-]+)(?:\s[^<>\n]{0,120})?/?)>"#).ok()
});

static ROLE_HEADING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?im)^([ \t>]*)#{1,6}[ \t]*((?:new )?(?:system|assistant|instructions?|human|user|response|developer)(?: (?:prompt|message|instructions?|override|note))?)[ \t]*:").ok()
});

/// JSON in the forms that model interfaces use for calls. It is ordinary code and stays as it is.
static JSON_CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)["'](?:function_call|tool_calls?|tool_use|tool_name|recipient_name)["']\s*:|["']type["']\s*:\s*["'](?:tool_use|function_call|tool_result)["']|["']name["']\s*:\s*["'][\w.-]+["']\s*,\s*["'](?:arguments|parameters|input|args)["']\s*:"#).ok()
});

pub(super) fn disarm(text: &str, state: &mut Cleaned) -> String {
    let text = replace(&SPECIAL_TOKEN, text, Category::RoleMarkup, state, |name| {
        format!("‹|{name}|›")
    });
    let text = replace(
        &BRACKETED_ROLE,
        &text,
        Category::RoleMarkup,
        state,
        |name| format!("‹{name}›"),
    );
    let text = replace(&ROLE_TAG, &text, Category::RoleMarkup, state, |name| {
        format!("‹{name}›")
    });
    let text = replace(&TOOL_TAG, &text, Category::ToolCallSyntax, state, |name| {
        format!("‹{name}›")
    });
    if let Some(call) = JSON_CALL.as_ref().and_then(|pattern| pattern.find(&text)) {
        state.note(Category::ToolCallSyntax, || call.as_str().to_owned());
    }
    disarm_headings(text, state)
}

fn replace(
    pattern: &LazyLock<Option<Regex>>,
    text: &str,
    category: Category,
    state: &mut Cleaned,
    inert: fn(&str) -> String,
) -> String {
    let Some(pattern) = pattern.as_ref() else {
        return text.to_owned();
    };
    let with_inert = |found: &Captures<'_>| {
        let name = found
            .iter()
            .skip(1)
            .flatten()
            .next()
            .map_or("", |group| group.as_str());
        state.note(category, || name.to_owned());
        inert(name)
    };
    pattern.replace_all(text, with_inert).into_owned()
}

fn disarm_headings(text: String, state: &mut Cleaned) -> String {
    let Some(pattern) = ROLE_HEADING.as_ref() else {
        return text;
    };
    let with_inert = |found: &Captures<'_>| {
        let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
        state.note(Category::RoleMarkup, || group(2).to_owned());
        format!("{}‹{}›:", group(1), group(2))
    };
    pattern.replace_all(&text, with_inert).into_owned()
}
