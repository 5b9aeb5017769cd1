//! How much of what happened the audit log tells: everything but secrets, or only what happened to
//! which thing, with digests in place of what was said.

use serde_json::{Map, Value, json};
use wardroom_domain::{Digest, words};
use wardroom_policy::redact::Redactor;

words! {
    /// The content level of the audit log.
    #[derive(Default)]
    pub enum AuditContent {
        /// Arguments, reasons and findings as they are.
        #[default]
        Full = "full",
        /// Ids, kinds and digests; no word of anybody.
        Metadata = "metadata",
    }
}

/// What is no content: ids, kinds, counts, digests and places in a list.
const KEPT: &[&str] = &[
    "answers",
    "applied",
    "approval",
    "approvals",
    "batch",
    "by",
    "calls",
    "categories",
    "changes",
    "child",
    "connector",
    "decision",
    "digest",
    "effect",
    "expires_at",
    "external_id",
    "fence",
    "from",
    "id",
    "is_error",
    "kind",
    "message",
    "model",
    "new_version",
    "origin",
    "parent",
    "port",
    "repeated",
    "role",
    "rule",
    "score",
    "server",
    "source",
    "status",
    "task",
    "tasks",
    "text",
    "tier",
    "to",
    "tool",
    "type",
    "user",
    "version",
    "via",
    "workspace",
];

/// A body as it is written down for good.
pub(crate) fn body(body: Value, content: AuditContent, redactor: &Redactor) -> Value {
    let clean = redacted(body, redactor);
    match content {
        AuditContent::Full => clean,
        AuditContent::Metadata => reduced(clean),
    }
}

/// Every text without the secrets that are known, or told by their shape.
fn redacted(value: Value, redactor: &Redactor) -> Value {
    match value {
        Value::String(text) => Value::String(redactor.redact(&text).into_owned()),
        Value::Array(items) => items
            .into_iter()
            .map(|item| redacted(item, redactor))
            .collect(),
        Value::Object(fields) => {
            let clean = |(name, value)| (name, redacted(value, redactor));
            Value::Object(fields.into_iter().map(clean).collect())
        }
        plain => plain,
    }
}

fn reduced(body: Value) -> Value {
    let Value::Object(fields) = body else {
        return json!({"sha256": Digest::of(&body)});
    };
    let reduce = |(name, value): (String, Value)| {
        let is_kept = KEPT.contains(&name.as_str()) || !has_words(&value);
        let value = match is_kept {
            true => value,
            false => json!({"sha256": Digest::of(&value)}),
        };
        (name, value)
    };
    Value::Object(fields.into_iter().map(reduce).collect::<Map<_, _>>())
}

fn has_words(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_tells_what_happened_and_no_word_of_it() {
        let told = json!({"tool": "shell", "arguments": {"command": "cat diary"}, "why": "asked",
            "fence": 3, "effect": "eff_1", "is_error": false});
        let reduced = body(told, AuditContent::Metadata, &Redactor::default());
        let text = reduced.to_string();
        assert!(!text.contains("diary") && !text.contains("asked"), "{text}");
        assert_eq!(
            (&reduced["tool"], &reduced["fence"]),
            (&json!("shell"), &json!(3))
        );
        assert!(reduced["arguments"]["sha256"].is_string(), "{text}");
    }

    #[test]
    fn a_secret_is_cut_out_however_deep_it_stands() {
        let redactor = Redactor::knowing([("mail".to_owned(), "correct horse".to_owned())]);
        let told = json!({"arguments": {"list": ["is correct horse"]}});
        let clean = body(told, AuditContent::Full, &redactor).to_string();
        assert!(
            clean.contains("[redacted: mail]") && !clean.contains("horse"),
            "{clean}"
        );
    }
}
