//! Tools of foreign servers: what a server says of a tool, held to limits, under a name of ours.
//!
//! A definition is a stranger's text. It is bounded before anything reads it, it is known by its
//! fingerprint, and nothing in it (no annotation, no title) says how risky a call is.

use crate::limits::{
    DEFINITION_BYTES_MAX, NAME_CHARS_MAX, SCHEMA_DEPTH_MAX, SCHEMA_NODES_MAX, SCHEMA_REFERENCES_MAX,
};
use crate::{Seat, Tool};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardroom_domain::{Digest, RetryClass, RiskTier};

/// Between the name of a server and the name of its tool.
pub const SEPARATOR: &str = "__";

/// What a server says of one of its tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its own name for it.
    pub name: String,
    /// Its words about it.
    pub description: String,
    /// A JSON schema of the arguments.
    pub parameters: Value,
}

impl Definition {
    /// What it is known by: any change of name, words or schema makes another one.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self)
    }
}

/// Where a definition stands with the org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is as it was when the org took it in.
    Accepted,
    /// It came or changed after that, and no person has accepted it yet.
    Changed,
}

/// What makes a tool foreign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreign {
    /// The server, as the configuration names it.
    pub server: String,
    /// The server's own name for the tool.
    pub tool: String,
    /// The fingerprint of its definition.
    pub definition: Digest,
    /// What the org vouches for; without it a call counts as destructive.
    pub vouched: Option<RiskTier>,
    /// Whether its definition is as the org took it in.
    pub standing: Standing,
}

impl Foreign {
    /// No call of it is milder than this.
    pub fn tier(&self) -> RiskTier {
        match (self.standing, self.vouched) {
            (Standing::Accepted, Some(tier)) => tier,
            // A changed tool may be another tool: what was vouched for was the old one.
            (Standing::Changed, Some(tier)) => tier.max(RiskTier::L2Destructive),
            (_, None) => RiskTier::L2Destructive,
        }
    }

    /// Only what the org vouches to be a look may be done again without asking.
    fn class(&self) -> RetryClass {
        match self.tier() {
            RiskTier::L0Readonly => RetryClass::Read,
            _ => RetryClass::Blind,
        }
    }
}

impl Tool {
    /// The tool as models see it. `description` and `parameters` are the cleaned ones.
    pub fn of_server(
        foreign: Foreign,
        description: String,
        parameters: Value,
    ) -> Result<Self, String> {
        Ok(Self {
            name: model_name(&foreign.server, &foreign.tool)?,
            description,
            parameters,
            seat: Seat::Executor,
            class: foreign.class(),
            tier_floor: foreign.tier(),
            version: foreign.definition.to_string(),
            foreign: Some(foreign),
        })
    }
}

/// The name under which models know a tool of a server: letters, digits, `_` and `-`.
pub fn model_name(server: &str, tool: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let plain: String = tool
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .take(NAME_CHARS_MAX + 1)
        .collect();
    let name = format!("{server}{SEPARATOR}{plain}");
    if !plain.chars().any(|c| c.is_ascii_alphanumeric()) {
        return Err("its name has no letter or digit".to_owned());
    }
    if name.len() > NAME_CHARS_MAX {
        return Err(format!(
            "its name is longer than the {} characters that are left for it",
            NAME_CHARS_MAX.saturating_sub(server.len() + SEPARATOR.len())
        ));
    }
    Ok(name)
}

/// Refuses a definition that is too large, or whose schema could be used to keep us busy.
pub fn fit(definition: &Definition) -> Result<(), String> {
    let bytes = definition.parameters.to_string().len() + definition.description.len();
    if bytes > DEFINITION_BYTES_MAX {
        return Err(format!(
            "its definition has {bytes} bytes, more than the {DEFINITION_BYTES_MAX} that are read"
        ));
    }
    if definition.parameters.get("type").and_then(Value::as_str) != Some("object") {
        return Err("the schema of its arguments is not of an object".to_owned());
    }
    let mut measure = Measure::default();
    measure.walk(&definition.parameters, 0)?;
    if measure.references > SCHEMA_REFERENCES_MAX {
        return Err(format!(
            "its schema refers to parts of itself {} times, more than {SCHEMA_REFERENCES_MAX}",
            measure.references
        ));
    }
    crate::catalogue::validator(&definition.parameters)
        .map(|_| ())
        .map_err(|fault| format!("the schema of its arguments is none: {fault}"))
}

#[derive(Default)]
struct Measure {
    nodes: usize,
    references: usize,
}

impl Measure {
    fn walk(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        self.nodes += 1;
        if depth > SCHEMA_DEPTH_MAX || self.nodes > SCHEMA_NODES_MAX {
            return Err("its schema is nested too deeply or has too many parts".to_owned());
        }
        match value {
            Value::Object(fields) => {
                for (key, below) in fields {
                    self.keyword(key, below)?;
                    self.walk(below, depth + 1)?;
                }
            }
            Value::Array(items) => {
                for below in items {
                    self.walk(below, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// References stay within the schema and are few: a handful that double each other at every
    /// level is as good as a loop.
    fn keyword(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match (key, value) {
            ("$ref", Value::String(target)) if target.starts_with('#') => {
                self.references += 1;
                Ok(())
            }
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                Err("its schema refers to something outside of itself".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(parameters: Value) -> Definition {
        Definition {
            name: "t".into(),
            description: String::new(),
            parameters,
        }
    }

    #[test]
    fn names_are_made_fit_or_refused() {
        assert_eq!(
            model_name("files", "read.file"),
            Ok("files__read_file".into())
        );
        assert_eq!(model_name("files", "Löschen"), Ok("files__L_schen".into()));
        assert!(model_name("files", "…").is_err());
        assert!(model_name("files", &"x".repeat(60)).is_err());
    }

    #[test]
    fn hostile_schemas_are_refused() {
        let fits = |parameters| fit(&with(parameters)).is_ok();
        assert!(fits(
            json!({"type": "object", "$defs": {"a": {}}, "properties": {"a": {"$ref": "#/$defs/a"}}})
        ));
        assert!(!fits(json!({"type": "string"})));
        assert!(!fits(
            json!({"type": "object", "$ref": "http://127.0.0.1/x"})
        ));
        assert!(!fits(
            json!({"type": "object", "title": "x".repeat(DEFINITION_BYTES_MAX)})
        ));
        let mut deep = json!({});
        for _ in 0..40 {
            deep = json!({"not": deep});
        }
        assert!(!fits(json!({"type": "object", "not": deep})));
        let bomb: Vec<Value> = (0..60)
            .map(|n| json!({"$ref": format!("#/$defs/{n}")}))
            .collect();
        assert!(!fits(json!({"type": "object", "allOf": bomb})));
    }

    #[test]
    fn what_nobody_vouches_for_counts_as_destructive() {
        let foreign = |vouched, standing| Foreign {
            server: "files".into(),
            tool: "read".into(),
            definition: Digest::of_bytes(b""),
            vouched,
            standing,
        };
        let made = |vouched, standing| {
            let tool = Tool::of_server(foreign(vouched, standing), String::new(), json!({}));
            let tool = tool.unwrap();
            (tool.tier_floor, tool.class)
        };
        let read = Some(RiskTier::L0Readonly);
        let (l0, l2) = (RiskTier::L0Readonly, RiskTier::L2Destructive);
        assert_eq!(made(read, Standing::Accepted), (l0, RetryClass::Read));
        assert_eq!(made(read, Standing::Changed), (l2, RetryClass::Blind));
        assert_eq!(made(None, Standing::Accepted), (l2, RetryClass::Blind));
    }
}
