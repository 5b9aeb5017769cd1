//! From raw shell words to the arguments that a program receives.
//!
//! Everything that runs on the way (command substitutions, prompt expansion) is judged here too.

use brush_parser::word::{
    self, Parameter, ParameterExpr, ParameterTransformOp, SpecialParameter, TildeExpr, WordPiece,
    WordPieceWithSource,
};

use super::shell::{self, Feed, Walker};
use super::words::{Arg, Known, UNKNOWN, decode_ansi_c, expand_braces, is_bare};
use super::{general, limits};

/// What is known of a variable's value.
#[derive(Debug, Clone)]
pub struct Value {
    pub text: String,
    pub known: Known,
}

impl Value {
    fn exact(text: impl Into<String>) -> Self {
        Value {
            text: text.into(),
            known: Known::Exact,
        }
    }

    fn unknown(known: Known) -> Self {
        Value {
            text: UNKNOWN.to_string(),
            known,
        }
    }
}

/// Collects the pieces of one word into the arguments that it becomes.
struct Fields {
    done: Vec<Arg>,
    current: Arg,
    /// Was anything put into `current`, be it an empty quoted string?
    started: bool,
}

impl Fields {
    fn new() -> Self {
        Fields {
            done: Vec::new(),
            current: Arg::exact(String::new()),
            started: false,
        }
    }

    fn push(&mut self, text: &str, known: Known) {
        self.current.text.push_str(text);
        self.current.known = self.current.known.max(known);
        self.started = true;
    }

    /// An unquoted value is cut at white space into several arguments.
    fn push_split(&mut self, value: &Value) {
        let mut parts = value.text.split([' ', '\t', '\n']);
        if let Some(first) = parts.next()
            && !first.is_empty()
        {
            self.push(first, value.known);
        }
        for part in parts {
            self.close();
            if !part.is_empty() {
                self.push(part, value.known);
            }
        }
        self.current.glob |= value.text.contains(['*', '?', '[']);
    }

    fn close(&mut self) {
        if self.started {
            let next = Arg::exact(String::new());
            self.done.push(std::mem::replace(&mut self.current, next));
        }
        self.started = false;
    }
}

impl Walker<'_> {
    /// The arguments that one raw word becomes.
    pub fn expand(&mut self, raw: &str) -> Vec<Arg> {
        if is_bare(raw) {
            return vec![Arg::exact(raw)];
        }
        if !shell::is_digestible(raw) {
            return vec![Arg::unknown(Known::Computed)];
        }
        let Some(words) = has_small_numbers(raw).then(|| expand_braces(raw)).flatten() else {
            return vec![Arg::unknown(Known::Computed)];
        };
        words
            .iter()
            .flat_map(|word| self.expand_one(word))
            .collect()
    }

    /// One raw word as exactly one argument, for places where the shell does not split.
    pub fn expand_joined(&mut self, raw: &str) -> Arg {
        if is_bare(raw) {
            return Arg::exact(raw);
        }
        let Some(pieces) = parse_word(raw) else {
            return Arg::unknown(Known::Computed);
        };
        self.join(&pieces)
    }

    /// The body of a here-document whose delimiter is not quoted.
    pub fn expand_document(&mut self, body: &str) -> Arg {
        if !body.contains(['$', '`', '\\']) {
            return Arg::exact(body);
        }
        if !shell::is_digestible(body) {
            return Arg::unknown(Known::Computed);
        }
        match word::parse_heredoc(body, &shell::options()) {
            Ok(pieces) => self.join(&pieces),
            Err(_) => Arg::unknown(Known::Computed),
        }
    }

    fn join(&mut self, pieces: &[WordPieceWithSource]) -> Arg {
        let mut fields = Fields::new();
        for piece in pieces {
            self.piece(&mut fields, &piece.piece, true);
        }
        fields.current
    }

    fn expand_one(&mut self, raw: &str) -> Vec<Arg> {
        if is_bare(raw) {
            return vec![Arg::exact(raw)];
        }
        let Some(pieces) = parse_word(raw) else {
            return vec![Arg::unknown(Known::Computed)];
        };
        let mut fields = Fields::new();
        for piece in &pieces {
            self.piece(&mut fields, &piece.piece, false);
        }
        fields.close();
        fields.done
    }

    fn piece(&mut self, fields: &mut Fields, piece: &WordPiece, quoted: bool) {
        match piece {
            WordPiece::Text(text) => {
                fields.current.glob |= !quoted && text.contains(['*', '?', '[']);
                fields.push(text, Known::Exact);
            }
            WordPiece::SingleQuotedText(text) => fields.push(text, Known::Exact),
            WordPiece::AnsiCQuotedText(text) => fields.push(&decode_ansi_c(text), Known::Exact),
            WordPiece::DoubleQuotedSequence(pieces)
            | WordPiece::GettextDoubleQuotedSequence(pieces) => {
                fields.push("", Known::Exact);
                for inner in pieces {
                    self.piece(fields, &inner.piece, true);
                }
            }
            WordPiece::TildeExpansion(tilde) => self.tilde(fields, tilde),
            WordPiece::EscapeSequence(text) => {
                let character = text.strip_prefix('\\').unwrap_or(text);
                fields.push(if character == "\n" { "" } else { character }, Known::Exact);
            }
            WordPiece::CommandSubstitution(script)
            | WordPiece::BackquotedCommandSubstitution(script) => {
                let value = self.substitution(script);
                push_value(fields, &value, quoted);
            }
            WordPiece::ParameterExpansion(expression) => {
                let value = self.parameter(expression);
                push_value(fields, &value, quoted);
            }
            WordPiece::ArithmeticExpression(expression) => {
                self.arithmetic(&expression.value);
                fields.push("0", Known::Exact);
            }
        }
    }

    fn tilde(&self, fields: &mut Fields, tilde: &TildeExpr) {
        match tilde {
            TildeExpr::Home => fields.push("~", Known::Exact),
            TildeExpr::UserHome(user) => fields.push(&format!("/home/{user}"), Known::Exact),
            TildeExpr::WorkingDir => fields.push(&self.folder_or_dot(), Known::Exact),
            TildeExpr::OldWorkingDir
            | TildeExpr::NthDirFromTopOfDirStack { .. }
            | TildeExpr::NthDirFromBottomOfDirStack { .. } => {
                fields.push(&UNKNOWN.to_string(), Known::Computed);
            }
        }
    }

    /// Judges a command substitution and says what is known of its output.
    fn substitution(&mut self, script: &str) -> Value {
        match self.judge_script(script, &Feed::Nothing) {
            Feed::Text(text) => Value::exact(text.trim_end_matches('\n')),
            Feed::Nothing | Feed::Names => Value::unknown(Known::Variable),
            Feed::Computed | Feed::Network => Value::unknown(Known::Computed),
        }
    }

    /// An arithmetic expression computes a number, but commands may hide in it.
    pub fn arithmetic(&mut self, expression: &str) {
        if expression.contains("$(") || expression.contains('`') {
            self.expand_document(expression);
        }
    }

    fn parameter(&mut self, expression: &ParameterExpr) -> Value {
        use ParameterExpr as P;
        match expression {
            P::Parameter {
                parameter,
                indirect,
            } => self.lookup(parameter, *indirect),
            P::UseDefaultValues {
                parameter,
                indirect,
                default_value: other,
                ..
            }
            | P::AssignDefaultValues {
                parameter,
                indirect,
                default_value: other,
                ..
            } => {
                let other = self.optional_word(other.as_deref());
                let value = self.lookup(parameter, *indirect);
                if value.known == Known::Exact {
                    value
                } else {
                    unsure(other)
                }
            }
            P::UseAlternativeValue {
                alternative_value: other,
                ..
            }
            | P::IndicateErrorIfNullOrUnset {
                error_message: other,
                ..
            } => unsure(self.optional_word(other.as_deref())),
            P::ParameterLength { .. } => Value::exact("0"),
            P::RemoveSmallestSuffixPattern {
                parameter,
                indirect,
                pattern,
            }
            | P::RemoveLargestSuffixPattern {
                parameter,
                indirect,
                pattern,
            } => {
                let pattern = self.optional_word(pattern.as_deref());
                self.trimmed(parameter, *indirect, &pattern, |text, end| {
                    text.strip_suffix(end)
                })
            }
            P::RemoveSmallestPrefixPattern {
                parameter,
                indirect,
                pattern,
            }
            | P::RemoveLargestPrefixPattern {
                parameter,
                indirect,
                pattern,
            } => {
                let pattern = self.optional_word(pattern.as_deref());
                self.trimmed(parameter, *indirect, &pattern, |text, start| {
                    text.strip_prefix(start)
                })
            }
            P::Substring {
                parameter,
                offset,
                length,
                ..
            } => {
                self.lookup(parameter, false);
                self.arithmetic(&offset.value);
                if let Some(length) = length {
                    self.arithmetic(&length.value);
                }
                Value::unknown(Known::Computed)
            }
            P::Transform { parameter, op, .. } => {
                self.lookup(parameter, false);
                if matches!(op, ParameterTransformOp::PromptExpand) {
                    self.add(&general::RUNS_UNKNOWN, "prompt expansion");
                }
                Value::unknown(Known::Computed)
            }
            P::UppercaseFirstChar {
                parameter, pattern, ..
            }
            | P::UppercasePattern {
                parameter, pattern, ..
            }
            | P::LowercaseFirstChar {
                parameter, pattern, ..
            }
            | P::LowercasePattern {
                parameter, pattern, ..
            } => {
                self.lookup(parameter, false);
                self.optional_word(pattern.as_deref());
                Value::unknown(Known::Computed)
            }
            P::ReplaceSubstring {
                parameter,
                pattern,
                replacement,
                ..
            } => {
                self.lookup(parameter, false);
                self.optional_word(Some(pattern));
                self.optional_word(replacement.as_deref());
                Value::unknown(Known::Computed)
            }
            P::VariableNames { .. } | P::MemberKeys { .. } => Value::unknown(Known::Variable),
        }
    }

    fn optional_word(&mut self, raw: Option<&str>) -> Value {
        let arg = self.expand_joined(raw.unwrap_or_default());
        Value {
            text: arg.text,
            known: arg.known,
        }
    }

    /// `${name%end}` with a literal end can be computed; with a pattern it cannot.
    fn trimmed(
        &mut self,
        parameter: &Parameter,
        indirect: bool,
        pattern: &Value,
        trim: for<'t> fn(&'t str, &str) -> Option<&'t str>,
    ) -> Value {
        let value = self.lookup(parameter, indirect);
        let literal = pattern.known == Known::Exact && !pattern.text.contains(['*', '?', '[']);
        match (value.known, literal) {
            (Known::Exact, true) => {
                let text = trim(&value.text, &pattern.text).unwrap_or(&value.text);
                Value::exact(text)
            }
            (Known::Exact, false) => Value::unknown(Known::Computed),
            (known, _) => Value::unknown(known),
        }
    }

    fn lookup(&mut self, parameter: &Parameter, indirect: bool) -> Value {
        match parameter {
            Parameter::Named(name) => {
                let value = self.variable(name);
                if indirect {
                    Value::unknown(Known::Computed)
                } else {
                    value
                }
            }
            Parameter::NamedWithIndex { name, index } => {
                self.arithmetic(index);
                let value = self.variable(name);
                Value::unknown(value.known.max(Known::Variable))
            }
            Parameter::NamedWithAllIndices { name, .. } => self.variable(name),
            Parameter::Special(SpecialParameter::ShellName) => Value::unknown(Known::Computed),
            Parameter::Positional(_) | Parameter::Special(_) => Value::unknown(Known::Variable),
        }
    }

    fn variable(&mut self, name: &str) -> Value {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        if !self.in_test && holds_secret(name) {
            self.add(&general::SECRET_VARIABLE, name);
        }
        match name {
            "HOME" => Value::exact("~"),
            "PWD" => Value::exact(self.folder_or_dot()),
            "TMPDIR" => Value::exact("/tmp"),
            "IFS" => Value::exact(" "),
            _ => Value::unknown(Known::Variable),
        }
    }
}

fn parse_word(raw: &str) -> Option<Vec<WordPieceWithSource>> {
    if !shell::is_digestible(raw) || !has_small_numbers(raw) {
        return None;
    }
    word::parse(raw, &shell::options()).ok()
}

/// The grammar reads `~3`, `${3}` and `{1..3}` into machine words and panics when they do not fit.
fn has_small_numbers(raw: &str) -> bool {
    let is_number = |run: &&str| run.len() > limits::DIGITS_MAX;
    !raw.contains(['~', '$', '{'])
        || !raw
            .split(|c: char| !c.is_ascii_digit())
            .any(|run| is_number(&run))
}

fn push_value(fields: &mut Fields, value: &Value, quoted: bool) {
    if quoted {
        fields.push(&value.text, value.known);
    } else {
        fields.push_split(value);
    }
}

/// A value that may or may not be used: its text counts, but nothing may rely on it.
fn unsure(value: Value) -> Value {
    Value {
        known: value.known.max(Known::Variable),
        text: value.text,
    }
}

/// Does a variable of this name usually hold a secret?
pub fn holds_secret(name: &str) -> bool {
    #[rustfmt::skip]
    const PARTS: &[&str] = &[
        "SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "APIKEY", "API_KEY", "ACCESS_KEY",
        "PRIVATE_KEY", "DATABASE_URL", "PGPASS",
    ];
    name.len() > 4 && {
        let upper = name.to_ascii_uppercase();
        PARTS.iter().any(|part| upper.contains(part))
    }
}
