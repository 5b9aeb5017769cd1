//! A server's answer as a value of ours: bounded text for the model, facts for people.

use base64::Engine as _;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Value, json};
use wardroom_domain::{Digest, limits::TOOL_OUTPUT_BYTES_MAX};

/// What came of a call.
#[derive(Debug)]
pub struct Answer {
    /// Whether the server says that it failed.
    pub is_error: bool,
    /// What it says, cut where it is too long.
    pub text: String,
    /// What it was made of.
    pub detail: Value,
    /// What it says as data, where it is data.
    pub data: Option<Value>,
}

/// What stands in the place of a part that this version does not know.
const UNKNOWN: &str = "[something of a kind that is not known here]";
/// More is not read as data.
const DATA_BYTES_MAX: usize = 1 << 20;
/// The mark where a long answer was cut.
const CUT: &str = "\n[the rest of the answer was cut here]";

impl Answer {
    pub(super) fn of(result: CallToolResult) -> Self {
        let mut parts: Vec<String> = result.content.iter().map(in_words).collect();
        let has_words = parts.iter().any(|part| !part.trim().is_empty());
        // Servers repeat structured content as text for clients that read only that.
        if let (Some(structured), false) = (&result.structured_content, has_words) {
            parts = vec![structured.to_string()];
        }
        let whole = parts.join("\n");
        let data = result.structured_content.or_else(|| read_data(&whole));
        let detail = json!({"parts": parts.len(), "bytes": whole.len()});
        Self {
            is_error: result.is_error.unwrap_or(false),
            text: cut(whole),
            detail,
            data,
        }
    }

    /// The server's own refusal of a call.
    pub(super) fn refusal(message: &str) -> Self {
        Self {
            is_error: true,
            text: cut(format!("the server refused: {message}")),
            detail: Value::Null,
            data: None,
        }
    }
}

/// Many servers answer in JSON without saying so.
fn read_data(text: &str) -> Option<Value> {
    let may_be = text.starts_with(['{', '[']) && text.len() <= DATA_BYTES_MAX;
    may_be.then(|| serde_json::from_str(text).ok()).flatten()
}

fn cut(mut text: String) -> String {
    if text.len() > TOOL_OUTPUT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TOOL_OUTPUT_BYTES_MAX - CUT.len()));
        text.push_str(CUT);
    }
    text
}

/// Pictures and sounds are named, not sent on: a model is told what there was.
fn in_words(part: &ContentBlock) -> String {
    match part {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => blob("picture", &image.mime_type, &image.data),
        ContentBlock::Audio(audio) => blob("sound", &audio.mime_type, &audio.data),
        ContentBlock::Resource(embedded) => resource(&embedded.resource),
        ContentBlock::ResourceLink(link) => format!("[resource {}: {}]", link.uri, link.name),
        _ => UNKNOWN.to_owned(),
    }
}

fn resource(contents: &ResourceContents) -> String {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => {
            format!("[resource {uri}]\n{text}")
        }
        ResourceContents::BlobResourceContents {
            uri,
            mime_type,
            blob: data,
            ..
        } => {
            let kind = mime_type.as_deref().unwrap_or("application/octet-stream");
            format!("[resource {uri}] {}", blob("file", kind, data))
        }
        _ => UNKNOWN.to_owned(),
    }
}

fn blob(noun: &str, media_type: &str, data: &str) -> String {
    let media_type: String = media_type.chars().take(60).collect();
    match base64::engine::general_purpose::STANDARD.decode(data) {
        Ok(bytes) => format!(
            "[a {noun}, {media_type}, {} bytes, {}]",
            bytes.len(),
            Digest::of_bytes(&bytes)
        ),
        Err(_) => format!("[a {noun}, {media_type}, which cannot be read]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: Value) -> Answer {
        Answer::of(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn every_kind_of_part_becomes_bounded_text() {
        let mixed = answer(json!({"content": [
            {"type": "text", "text": "hello"},
            {"type": "image", "mimeType": "image/png", "data": "AAAA"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}},
        ]}));
        let lines: Vec<_> = mixed.text.lines().collect();
        assert_eq!(lines[0], "hello");
        assert!(
            lines[1].starts_with("[a picture, image/png, 3 bytes, sha256:"),
            "{lines:?}"
        );
        assert_eq!(lines[2..], ["[resource file:///a]", "inside"]);
        let structured = answer(json!({"content": [], "structuredContent": {"a": 1}}));
        assert_eq!(structured.text, r#"{"a":1}"#);
        let long = answer(
            json!({"content": [{"type": "text", "text": "é".repeat(40_000)}], "isError": true}),
        );
        assert!(
            long.is_error && long.text.len() <= TOOL_OUTPUT_BYTES_MAX && long.text.ends_with(CUT)
        );
    }
}
