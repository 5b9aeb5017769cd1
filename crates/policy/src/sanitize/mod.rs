//! Text from outside is made visible and plain before a model reads it.
//!
//! Two halves, both pure and deterministic. *Cleaning* removes what nobody can see (zero-width,
//! bidi, tag and control characters, terminal escapes), takes the life out of role markup, active
//! HTML, remote images and data URLs, and otherwise leaves a person's words as they were written.
//! *Judging* reads the cleaned text and everything hidden or encoded in it, and says how much it
//! looks like an instruction smuggled into data: a score from 0 to 1 with named categories.
//!
//! The score is evidence, never a gate: no message is dropped for it, and nothing that policy
//! decides becomes easier because a score is low.

mod bytes;
mod characters;
mod classes;
mod clean;
mod encoded;
mod evidence;
mod fold;
mod lexicon;
mod links;
mod markup;
mod model;
mod phrases;
mod quote;
mod shape;
mod terminal;
mod tokens;
mod weights;

use serde::Serialize;

pub use bytes::{DeclaredEncoding, sanitize_bytes};
pub use evidence::{Evidence, Feature, evidence};
pub use model::{THRESHOLD, score};
pub use quote::{quote_untrusted, unquoted};

/// How much text is read. Larger texts are cut at a visible mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A message or document of a megabyte is more than any model reads with attention.
    pub text_bytes_max: usize,
    /// Findings beyond this number are counted in the categories but not listed one by one.
    pub findings_max: usize,
    /// Whether links and images stay as they are written: in a text that is worked on, such as a
    /// source file, they are part of the work, and what is delivered of it is disarmed then.
    pub keeps_links: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes_max: 1024 * 1024,
            findings_max: 64,
            keeps_links: false,
        }
    }
}

/// What was found. The names on the wire are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    InvisibleUnicode,
    BidiControl,
    TagCharacters,
    VariationSelectors,
    ControlCharacters,
    TerminalEscape,
    StackedMarks,
    MixedScripts,
    BadEncoding,
    Oversize,
    RoleMarkup,
    ToolCallSyntax,
    MarkdownExfiltration,
    RemoteImage,
    ActiveHtml,
    DataUrl,
    EncodedPayload,
    InstructionOverride,
    RoleImpersonation,
    AuthorityClaim,
    AssistantAddressed,
    OutputHijack,
    SecrecyRequest,
    ExfiltrationRequest,
    SecretDisclosure,
    JailbreakPersona,
    ConversationForgery,
    ToolCommand,
    DecodeRequest,
    RequestInData,
}

/// One thing that was found: its category, and a short excerpt or count in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub category: Category,
    pub detail: String,
}

/// A text made plain, and what was found on the way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sanitized {
    pub clean: String,
    /// From 0 (nothing remarkable) to 1; at [`THRESHOLD`] and above it deserves a question.
    pub score: f64,
    /// Sorted, each once.
    pub categories: Vec<Category>,
    pub findings: Vec<Finding>,
}

impl Sanitized {
    pub fn is_suspicious(&self) -> bool {
        self.score >= THRESHOLD
    }
}

/// Makes a text plain without judging it: the words of a person, as a model reads them.
pub fn plain(text: &str) -> String {
    let limits = Limits {
        keeps_links: true,
        ..Limits::default()
    };
    clean::clean(text, &limits).text
}

/// A text as it is delivered to people: whatever shows it loads nothing for it. Images become their
/// addresses, links that carry something away lose their life, fenced code stays as it is.
pub fn deliverable(text: &str) -> String {
    links::disarm(text, &mut clean::Cleaned::default())
}

/// Cleans a text and judges it.
pub fn sanitize(text: &str, limits: &Limits) -> Sanitized {
    let cleaned = clean::clean(text, limits);
    let evidence = evidence::gather(&cleaned);
    let mut categories: Vec<Category> = cleaned
        .findings
        .iter()
        .map(|finding| finding.category)
        .collect();
    categories.extend(evidence.categories());
    categories.sort_unstable();
    categories.dedup();
    let mut findings = cleaned.findings;
    findings.extend(evidence.findings());
    findings.truncate(limits.findings_max);
    Sanitized {
        score: score(&evidence),
        clean: cleaned.text,
        categories,
        findings,
    }
}
