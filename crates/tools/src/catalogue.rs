//! All the tools there are, and the check that a call fits its schema.

use crate::limits::KNOWN_NAMES_MAX;
use crate::{Seat, Tool, builtin};
use jsonschema::PatternOptions;
use std::collections::BTreeMap;
use wardroom_domain::ToolCall;

/// Why a call cannot be understood. The text is for the model, which is to try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentFault {
    /// No such tool.
    #[error("there is no tool `{name}`; the tools are: {known}")]
    UnknownTool {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The arguments do not fit.
    #[error(
        "the arguments of `{tool}` do not fit its schema: {fault}; mend them and call it again"
    )]
    OffSchema {
        /// Which tool.
        tool: String,
        /// What does not fit, and where.
        fault: String,
    },
}

struct Entry {
    tool: Tool,
    schema: jsonschema::Validator,
}

/// The tools of one server.
pub struct Catalogue {
    entries: BTreeMap<String, Entry>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Catalogue {
    /// The tools that Wardroom brings along.
    pub fn builtin() -> Self {
        let mut catalogue = Self {
            entries: BTreeMap::new(),
        };
        for tool in builtin::tools() {
            // The built-in schemas are checked by a test; one that does not compile is left out.
            let _ = catalogue.add(tool);
        }
        catalogue
    }

    /// Adds a tool, unless its schema is not one.
    pub fn add(&mut self, tool: Tool) -> Result<(), String> {
        let schema = validator(&tool.parameters)?;
        self.entries
            .insert(tool.name.clone(), Entry { tool, schema });
        Ok(())
    }

    /// These tools as well, in the place of all foreign ones.
    #[must_use]
    pub fn with_foreign(tools: Vec<Tool>) -> Self {
        let mut catalogue = Self::builtin();
        for tool in tools {
            // Their schemas were tried before; one that is none is left out.
            let _ = catalogue.add(tool);
        }
        catalogue
    }

    /// The tools of foreign servers.
    pub fn foreign(&self) -> impl Iterator<Item = &Tool> {
        let tools = self.entries.values().map(|entry| &entry.tool);
        tools.filter(|tool| tool.foreign.is_some())
    }

    /// One tool.
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.entries.get(name).map(|entry| &entry.tool)
    }

    /// The tools of a seat, shortest schemas first.
    pub fn offered(&self, seat: Seat) -> Vec<&Tool> {
        let mut tools: Vec<&Tool> = self
            .entries
            .values()
            .map(|entry| &entry.tool)
            .filter(|tool| tool.seat == seat)
            .collect();
        tools.sort_by_key(|tool| (tool.parameters.to_string().len(), tool.name.clone()));
        tools
    }

    /// Checks that a call names a tool of the seat and that its arguments fit.
    pub fn check(&self, seat: Seat, call: &ToolCall) -> Result<&Tool, ArgumentFault> {
        let entry = self
            .entries
            .get(&call.tool)
            .filter(|entry| entry.tool.seat == seat)
            .ok_or_else(|| self.unknown(seat, &call.tool))?;
        match entry.schema.iter_errors(&call.arguments).next() {
            None => Ok(&entry.tool),
            Some(fault) => Err(ArgumentFault::OffSchema {
                tool: call.tool.clone(),
                fault: describe(&fault),
            }),
        }
    }

    fn unknown(&self, seat: Seat, name: &str) -> ArgumentFault {
        let known: Vec<_> = self
            .offered(seat)
            .iter()
            .map(|tool| tool.name.clone())
            .take(KNOWN_NAMES_MAX)
            .collect();
        let name = name.chars().take(80).collect();
        ArgumentFault::UnknownTool {
            name,
            known: known.join(", "),
        }
    }
}

/// A validator for a schema. A pattern is tried in linear time, because it may be a stranger's.
pub(crate) fn validator(schema: &serde_json::Value) -> Result<jsonschema::Validator, String> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|fault| fault.to_string().chars().take(300).collect())
}

fn describe(fault: &jsonschema::ValidationError<'_>) -> String {
    let place = fault.instance_path().to_string();
    let text: String = fault.to_string().chars().take(300).collect();
    if place.is_empty() {
        text
    } else {
        format!("{text} (at {place})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(tool: &str, arguments: serde_json::Value) -> ToolCall {
        ToolCall {
            id: "1".into(),
            tool: tool.into(),
            arguments,
        }
    }

    #[test]
    fn every_builtin_schema_is_one() {
        assert_eq!(Catalogue::builtin().entries.len(), builtin::tools().len());
    }

    #[test]
    fn a_call_off_schema_is_told_what_is_wrong() {
        let catalogue = Catalogue::builtin();
        let check = |call| {
            catalogue
                .check(Seat::Executor, &call)
                .map(|_| ())
                .map_err(|e| e.to_string())
        };
        assert_eq!(check(call("shell", json!({"command": "ls"}))), Ok(()));
        let fault = check(call("shell", json!({"cmd": "ls"}))).unwrap_err();
        assert!(
            fault.contains("`shell`") && fault.contains("cmd"),
            "{fault}"
        );
        assert!(check(call("shell", json!(["ls"]))).is_err());
        assert!(
            check(call("delegate", json!({})))
                .unwrap_err()
                .contains("no tool `delegate`")
        );
    }

    #[test]
    fn what_the_coordinator_is_sent_stays_small() {
        let catalogue = Catalogue::builtin();
        let sent: usize = catalogue
            .offered(Seat::Coordinator)
            .iter()
            .map(|tool| tool.parameters.to_string().len() + tool.description.len() + 60)
            .sum();
        assert!(sent < 2_200, "{sent} bytes");
    }
}
