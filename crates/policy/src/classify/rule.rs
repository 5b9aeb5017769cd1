//! What a rule is, and how it matches one invocation of a program.
//!
//! A rule is data: an id, a tier, a sentence why, a matcher, and commands that it must and must
//! not decide. The tables under `table/` are made of rules; code that needs more than a table
//! (`find -exec`, `curl`) still answers with a rule, so that every verdict can be looked up.

use wardroom_domain::RiskTier;

use super::invocation::Invocation;

/// Where the effect of a matched command lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On the machine or folder where the command runs; a task's view contains it.
    Local,
    /// On another machine or a service; without egress it cannot happen.
    Remote,
    /// It shows a secret to whoever reads the output.
    Secret,
    /// Nobody knows; without egress it stays inside a task's view all the same.
    Unknown,
}

/// One row of the table.
#[derive(Debug)]
pub struct Rule {
    /// Stable name such as `git.push-force`.
    pub id: &'static str,
    /// The tier on a bare host folder.
    pub tier: RiskTier,
    /// Where the effect lands.
    pub reach: Reach,
    /// What the command does, as the end of a sentence that begins with "it".
    pub rationale: &'static str,
    /// The programs that the rule speaks about.
    pub programs: &'static [&'static str],
    /// Which uses of these programs.
    pub when: When,
    /// Commands that this rule must decide.
    pub matches: &'static [&'static str],
    /// Commands that this rule must not decide.
    pub spares: &'static [&'static str],
}

/// Which uses of a program a rule covers. The first five compete: the most specific one speaks.
/// `Option` and `Code` are added on top: where one matches, it can only raise the tier.
#[derive(Debug)]
pub enum When {
    /// Any use that no more specific rule covers.
    Always,
    /// The operands begin with one of these verbs (`"remote show"`; `describe-*` and `*` allowed).
    Verb(&'static [&'static str]),
    /// As `Verb`, with one of these options present.
    VerbWith(&'static [&'static str], &'static [&'static str]),
    /// As `VerbWith`, for options that turn the action into a rehearsal.
    Rehearsal(&'static [&'static str], &'static [&'static str]),
    /// The operands are exactly one of these verbs, and every option is one of these.
    Only(&'static [&'static str], &'static [&'static str]),
    /// One of these options is present, whatever else is.
    Option(&'static [&'static str]),
    /// Decided by code elsewhere in this module.
    Code,
}

/// How a rule takes part in the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Competes with the others by this specificity.
    Base(usize),
    /// Raises whatever the base says.
    Raise,
}

impl Rule {
    /// How many operands the rule's most specific verb takes up.
    pub fn verb_words(&self, invocation: &Invocation<'_>) -> Option<usize> {
        let (When::Verb(verbs) | When::VerbWith(verbs, _)) = self.when else {
            return None;
        };
        let best = verbs
            .iter()
            .filter_map(|verb| Some((weight_of(verb, invocation)?, verb)))
            .max()?;
        Some(best.1.split_ascii_whitespace().count())
    }

    /// Does the rule cover this invocation, and how specifically?
    pub fn fit(&self, invocation: &Invocation<'_>) -> Option<Fit> {
        match self.when {
            When::Always => Some(Fit::Base(0)),
            When::Verb(verbs) => closest(verbs, invocation).map(Fit::Base),
            When::VerbWith(verbs, options) => closest(verbs, invocation)
                .filter(|_| self.has(invocation, options))
                .map(|weight| Fit::Base(weight + OPTION_WEIGHT)),
            When::Rehearsal(verbs, options) => closest(verbs, invocation)
                .filter(|_| invocation.has_surely(options) && !invocation.is_unclear())
                .map(|weight| Fit::Base(weight + OPTION_WEIGHT + 1)),
            When::Only(verbs, options) => closest_whole(verbs, invocation)
                .filter(|_| invocation.has_only(options))
                .map(|weight| Fit::Base(weight + OPTION_WEIGHT)),
            When::Option(options) => invocation.has(options).then_some(Fit::Raise),
            When::Code => None,
        }
    }
}

impl Rule {
    /// An option that grants must be there for sure, an option that raises may be guessed.
    fn has(&self, invocation: &Invocation<'_>, options: &[&str]) -> bool {
        if self.tier == RiskTier::L0Readonly {
            invocation.has_surely(options)
        } else {
            invocation.has(options)
        }
    }
}

/// What a plain word of a verb weighs.
const WORD_WEIGHT: usize = 12;

/// What a word with a `*` inside weighs; a bare `*` weighs one.
pub const PATTERN_WEIGHT: usize = 8;

/// What an option adds to the weight of a verb; less than one more word would.
const OPTION_WEIGHT: usize = 4;

/// The weight of the most specific of `verbs` with which the operands begin.
fn closest(verbs: &[&str], invocation: &Invocation<'_>) -> Option<usize> {
    verbs
        .iter()
        .filter_map(|verb| weight_of(verb, invocation))
        .max()
}

/// As `closest`, for operands that end with the verb.
fn closest_whole(verbs: &[&str], invocation: &Invocation<'_>) -> Option<usize> {
    let ends = |verb: &&&str| verb.split_ascii_whitespace().count() == invocation.operand_count();
    verbs
        .iter()
        .filter(ends)
        .filter_map(|verb| weight_of(verb, invocation))
        .max()
}

/// A plain word weighs more than a pattern, a pattern more than `*`; no word at all weighs nothing.
fn weight_of(verb: &str, invocation: &Invocation<'_>) -> Option<usize> {
    let mut weight = 0;
    for (index, word) in verb.split_ascii_whitespace().enumerate() {
        if word == "*" {
            invocation.operands().nth(index)?;
            weight += 1;
            continue;
        }
        if !word_fits(word, invocation.verb_at(index)?) {
            return None;
        }
        weight += if word.contains('*') {
            PATTERN_WEIGHT
        } else {
            WORD_WEIGHT
        };
    }
    Some(weight)
}

/// `describe-*` fits by its beginning, `*-list` by its end, `*=*` by
/// what is inside.
fn word_fits(pattern: &str, operand: &str) -> bool {
    match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(start), Some(_)) => operand.contains(&start[1..]),
        (Some(start), None) => operand.starts_with(start),
        (None, Some(end)) => operand.ends_with(end),
        (None, None) => pattern == operand,
    }
}

impl Rule {
    /// A rule that code answers with; the matcher is that code.
    pub const fn code(
        id: &'static str,
        tier: RiskTier,
        reach: Reach,
        rationale: &'static str,
        matches: &'static [&'static str],
        spares: &'static [&'static str],
    ) -> Rule {
        Rule {
            id,
            tier,
            reach,
            rationale,
            programs: &[],
            when: When::Code,
            matches,
            spares,
        }
    }
}

/// A kind of row of the tables.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident, $tier:ident) => {
        $(#[$doc])*
        pub const fn $name(
            id: &'static str,
            programs: &'static [&'static str],
            when: When,
            rationale: &'static str,
            matches: &'static [&'static str],
            spares: &'static [&'static str],
        ) -> Rule {
            Rule {
                id,
                tier: RiskTier::$tier,
                reach: Reach::Local,
                rationale,
                programs,
                when,
                matches,
                spares,
            }
        }
    };
}

/// The four common kinds of table rows, all local; `remote` and `secret` move them.
impl Rule {
    row!(
        /// A row for uses that only look.
        reads,
        L0Readonly
    );
    row!(
        /// A row for uses that add or change something that can be put back.
        changes,
        L1Mutating
    );
    row!(
        /// A row for uses that remove, overwrite, send, or run something unknown.
        destroys,
        L2Destructive
    );
    row!(
        /// A row for uses that need or give privilege, or show secrets.
        privileged,
        L3Privileged
    );

    /// The same row, with its effect on another machine.
    pub const fn remote(mut self) -> Rule {
        self.reach = Reach::Remote;
        self
    }

    /// The same row, showing a secret.
    pub const fn secret(mut self) -> Rule {
        self.reach = Reach::Secret;
        self
    }
}
