//! Text becomes rules: parsed, checked against the schema, named and sliced.

use super::{Verge, mark};
use crate::decide::fault::{Fault, meant};
use cedar_policy::{
    ActionConstraint, Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};
use miette::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::LazyLock;
use wardroom_domain::PolicySource;

const SCHEMA: &str = include_str!("schema.cedarschema");
const SYSTEM: &str = include_str!("system.cedar");

static VALIDATOR: LazyLock<Option<Validator>> =
    LazyLock::new(|| Schema::from_str(SCHEMA).ok().map(Validator::new));

/// Some rules as text, and whose they are.
#[derive(Clone, Copy, Debug)]
pub(in crate::decide) struct Text<'a> {
    pub source: PolicySource,
    pub text: &'a str,
}

/// What is kept of a rule beside Cedar's own form of it.
#[derive(Clone, Debug)]
pub(in crate::decide) struct Rule {
    /// Its id, as its author wrote it.
    pub id: String,
    /// Its layer.
    pub source: PolicySource,
    /// Its author's sentence, where there is one.
    pub why: Option<String>,
}

/// Layers of rules, ready to be asked.
#[derive(Clone, Debug, Default)]
pub(in crate::decide) struct Rules {
    pub(super) slices: [PolicySet; 4],
    pub(super) by_id: BTreeMap<PolicyId, Rule>,
}

impl Rules {
    /// The system's rules and those of the texts. No text: nothing is permitted.
    pub fn compile(texts: &[Text<'_>]) -> Result<Self, Fault> {
        let system = Text {
            source: PolicySource::SystemEnforced,
            text: SYSTEM,
        };
        let mut rules = Self::default();
        for text in std::iter::once(&system).chain(texts) {
            for policy in parsed(text)? {
                rules.take(text.source, policy)?;
            }
        }
        Ok(rules)
    }

    /// Rules under which nothing happens.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The same without what a layer permits: it can then only tighten.
    pub fn tightening(texts: &[Text<'_>], layer: PolicySource) -> Result<Self, Fault> {
        let mut rules = Self::compile(texts)?;
        let of_layer = |id: &PolicyId| {
            let id: &str = id.as_ref();
            id.starts_with(mark(layer))
        };
        for slice in &mut rules.slices {
            let permits: Vec<PolicyId> = slice
                .policies()
                .filter(|policy| policy.effect() == Effect::Permit && of_layer(policy.id()))
                .map(|policy| policy.id().clone())
                .collect();
            for id in permits {
                // It was found there a line above.
                let _ = slice.remove_static(id);
            }
        }
        Ok(rules)
    }

    fn take(&mut self, source: PolicySource, policy: Policy) -> Result<(), Fault> {
        let name = policy.annotation("id").unwrap_or_default().to_owned();
        let id = PolicyId::new(format!("{}:{name}", mark(source)));
        let rule = Rule {
            id: name.clone(),
            source,
            why: policy.annotation("why").map(str::to_owned),
        };
        if self.by_id.insert(id.clone(), rule).is_some() {
            let what = "its id is taken already by another rule of the org or of the preset";
            return Err(Fault::in_rules(None, Some(name), what.to_owned()));
        }
        let policy = policy.new_id(id);
        for (verge, slice) in Verge::ALL.iter().zip(&mut self.slices) {
            if concerns(&policy, *verge) {
                slice.add(policy.clone()).map_err(|error| {
                    Fault::in_rules(None, Some(name.clone()), error.to_string())
                })?;
            }
        }
        Ok(())
    }
}

/// Whether a rule can speak about an action at all, by its head.
fn concerns(policy: &Policy, verge: Verge) -> bool {
    let is_it = |uid: &cedar_policy::EntityUid| uid.id().unescaped() == verge.as_str();
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => is_it(&uid),
        ActionConstraint::In(uids) => uids.iter().any(is_it),
    }
}

/// The rules of a text, each with an id, all of them fit for the schema.
fn parsed(text: &Text<'_>) -> Result<Vec<Policy>, Fault> {
    let set = PolicySet::from_str(text.text).map_err(|errors| unparsable(text.text, &errors))?;
    if let Some(template) = set.templates().next() {
        let line = line_of_text(text.text, &template.to_string());
        let what = "it has a slot such as `?principal`, which nothing here fills";
        return Err(Fault::in_rules(line, None, what.to_owned()));
    }
    let mut policies: Vec<Policy> = set.policies().cloned().collect();
    policies.sort_by_key(|policy| number_of(policy.id()));
    check_ids(text.text, &policies)?;
    validate(text.text, &set)?;
    Ok(policies)
}

/// Cedar calls them `policy0`, `policy1`, and so on, in the order of the text.
fn number_of(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.trim_start_matches("policy").parse().unwrap_or_default()
}

fn check_ids(text: &str, policies: &[Policy]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let mut from = 0;
    for policy in policies {
        let written = policy.to_string();
        let found = text.get(from..).and_then(|rest| rest.find(written.trim()));
        let line = found.map(|offset| line_at(text, from + offset));
        from += found.map_or(0, |offset| offset + written.trim().len());
        let Some(id) = policy.annotation("id").filter(|id| is_id(id)) else {
            let what = "a rule has no id; write @id(\"a-short-name\") before it, in small letters, digits, `-` and `.`";
            return Err(Fault::in_rules(line, None, what.to_owned()));
        };
        if !seen.insert(id) {
            let what = "its id is given twice".to_owned();
            return Err(Fault::in_rules(line, Some(id.to_owned()), what));
        }
    }
    Ok(())
}

fn is_id(id: &str) -> bool {
    let is_fit =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    !id.is_empty() && id.len() <= 80 && id.bytes().all(is_fit)
}

fn validate(text: &str, set: &PolicySet) -> Result<(), Fault> {
    let Some(validator) = &*VALIDATOR else {
        let what = "the schema of this build cannot be read, so no rule can be checked";
        return Err(Fault::in_rules(None, None, what.to_owned()));
    };
    let result = validator.validate(set, ValidationMode::Strict);
    let Some(error) = result.validation_errors().next() else {
        return Ok(());
    };
    let policy = set.policy(error.policy_id());
    let rule = policy
        .and_then(|policy| policy.annotation("id"))
        .map(str::to_owned);
    let line = line_of(text, error)
        .or_else(|| policy.and_then(|policy| line_of_text(text, &policy.to_string())));
    let what = in_our_words(&error.to_string());
    let help = error.help().map(|help| help.to_string());
    Err(Fault {
        fix: guess(&what).or(help),
        ..Fault::in_rules(line, rule, what)
    })
}

/// Cedar begins with the number that it gave the rule, which its author never saw.
fn in_our_words(what: &str) -> String {
    let rest = what
        .strip_prefix("for policy `")
        .and_then(|rest| rest.split_once("`"));
    let rest = rest.map_or(what, |(_, rest)| rest.trim_start_matches([':', ',', ' ']));
    let rest = rest.split("; valid entity eids").next().unwrap_or(rest);
    // Which of several actions it names is chance.
    match rest.split_once(" in context for Action::") {
        Some((what, _)) => format!("{what} not found"),
        None => rest.to_owned(),
    }
}

fn unparsable(text: &str, errors: &cedar_policy::ParseErrors) -> Fault {
    let Some(error) = errors.iter().next() else {
        return Fault::in_rules(None, None, errors.to_string());
    };
    let line = line_of(text, error);
    let label = error
        .labels()
        .and_then(|mut labels| labels.next())
        .and_then(|label| label.label().map(str::to_owned));
    let what = match label {
        Some(label) if !label.is_empty() => format!("{error}: {label}"),
        _ => error.to_string(),
    };
    let word = line
        .and_then(|line| text.lines().nth(line - 1))
        .and_then(first_word);
    Fault {
        fix: error.help().map(|help| help.to_string()).or_else(|| {
            word.and_then(|word| {
                meant(word, KEYWORDS.iter().copied()).filter(|_| !KEYWORDS.contains(&word))
            })
        }),
        ..Fault::in_rules(line, line.and_then(|line| rule_above(text, line)), what)
    }
}

const KEYWORDS: &[&str] = &["permit", "forbid", "when", "unless"];

fn first_word(line: &str) -> Option<&str> {
    line.split(|c: char| !c.is_ascii_alphanumeric())
        .find(|word| !word.is_empty())
}

/// The id that was written last before a line.
fn rule_above(text: &str, line: usize) -> Option<String> {
    let above = text.lines().take(line).filter_map(|line| {
        let (_, rest) = line.split_once("@id(\"")?;
        rest.split_once('"').map(|(id, _)| id.to_owned())
    });
    above.last()
}

/// Names of the schema, for a guess at what was meant.
fn guess(what: &str) -> Option<String> {
    static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let words = SCHEMA.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| word.len() > 2).collect()
    });
    let quoted = || what.split('`').skip(1).step_by(2);
    if what.starts_with("attribute") && quoted().next().is_some_and(|word| NAMES.contains(&word)) {
        let fix = "only some actions have it: name the action in the head of the rule";
        return Some(fix.to_owned());
    }
    quoted()
        .filter_map(|word| word.rsplit(['.', ':', '"']).find(|part| !part.is_empty()))
        .filter(|word| !NAMES.contains(word))
        .find_map(|word| meant(word, NAMES.iter().copied()))
}

fn line_of(text: &str, error: &dyn Diagnostic) -> Option<usize> {
    let label = error.labels()?.next()?;
    Some(line_at(text, label.offset()))
}

fn line_of_text(text: &str, part: &str) -> Option<usize> {
    text.find(part.trim()).map(|offset| line_at(text, offset))
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}
