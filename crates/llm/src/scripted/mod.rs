//! A model that plays a story: offline, free and the same every time.
//!
//! It keeps no state. What comes next is reckoned from the conversation itself, so a story goes on
//! where it was after a restart.

mod parse;
mod play;
mod template;

use async_trait::async_trait;

use crate::assemble::estimated_usage;
use crate::message::{Delta, Finish, ModelReply, ModelRequest, ToolCall};
use crate::model::{Model, ModelError, PreviewSink};

pub use parse::StoryError;

/// What a scripted model does when it hears what.
#[derive(Debug, Clone)]
pub struct Story {
    rules: Vec<parse::Rule>,
}

/// What the story says next.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub text: String,
    pub calls: Vec<ToolCall>,
}

impl Story {
    /// The story that ships with the product; `wardroom demo` plays it.
    pub fn demo() -> Result<Story, StoryError> {
        Story::parse(include_str!("../../stories/demo.yaml"))
    }

    pub fn parse(yaml: &str) -> Result<Story, StoryError> {
        Ok(Story {
            rules: parse::rules(yaml)?,
        })
    }

    /// The next turn of this conversation; where no rule fits, a sentence that says so.
    pub fn next(&self, request: &ModelRequest) -> Turn {
        play::next(&self.rules, request)
    }
}

/// A [`Story`] as a model.
#[derive(Debug)]
pub struct ScriptedModel {
    name: String,
    story: Story,
}

impl ScriptedModel {
    pub fn new(name: impl Into<String>, story: Story) -> Self {
        Self {
            name: name.into(),
            story,
        }
    }
}

#[async_trait]
impl Model for ScriptedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn sees_images(&self) -> bool {
        false
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        preview: PreviewSink<'_>,
    ) -> Result<ModelReply, ModelError> {
        let turn = self.story.next(request);
        for word in turn.text.split_inclusive(' ') {
            preview(Delta::Text {
                text: word.to_owned(),
            });
        }
        for call in &turn.calls {
            preview(Delta::CallStarted {
                name: call.name.clone(),
            });
        }
        let written = turn
            .calls
            .iter()
            .map(|call| call.arguments.to_string().len());
        let usage = estimated_usage(request, turn.text.len() + written.sum::<usize>());
        let finish = if turn.calls.is_empty() {
            Finish::Stop
        } else {
            Finish::ToolCalls
        };
        Ok(ModelReply {
            text: turn.text,
            calls: turn.calls,
            usage,
            model: "scripted".into(),
            finish,
        })
    }
}
