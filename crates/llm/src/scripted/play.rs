//! Finds a story's next turn by playing it again from the first message.

use crate::message::{Message, ModelRequest, Part, Role, ToolCall};
use crate::role::ModelRole;
use wardroom_policy::sanitize::unquoted;

use super::Turn;
use super::parse::{After, Pattern, Rule, Step};
use super::template::Scene;

pub(super) fn next(rules: &[Rule], request: &ModelRequest) -> Turn {
    let mut play = Play::new(rules, ModelRole::of(request));
    for message in &request.messages {
        if message.role == Role::Assistant {
            play.turn();
            play.catch_up(message);
            play.remember_calls(message);
        } else {
            play.hear(message);
        }
    }
    play.turn()
}

struct Play<'a> {
    rules: &'a [Rule],
    role: ModelRole,
    /// How often each rule has begun.
    begun: Vec<u32>,
    /// The rule being played and its next step.
    running: Option<(usize, usize)>,
    scene: Scene,
    heard: Heard,
    turns: usize,
    calls: Vec<(String, String)>,
}

/// The news since our last turn.
#[derive(Debug, Clone, PartialEq)]
enum Heard {
    Nothing,
    Person(String),
    Tool { name: String, text: String },
}

impl<'a> Play<'a> {
    fn new(rules: &'a [Rule], role: ModelRole) -> Self {
        Self {
            rules,
            role,
            begun: vec![0; rules.len()],
            running: None,
            scene: Scene::default(),
            heard: Heard::Nothing,
            turns: 0,
            calls: Vec::new(),
        }
    }

    /// A history may keep only what was said in the end; then the calls on the way to it are
    /// passed over.
    fn catch_up(&mut self, message: &Message) {
        let Some((rule, next)) = &mut self.running else {
            return;
        };
        let has_calls = message
            .content
            .iter()
            .any(|part| matches!(part, Part::ToolCall(_)));
        let steps = &self.rules[*rule].steps;
        let calls = |at: usize| steps.get(at).is_some_and(|step| !step.calls.is_empty());
        while !has_calls && *next > 0 && calls(*next - 1) {
            *next += 1;
        }
    }

    fn remember_calls(&mut self, message: &Message) {
        self.calls
            .extend(message.content.iter().filter_map(|part| match part {
                Part::ToolCall(call) => Some((call.id.clone(), call.name.clone())),
                _ => None,
            }));
        self.heard = Heard::Nothing;
        self.scene.tool_results.clear();
    }

    fn hear(&mut self, message: &Message) {
        for part in &message.content {
            let Part::ToolResult { id, text, .. } = part else {
                continue;
            };
            // A story speaks of what came back, not of the marks around it.
            let text = unquoted(text);
            self.scene.last_tool_result = text.trim_end().to_owned();
            if !self.scene.tool_results.is_empty() {
                self.scene.tool_results.push('\n');
            }
            self.scene.tool_results.push_str(text.trim_end());
            let name = self.calls.iter().rfind(|(known, _)| known == id);
            let name = name.map(|(_, name)| name.clone()).unwrap_or_default();
            self.heard = Heard::Tool {
                name,
                text: text.to_owned(),
            };
        }
        let text = message.text();
        if message.role == Role::User && !text.is_empty() {
            self.heard = Heard::Person(text);
        }
    }

    fn turn(&mut self) -> Turn {
        self.turns += 1;
        if let Heard::Person(_) = self.heard {
            // New words of a person may begin another rule; otherwise the story goes on.
            self.begin();
        } else if self.step().is_none() {
            self.running = None;
            self.begin();
        }
        match self.step() {
            Some(step) => self.perform(step),
            None => self.lost(),
        }
    }

    fn step(&self) -> Option<&'a Step> {
        let (rule, step) = self.running?;
        self.rules[rule].steps.get(step)
    }

    fn begin(&mut self) {
        let Some(rule) = (0..self.rules.len()).find(|&at| self.fits(at)) else {
            return;
        };
        self.begun[rule] += 1;
        self.running = Some((rule, 0));
        let text = match &self.heard {
            Heard::Nothing => String::new(),
            Heard::Person(text) => {
                self.scene.request.clone_from(text);
                text.clone()
            }
            Heard::Tool { text, .. } => text.clone(),
        };
        self.scene.captures = self.rules[rule]
            .when
            .as_ref()
            .map_or(Vec::new(), |when| when.captures(&text));
        self.scene.text = text;
    }

    fn fits(&self, at: usize) -> bool {
        let rule = &self.rules[at];
        if rule.role.is_some_and(|role| role != self.role)
            || rule.times.is_some_and(|times| self.begun[at] >= times)
        {
            return false;
        }
        let text = match (&rule.after, &self.heard) {
            (None, Heard::Person(text)) | (Some(After::AnyTool), Heard::Tool { text, .. }) => text,
            (Some(After::Tool(tool)), Heard::Tool { name, text }) if tool == name => text,
            _ => return false,
        };
        rule.when.as_ref().is_none_or(|when| when.fits(text))
    }

    fn perform(&mut self, step: &Step) -> Turn {
        if let Some((_, next)) = &mut self.running {
            *next += 1;
        }
        let calls = step
            .calls
            .iter()
            .enumerate()
            .map(|(number, call)| ToolCall {
                id: format!("call_{}_{number}", self.turns),
                name: call.tool.clone(),
                arguments: self.scene.fill_value(&call.arguments),
            });
        Turn {
            calls: calls.collect(),
            text: self.scene.fill(&step.say),
        }
    }

    fn lost(&self) -> Turn {
        let heard = match &self.heard {
            Heard::Nothing => "an empty message".to_owned(),
            Heard::Person(text) => format!("\"{}\"", crate::failure::quote(text)),
            Heard::Tool { name, .. } => format!("the result of {name}"),
        };
        let known = self
            .rules
            .iter()
            .filter(|rule| rule.role.is_none_or(|role| role == self.role));
        let known = known.filter_map(|rule| rule.when.as_ref().map(Pattern::shown));
        let known = known.collect::<Vec<_>>().join(", ");
        Turn {
            text: format!(
                "I play a story and have no line for {heard}. I know what to do about: {known}. \
                 For open conversation, configure a model under [models.default]."
            ),
            calls: Vec::new(),
        }
    }
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        match self {
            Pattern::Contains(part) => text.to_lowercase().contains(part),
            Pattern::Matches(regex) => regex.is_match(text),
        }
    }

    fn captures(&self, text: &str) -> Vec<String> {
        let Pattern::Matches(regex) = self else {
            return Vec::new();
        };
        let Some(captures) = regex.captures(text) else {
            return Vec::new();
        };
        let groups = captures.iter().skip(1);
        groups
            .map(|group| group.map_or("", |group| group.as_str()).to_owned())
            .collect()
    }

    fn shown(&self) -> String {
        match self {
            Pattern::Contains(part) => format!("\"{part}\""),
            Pattern::Matches(regex) => format!("/{regex}/"),
        }
    }
}
