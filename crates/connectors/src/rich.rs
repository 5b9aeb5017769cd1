//! Styled text: words and the spans that are set apart in them. Nothing in it needs to be escaped,
//! because style is beside the words and not between them.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};

/// Words with styled spans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rich {
    /// The words.
    pub text: String,
    /// The spans, by where they begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
}

/// A part of the words that is set apart. INVARIANT: both ends stand between characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub from: usize,
    /// Behind the last byte.
    pub to: usize,
    /// How it is set apart.
    pub style: Style,
}

/// How a span is set apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum Style {
    /// Strong.
    Bold,
    /// Emphasised.
    Italic,
    /// Struck out.
    Strike,
    /// Code in a line.
    Code,
    /// A block of code.
    Block {
        /// Its language, where one was named.
        language: String,
    },
    /// Somebody else's words.
    Quote,
    /// An address behind the words.
    Link {
        /// The address: `http`, `https` or `mailto`.
        url: String,
    },
}

impl Rich {
    /// Words without any style, whatever they look like.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            spans: Vec::new(),
        }
    }

    /// Reads Markdown.
    pub fn markdown(text: &str) -> Self {
        let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
        let mut writer = Writer::default();
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            writer.take(event, &text[range]);
        }
        writer.end()
    }

    /// Whether there is nothing to see.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

#[derive(Default)]
struct Writer {
    rich: Rich,
    /// What has begun and not ended yet.
    open: Vec<(usize, Style)>,
    /// The lists around us: the next number, or none where they are not numbered.
    lists: Vec<Option<u64>>,
    /// How many lines to break before the next words.
    breaks: usize,
    in_block: bool,
    is_first_cell: bool,
}

impl Writer {
    fn take(&mut self, event: Event<'_>, source: &str) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.finish(tag),
            Event::Text(text) => self.write(&text),
            Event::Code(text) => {
                self.pause();
                let from = self.rich.text.len();
                self.rich.text.push_str(&text);
                self.span(from, Style::Code);
            }
            Event::SoftBreak | Event::HardBreak => self.write("\n"),
            Event::Rule => {
                self.apart(2);
                self.write("———");
                self.apart(2);
            }
            // What looks like HTML is what somebody wrote, and is shown as it was written.
            Event::Html(_) | Event::InlineHtml(_) => self.write(source),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.write(&text),
            Event::FootnoteReference(name) => self.write(&format!("[{name}]")),
            Event::TaskListMarker(is_done) => self.write(if is_done { "☑ " } else { "☐ " }),
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.apart(if self.lists.is_empty() { 2 } else { 1 }),
            Tag::Heading { .. } => {
                self.apart(2);
                self.open(Style::Bold);
            }
            Tag::BlockQuote(_) => {
                self.apart(2);
                self.open(Style::Quote);
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => word(&info),
                    CodeBlockKind::Indented => String::new(),
                };
                self.apart(2);
                self.in_block = true;
                self.open(Style::Block { language });
            }
            Tag::List(first) => {
                self.apart(if self.lists.is_empty() { 2 } else { 1 });
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Emphasis => self.open(Style::Italic),
            Tag::Strong => self.open(Style::Bold),
            Tag::Strikethrough => self.open(Style::Strike),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.open(Style::Link {
                    url: dest_url.into_string(),
                });
            }
            Tag::TableHead | Tag::TableRow => {
                self.apart(1);
                self.is_first_cell = true;
            }
            Tag::TableCell if !std::mem::take(&mut self.is_first_cell) => self.write(" | "),
            Tag::Table(_) | Tag::HtmlBlock => self.apart(2),
            _ => {}
        }
    }

    fn finish(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::CodeBlock => {
                if self.rich.text.ends_with('\n') {
                    self.rich.text.pop();
                }
                self.in_block = false;
                self.close();
                self.apart(2);
            }
            TagEnd::Heading(_) | TagEnd::BlockQuote(_) => {
                self.close();
                self.apart(2);
            }
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image => self.close(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.apart(if self.lists.is_empty() { 2 } else { 1 });
            }
            TagEnd::Paragraph => self.apart(if self.lists.is_empty() { 2 } else { 1 }),
            TagEnd::Table | TagEnd::HtmlBlock => self.apart(2),
            _ => {}
        }
    }

    fn item(&mut self) {
        self.apart(1);
        let indent = "  ".repeat(self.lists.len().saturating_sub(1));
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}. ");
                *number += 1;
                mark
            }
            _ => "• ".to_owned(),
        };
        self.write(&format!("{indent}{mark}"));
        // The item's first paragraph stands in the same line.
        self.breaks = 0;
    }

    /// At least so many line breaks before what comes next, and none before the first words.
    fn apart(&mut self, lines: usize) {
        let is_after_mark = self.rich.text.ends_with("• ") || self.rich.text.ends_with(". ");
        let is_in_item = is_after_mark && !self.lists.is_empty();
        if !self.rich.text.is_empty() && !is_in_item {
            self.breaks = self.breaks.max(lines);
        }
    }

    fn pause(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        let there = self.rich.text.chars().rev().take_while(|c| *c == '\n');
        let missing = breaks.saturating_sub(there.count());
        self.rich.text.extend(std::iter::repeat_n('\n', missing));
    }

    fn write(&mut self, text: &str) {
        self.pause();
        self.rich.text.push_str(text);
    }

    fn open(&mut self, style: Style) {
        self.pause();
        self.open.push((self.rich.text.len(), style));
    }

    fn close(&mut self) {
        if let Some((from, style)) = self.open.pop() {
            self.span(from, style);
        }
    }

    fn span(&mut self, from: usize, style: Style) {
        let to = self.rich.text.len();
        let is_safe = match &style {
            Style::Link { url } => is_address(url),
            _ => true,
        };
        if from < to && is_safe {
            self.rich.spans.push(Span { from, to, style });
        }
    }

    fn end(mut self) -> Rich {
        while !self.open.is_empty() {
            self.close();
        }
        let length = self.rich.text.trim_end().len();
        self.rich.text.truncate(length);
        for span in &mut self.rich.spans {
            span.to = span.to.min(length);
        }
        self.rich.spans.retain(|span| span.from < span.to);
        self.rich
            .spans
            .sort_by_key(|span| (span.from, std::cmp::Reverse(span.to)));
        self.rich
    }
}

/// The first word of what stands behind a fence, as far as it can name a language.
fn word(info: &str) -> String {
    let word = info.split_whitespace().next().unwrap_or_default();
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '_' | '.');
    word.chars().filter(is_plain).take(32).collect()
}

fn is_address(url: &str) -> bool {
    ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
        && !url.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(markdown: &str) -> String {
        let rich = Rich::markdown(markdown);
        let spans = rich
            .spans
            .iter()
            .map(|span| format!("{:?}={}", span.style, &rich.text[span.from..span.to]));
        let spans: Vec<_> = spans.collect();
        format!("{} [{}]", rich.text, spans.join("; "))
    }

    #[test]
    fn markdown_becomes_words_and_spans() {
        for (markdown, expected) in [
            ("plain", "plain []"),
            ("a **b** _c_ ~~d~~", "a b c d [Bold=b; Italic=c; Strike=d]"),
            ("`x < y`", "x < y [Code=x < y]"),
            ("# Title\n\ntext", "Title\n\ntext [Bold=Title]"),
            ("- one\n- two\n  - in\n", "• one\n• two\n  • in []"),
            ("1. one\n2. two", "1. one\n2. two []"),
            ("> said\n\nanswer", "said\n\nanswer [Quote=said]"),
            (
                "see [it](https://a.example/b)",
                "see it [Link { url: \"https://a.example/b\" }=it]",
            ),
            ("see [it](javascript:alert(1))", "see it []"),
            ("<b>no</b> & <script>", "<b>no</b> & <script> []"),
            ("|a|b|\n|-|-|\n|1|2|", "a | b\n1 | 2 []"),
        ] {
            assert_eq!(shown(markdown), expected, "{markdown:?}");
        }
    }

    #[test]
    fn a_block_of_code_keeps_every_character() {
        let rich = Rich::markdown("before\n\n```rust\nfn main() {\n\n}\n```\nafter");
        assert_eq!(rich.text, "before\n\nfn main() {\n\n}\n\nafter");
        let [span] = rich.spans.as_slice() else {
            panic!("{:?}", rich.spans)
        };
        assert_eq!(&rich.text[span.from..span.to], "fn main() {\n\n}");
        assert_eq!(
            span.style,
            Style::Block {
                language: "rust".to_owned()
            }
        );
    }
}
