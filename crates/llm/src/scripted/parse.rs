//! The YAML of a story, checked so that its author learns of a mistake with its line.
//!
//! ```yaml
//! rules:
//!   - when: "hello"                 # part of what was said; or "/a regular (expression)/"
//!     role: coordinator             # only for this role; both otherwise
//!     say: "Hello! You said: {{text}}"
//!   - when: "/count (.+)/"
//!     steps:                        # one per turn, until they are used up
//!       - call: [{tool: shell, arguments: {command: "ls {{1}} | wc -l"}}]
//!       - say: "There are {{last_tool_result}}"
//!   - after: delegate               # hears the result of this tool ("*": of any)
//!     times: 1                      # at most so often in one conversation
//!     say: "It is under way."
//! ```
//! Upper and lower case are alike. The first rule that fits is played.

use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::template;
use crate::role::ModelRole;

/// A mistake in a story.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the story is not playable, line {line}: {reason}")]
pub struct StoryError {
    pub line: u64,
    pub reason: String,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub when: Option<Pattern>,
    pub after: Option<After>,
    pub role: Option<ModelRole>,
    pub times: Option<u32>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// INVARIANT: in lower case.
    Contains(String),
    Matches(Regex),
}

#[derive(Debug, Clone)]
pub(super) enum After {
    AnyTool,
    Tool(String),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    pub say: String,
    pub calls: Vec<Call>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub tool: String,
    #[serde(default = "no_arguments")]
    pub arguments: Value,
}

fn no_arguments() -> Value {
    Value::Object(serde_json::Map::new())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoryFile {
    rules: Vec<Spanned<RuleFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    when: Option<Spanned<String>>,
    after: Option<String>,
    role: Option<ModelRole>,
    times: Option<u32>,
    say: Option<Spanned<String>>,
    call: Option<Vec<Spanned<Call>>>,
    steps: Option<Vec<Spanned<StepFile>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    say: Option<Spanned<String>>,
    call: Option<Vec<Spanned<Call>>>,
}

pub(super) fn rules(yaml: &str) -> Result<Vec<Rule>, StoryError> {
    let file: StoryFile = serde_saphyr::from_str(yaml).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        StoryError {
            line,
            reason: error.without_snippet().to_string(),
        }
    })?;
    if file.rules.is_empty() {
        return Err(StoryError {
            line: 1,
            reason: "it has no rules".into(),
        });
    }
    file.rules.into_iter().map(rule).collect()
}

fn rule(file: Spanned<RuleFile>) -> Result<Rule, StoryError> {
    let line = file.referenced.line();
    let RuleFile {
        when,
        after,
        role,
        times,
        say,
        call,
        steps,
    } = file.value;
    let steps = match (say.is_some() || call.is_some(), steps) {
        (true, None) => vec![step(StepFile { say, call }, line)?],
        (false, Some(steps)) if !steps.is_empty() => steps
            .into_iter()
            .map(|file| {
                let line = file.referenced.line();
                step(file.value, line)
            })
            .collect::<Result<_, _>>()?,
        (true, Some(_)) => return Err(mistake(line, "a rule has either say and call, or steps")),
        (false, _) => return Err(mistake(line, "a rule needs say, call or steps")),
    };
    let after = after.map(|tool| {
        if tool == "*" {
            After::AnyTool
        } else {
            After::Tool(tool)
        }
    });
    Ok(Rule {
        when: when.map(pattern).transpose()?,
        after,
        role,
        times,
        steps,
    })
}

fn pattern(text: Spanned<String>) -> Result<Pattern, StoryError> {
    let line = text.referenced.line();
    let between_slashes = text
        .value
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    let Some(expression) = between_slashes else {
        return Ok(Pattern::Contains(text.value.to_lowercase()));
    };
    let regex = RegexBuilder::new(expression).case_insensitive(true).build();
    regex
        .map(Pattern::Matches)
        .map_err(|error| mistake(line, &error.to_string()))
}

fn step(file: StepFile, line: u64) -> Result<Step, StoryError> {
    let mut step = Step::default();
    if let Some(say) = file.say {
        template::check(&say.value).map_err(|reason| mistake(say.referenced.line(), &reason))?;
        step.say = say.value;
    }
    for call in file.call.into_iter().flatten() {
        let line = call.referenced.line();
        check_call(&call.value).map_err(|reason| mistake(line, &reason))?;
        step.calls.push(call.value);
    }
    if step.say.is_empty() && step.calls.is_empty() {
        return Err(mistake(line, "a step needs say or call"));
    }
    Ok(step)
}

fn check_call(call: &Call) -> Result<(), String> {
    if !call.arguments.is_object() {
        return Err(format!("the arguments of {} are not a mapping", call.tool));
    }
    template::check_value(&call.arguments)
}

fn mistake(line: u64, reason: &str) -> StoryError {
    StoryError {
        line,
        reason: reason.to_owned(),
    }
}
