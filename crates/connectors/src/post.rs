//! What is to be said at a platform.

use crate::{Place, Rich};
use serde::{Deserialize, Serialize};

/// One message of ours, short enough for its platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The words.
    pub rich: Rich,
    /// Rows of buttons below them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

impl Post {
    /// Words alone.
    pub fn of(rich: Rich) -> Self {
        Self {
            rich,
            ..Self::default()
        }
    }
}

/// Something to press.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What comes back when it is pressed: opaque, and worth nothing to anybody else.
    pub data: String,
}

/// A message of ours at its platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Where it stands.
    pub place: Place,
    /// The platform's id of it.
    pub message: String,
}
