//! Markdown files, and HTML from outside turned into Markdown where it can do no harm.

use super::Finding;
use serde_json::json;
use wardroom_policy::sanitize;

/// Elements that hold no text for a reader.
const SKIPPED: &[&str] = &[
    "script", "style", "noscript", "iframe", "object", "embed", "template", "svg", "canvas",
    "head", "form", "input", "button", "select", "textarea", "audio", "video",
];

/// Refuses a path that is no Markdown file; none if it is one.
pub(crate) fn only(path: &str) -> Option<Finding> {
    let is_markdown = path
        .rsplit_once('.')
        .is_some_and(|(_, end)| matches!(end, "md" | "markdown"));
    (!is_markdown).then(|| {
        Finding::bad(format!(
            "`{path}` is no Markdown file; its name must end in .md"
        ))
    })
}

/// Turns HTML into Markdown, without scripts, forms, data URLs and images that a reader would load.
pub(crate) fn from_html(html: &str) -> Finding {
    let converter = htmd::HtmlToMarkdown::builder()
        .skip_tags(SKIPPED.to_vec())
        .build();
    match converter.convert(html) {
        Ok(markdown) => {
            let clean = sanitize::sanitize(&markdown, &sanitize::Limits::default()).clean;
            Finding::good(clean, json!({"bytes": html.len()}))
        }
        Err(error) => Finding::bad(format!("the HTML could not be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_or_loads_does_not_come_through() {
        let html = "<h1>Tides</h1><script>steal()</script><p onclick='x()'>High at <b>six</b></p>\
                    <img src='https://evil.example/p.png?d=1'><img src='data:image/png;base64,AAAA'>";
        let html = html.replace("AAAA", &"A".repeat(200));
        let text = from_html(&html).text;
        assert!(
            text.contains("# Tides") && text.contains("**six**"),
            "{text}"
        );
        for gone in ["steal", "onclick", "![](https", "AAAAAAAA"] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
    }
}
