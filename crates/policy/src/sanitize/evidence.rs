//! What speaks for and against a text, as a small vector of named features.

use std::collections::BTreeSet;

use super::clean::{self, Cleaned};
use super::encoded::{self, Decoded, Spacing};
use super::fold::fold;
use super::tokens::{Hit, Spelling, Words};
use super::{Category, Finding, Limits, shape};

/// Declares the features: name on the wire, category, and the weight it has before training.
macro_rules! features {
    ($($variant:ident $name:literal $category:expr, $prior:literal;)*) => {
        /// One kind of evidence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Feature { $($variant),* }

        impl Feature {
            pub const ALL: &[Feature] = &[$(Feature::$variant),*];

            pub fn name(self) -> &'static str {
                match self { $(Feature::$variant => $name),* }
            }

            pub fn category(self) -> Option<Category> {
                match self { $(Feature::$variant => $category),* }
            }

            /// What a person who knows the field would weigh it, on the scale of log odds.
            pub fn prior(self) -> f64 {
                match self { $(Feature::$variant => $prior),* }
            }
        }
    };
}

features! {
    OverridePrior "override_prior" Some(Category::InstructionOverride), 8.0;
    OverrideRest "override_rest" Some(Category::InstructionOverride), 3.0;
    NewInstruction "new_instruction" None, 2.0;
    AuthorityNotice "authority_notice" Some(Category::AuthorityClaim), 3.0;
    Urgent "urgent" None, 0.6;
    UrgentStakes "urgent_stakes" None, 2.0;
    AssistantNamed "assistant_named" Some(Category::AssistantAddressed), 2.0;
    AnswerShape "answer_shape" Some(Category::OutputHijack), 4.0;
    SayExactly "say_exactly" Some(Category::OutputHijack), 2.5;
    Secrecy "secrecy" Some(Category::SecrecyRequest), 4.5;
    SendTo "send_to" None, 1.5;
    SendAway "send_away" Some(Category::ExfiltrationRequest), 4.0;
    LoadLink "load_link" None, 0.8;
    ToAddress "to_address" None, 0.8;
    PromptDisclosure "prompt_disclosure" Some(Category::SecretDisclosure), 7.0;
    SecretDisclosure "secret_disclosure" Some(Category::SecretDisclosure), 4.0;
    Persona "persona" Some(Category::JailbreakPersona), 3.0;
    Unrestrained "unrestrained" Some(Category::JailbreakPersona), 4.0;
    RoleLine "role_line" Some(Category::RoleImpersonation), 1.5;
    FakeTurn "fake_turn" Some(Category::ConversationForgery), 3.0;
    ToolOrder "tool_order" Some(Category::ToolCommand), 3.0;
    ApprovalBypass "approval_bypass" Some(Category::ToolCommand), 4.0;
    NewGoal "new_goal" Some(Category::InstructionOverride), 4.0;
    Hail "hail" Some(Category::AssistantAddressed), 4.0;
    PersonalAsk "personal_ask" None, 0.5;
    DecodeAsk "decode_ask" Some(Category::DecodeRequest), 5.0;
    TerminalAsk "terminal_ask" Some(Category::TerminalEscape), 8.0;
    RequestAct "request_act" None, 0.8;
    MyAct "my_act" None, 1.5;
    Mentioned "mentioned" None, -0.5;
    Guide "guide" None, -1.5;
    Length "length" None, -1.0;
    Breadth "breadth" None, 1.0;
    Density "density" None, 3.0;
    HarmAsk "harm_ask" Some(Category::JailbreakPersona), 4.0;
    MemoryPlant "memory_plant" Some(Category::AuthorityClaim), 5.0;
    VerdictPlant "verdict_plant" Some(Category::OutputHijack), 7.5;
    SplitWords "split_words" None, 5.0;
    Invisible "invisible" None, 2.0;
    Bidi "bidi" None, 3.0;
    HiddenText "hidden_text" None, 8.0;
    Control "control" None, 2.0;
    Terminal "terminal" None, 5.0;
    LiteralEscape "literal_escape" Some(Category::TerminalEscape), 5.0;
    StackedMarks "stacked_marks" None, 5.0;
    MixedScripts "mixed_scripts" None, 1.5;
    ManyScripts "many_scripts" Some(Category::MixedScripts), 5.0;
    RoleMarkup "role_markup" None, 4.0;
    ToolSyntax "tool_syntax" None, 1.5;
    LoadingLink "loading_link" Some(Category::MarkdownExfiltration), 6.0;
    DataLink "data_link" Some(Category::MarkdownExfiltration), 6.0;
    RemoteImage "remote_image" None, 0.5;
    ActiveHtml "active_html" None, 1.0;
    Script "script" Some(Category::ActiveHtml), 3.0;
    DataUrl "data_url" None, 1.0;
    EncodedWhole "encoded_whole" Some(Category::EncodedPayload), 3.5;
    EncodedPart "encoded_part" None, 0.3;
    ScrambledOrder "scrambled_order" Some(Category::EncodedPayload), 4.0;
    Unreadable "unreadable" None, 2.5;
    TrailingRequest "trailing_request" Some(Category::RequestInData), 5.0;
    RequestInData "request_in_data" Some(Category::RequestInData), 4.0;
    CommentOrder "comment_order" Some(Category::AssistantAddressed), 3.0;
    TestSignature "test_signature" None, 6.0;
    Repetition "repetition" None, 1.5;
}

/// The value of each feature, from 0 to 1 (`Length` may exceed it).
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    values: Vec<f64>,
    /// What needs no weighing: nobody writes it by accident.
    pub certain: bool,
    excerpts: Vec<Finding>,
    /// A reading other than the plain one is ordinary language.
    makes_sense: bool,
}

impl Evidence {
    pub fn value(&self, feature: Feature) -> f64 {
        self.values.get(feature as usize).copied().unwrap_or(0.0)
    }

    /// In the order of [`Feature::ALL`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    fn set(&mut self, feature: Feature, value: f64) {
        if let Some(slot) = self.values.get_mut(feature as usize) {
            *slot = slot.max(value);
        }
    }

    fn present(&self) -> impl Iterator<Item = Feature> {
        Feature::ALL
            .iter()
            .copied()
            .filter(|feature| self.value(*feature) > 0.0)
    }

    pub(super) fn categories(&self) -> impl Iterator<Item = Category> {
        self.present().filter_map(Feature::category)
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        self.excerpts.clone()
    }

    /// One excerpt for each kind of phrase.
    fn quote(&mut self, text: &str, words: &Words, hits: &[Hit]) {
        let mut quoted = BTreeSet::new();
        for hit in hits
            .iter()
            .filter(|hit| !hit.mentioned && quoted.insert(hit.feature))
        {
            if let Some(category) = hit.feature.category() {
                let detail = format!("{}: {}", hit.feature.name(), words.excerpt(text, hit));
                self.excerpts.push(Finding { category, detail });
            }
        }
    }
}

/// The evidence in a raw text: what the trainer reads.
pub fn evidence(text: &str, limits: &Limits) -> Evidence {
    gather(&clean::clean(text, limits))
}

pub(super) fn gather(cleaned: &Cleaned) -> Evidence {
    let mut evidence = Evidence {
        values: vec![0.0; Feature::ALL.len()],
        certain: false,
        excerpts: Vec::new(),
        makes_sense: false,
    };
    let folded = fold(&cleaned.text);
    let words = Words::read(&folded, Spelling::Plain);
    let mut hits = words.hits();
    if shape::is_record(&cleaned.text) {
        // In a record every value stands in quotation marks; that is no mention.
        hits.iter_mut().for_each(|hit| hit.mentioned = false);
    }
    evidence.quote(&folded, &words, &hits);
    Window::heaviest(&hits).write(&mut evidence);
    weigh_unseen(cleaned, &mut evidence);
    weigh_readings(cleaned, &mut evidence);
    weigh_shape(cleaned, &folded, &words, &hits, &mut evidence);
    evidence
}

/// A smuggled instruction stands in a few sentences; a long document collects harmless phrases
/// everywhere. So phrases count together only when they stand within this many words.
const WINDOW_WORDS: usize = 90;

/// How often each feature's phrases were found in the window that shows most.
struct Window {
    counts: Vec<u32>,
    mentioned: u32,
}

impl Window {
    fn empty() -> Self {
        Self {
            counts: vec![0; Feature::ALL.len()],
            mentioned: 0,
        }
    }

    /// The window of a text whose phrases weigh most.
    fn heaviest(hits: &[Hit]) -> Self {
        let mut window = Self::empty();
        let (mut best, mut best_weight) = (Self::empty(), -1.0);
        let mut first = 0;
        for hit in hits {
            window.count(*hit, 1);
            while let Some(old) = hits.get(first).filter(|old| old.at + WINDOW_WORDS < hit.at) {
                window.count(*old, -1);
                first += 1;
            }
            let weight = window.weight();
            if weight > best_weight {
                best_weight = weight;
                best = Self {
                    counts: window.counts.clone(),
                    mentioned: window.mentioned,
                };
            }
        }
        best
    }

    fn count(&mut self, hit: Hit, by: i32) {
        let slot = match self.counts.get_mut(hit.feature as usize) {
            Some(slot) if !hit.mentioned => slot,
            _ => &mut self.mentioned,
        };
        *slot = slot.saturating_add_signed(by);
    }

    fn weight(&self) -> f64 {
        let each = Feature::ALL.iter().zip(&self.counts);
        each.filter(|(_, count)| **count > 0)
            .map(|(feature, count)| feature.prior() * saturate(*count))
            .sum()
    }

    fn write(&self, evidence: &mut Evidence) {
        let mut kinds = 0;
        for (feature, count) in Feature::ALL.iter().zip(&self.counts) {
            evidence.set(*feature, saturate(*count));
            kinds += usize::from(*count > 0 && STRONG.contains(feature));
        }
        evidence.set(Feature::Mentioned, saturate(self.mentioned));
        evidence.set(Feature::Breadth, (kinds as f64 / 6.0).min(1.0));
    }
}

/// Features that ordinary prose seldom shows together.
const STRONG: &[Feature] = &[
    Feature::OverridePrior,
    Feature::OverrideRest,
    Feature::NewInstruction,
    Feature::AuthorityNotice,
    Feature::UrgentStakes,
    Feature::AssistantNamed,
    Feature::AnswerShape,
    Feature::SayExactly,
    Feature::Secrecy,
    Feature::SendAway,
    Feature::PromptDisclosure,
    Feature::Persona,
    Feature::Unrestrained,
    Feature::FakeTurn,
    Feature::ApprovalBypass,
    Feature::NewGoal,
    Feature::Hail,
    Feature::SecretDisclosure,
];

/// One finding is most of the matter; the second and third add a little.
fn saturate(count: u32) -> f64 {
    match count {
        0 => 0.0,
        1 => 0.7,
        2 => 0.9,
        _ => 1.0,
    }
}

fn flag(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

fn weigh_unseen(cleaned: &Cleaned, evidence: &mut Evidence) {
    let seen = |category| cleaned.count(category);
    evidence.set(Feature::SplitWords, flag(cleaned.split_words > 0));
    evidence.set(
        Feature::Invisible,
        (seen(Category::InvisibleUnicode) as f64 / 4.0).min(1.0),
    );
    evidence.set(Feature::Bidi, flag(seen(Category::BidiControl) > 0));
    evidence.set(
        Feature::Control,
        flag(seen(Category::ControlCharacters) > 0),
    );
    evidence.set(
        Feature::StackedMarks,
        flag(seen(Category::StackedMarks) > 2),
    );
    evidence.set(
        Feature::MixedScripts,
        (seen(Category::MixedScripts) as f64 / 3.0).min(1.0),
    );
    evidence.set(Feature::RoleMarkup, flag(seen(Category::RoleMarkup) > 0));
    evidence.set(
        Feature::ToolSyntax,
        flag(seen(Category::ToolCallSyntax) > 0),
    );
    evidence.set(Feature::RemoteImage, flag(seen(Category::RemoteImage) > 0));
    evidence.set(Feature::ActiveHtml, flag(seen(Category::ActiveHtml) > 0));
    evidence.set(Feature::DataUrl, flag(seen(Category::DataUrl) > 0));
    let data_link = if cleaned.telling_links > 0 {
        1.0
    } else {
        0.3 * flag(seen(Category::MarkdownExfiltration) > 0)
    };
    evidence.set(Feature::DataLink, data_link);
    evidence.set(Feature::LoadingLink, flag(cleaned.loading_links > 0));
    let hidden = seen(Category::TagCharacters) >= 3 || seen(Category::VariationSelectors) >= 4;
    evidence.set(Feature::HiddenText, flag(hidden));
    // A coloured log is a log; anything else that commands a terminal is not.
    let coloured_log = cleaned.escapes_beyond_colour == 0 && cleaned.text.lines().count() >= 5;
    let terminal = seen(Category::TerminalEscape) > 0 && !coloured_log;
    evidence.set(Feature::Terminal, flag(terminal));
    evidence.certain = hidden
        || terminal
        || cleaned.split_words >= 2
        || cleaned.loading_links > 0
        || cleaned.bidi_overrides > 0
        || cleaned.backspaces >= 2
        || seen(Category::InvisibleUnicode) >= 8
        || seen(Category::StackedMarks) >= 6;
}

fn weigh_readings(cleaned: &Cleaned, evidence: &mut Evidence) {
    let hidden = cleaned.hidden.iter().map(|text| Decoded {
        text: text.clone(),
        how: "invisible characters",
        spacing: Spacing::Kept,
        share: 0.0,
    });
    for reading in encoded::readings(&cleaned.text).into_iter().chain(hidden) {
        let folded = fold(&reading.text);
        let words = match reading.spacing {
            Spacing::Kept => Words::read(&folded, Spelling::Plain),
            Spacing::Leet => Words::read(&folded, Spelling::Leet),
            Spacing::Lost => Words::read_joined(&folded),
        };
        let hits = words.hits();
        Window::heaviest(&hits).write(evidence);
        if words.common >= 3 {
            evidence.makes_sense = true;
        }
        let order = hits
            .iter()
            .any(|hit| !hit.mentioned && hit.feature.prior() >= 3.0);
        evidence.set(Feature::ScrambledOrder, flag(order));
        if order {
            let excerpt: String = reading
                .text
                .chars()
                .filter(|c| !c.is_control())
                .take(80)
                .collect();
            evidence.excerpts.push(Finding {
                category: Category::EncodedPayload,
                detail: format!("{}: {excerpt}", reading.how),
            });
        }
        match reading.how {
            "base64" | "base32" | "hexadecimal" | "Morse code" | "NATO letters" | "Braille"
            | "uuencode" => {
                evidence.set(Feature::EncodedPart, 1.0);
                evidence.set(Feature::EncodedWhole, flag(reading.share >= 0.3));
            }
            _ => {}
        }
    }
}

fn weigh_shape(
    cleaned: &Cleaned,
    folded: &str,
    words: &Words,
    hits: &[Hit],
    evidence: &mut Evidence,
) {
    let text = &cleaned.text;
    evidence.set(
        Feature::Length,
        (1.0 + words.tokens.len() as f64 / 100.0).ln() / 2.0,
    );
    evidence.set(Feature::Guide, flag(shape::is_guide(text)));
    evidence.set(Feature::Density, density(words, hits));
    evidence.set(Feature::LiteralEscape, shape::literal_escape(text));
    evidence.set(Feature::RoleLine, flag(shape::has_role_line(text)));
    evidence.set(Feature::ManyScripts, flag(shape::many_scripts(text)));
    evidence.set(Feature::Script, flag(shape::has_script(folded)));
    evidence.set(
        Feature::Unreadable,
        flag(!evidence.makes_sense && shape::is_unreadable(folded, words)),
    );
    evidence.set(Feature::TrailingRequest, shape::trailing_request(text));
    if shape::is_record(text) {
        evidence.set(Feature::RequestInData, stranger_asks(hits));
    }
    evidence.set(
        Feature::CommentOrder,
        flag(shape::comments(folded).any(is_order)),
    );
    evidence.set(
        Feature::TestSignature,
        flag(shape::has_test_signature(text)),
    );
    evidence.set(Feature::Repetition, flag(shape::repeats(folded)));
}

/// A request in somebody's own name weighs fully, a bare "please add" much less.
fn stranger_asks(hits: &[Hit]) -> f64 {
    let any = |wanted: &[Feature]| hits.iter().any(|hit| wanted.contains(&hit.feature));
    let asks = any(&[Feature::RequestAct]);
    let personal = any(&[
        Feature::MyAct,
        Feature::PersonalAsk,
        Feature::SendAway,
        Feature::ToAddress,
    ]);
    match (asks, personal) {
        (true, true) => 1.0,
        (true, false) => 0.3,
        (false, _) => 0.0,
    }
}

/// How thickly a longer text is sown with phrases that ordinary prose seldom has.
fn density(words: &Words, hits: &[Hit]) -> f64 {
    const WORDS_MIN: usize = 60;
    const HITS_PER_WORD_FULL: f64 = 0.06;
    let strong = hits
        .iter()
        .filter(|hit| !hit.mentioned && STRONG.contains(&hit.feature))
        .count();
    match words.tokens.len() {
        few if few < WORDS_MIN => 0.0,
        total => (strong as f64 / total as f64 / HITS_PER_WORD_FULL).min(1.0),
    }
}

fn is_order(text: &str) -> bool {
    Words::read(text, Spelling::Plain)
        .hits()
        .iter()
        .any(|hit| hit.feature.prior() >= 2.0)
}
