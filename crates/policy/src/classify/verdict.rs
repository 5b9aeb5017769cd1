//! The answer about one action, and the ground on which the action happens.

use serde::Serialize;
use wardroom_domain::RiskTier;

use super::limits;
use super::rule::{Reach, Rule};

/// Where an action takes place; the same command weighs differently on each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// A folder of the host itself, with nothing in between.
    HostFolder {
        /// Hosts that may be read from without asking.
        allowed_domains: Vec<String>,
    },
    /// A task's copy-on-write view inside the sandbox.
    View {
        /// Hosts that the sandbox lets through; empty means no way out at all.
        allowed_domains: Vec<String>,
    },
}

impl Ground {
    /// Hosts that may be read from without asking.
    pub fn allowed_domains(&self) -> &[String] {
        match self {
            Ground::HostFolder { allowed_domains } | Ground::View { allowed_domains } => {
                allowed_domains
            }
        }
    }

    /// What a rule weighs here.
    fn tier_of(&self, rule: &Rule) -> RiskTier {
        let Ground::View { allowed_domains } = self else {
            return rule.tier;
        };
        match (rule.reach, allowed_domains.is_empty()) {
            (Reach::Local, _) | (Reach::Remote | Reach::Unknown, true) => RiskTier::L0Readonly,
            (Reach::Remote, false) => rule.tier,
            (Reach::Secret | Reach::Unknown, _) => rule.tier.min(RiskTier::L1Mutating),
        }
    }
}

/// One thing that an action finally does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Reads a file.
    Reads { path: String },
    /// Creates or changes a file.
    Writes { path: String },
    /// Removes a file, or its content.
    Deletes { path: String },
    /// Talks to a host.
    Network { host: String, method: String },
    /// Shows a secret.
    Secret { what: String },
    /// Uses rights beyond the user's own.
    Privilege { what: String },
    /// Runs something whose effects are not known.
    Unknown { what: String },
}

/// How risky an action is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The strictest tier of everything the action does.
    pub tier: RiskTier,
    /// The stable id of the rule that decided.
    pub rule: String,
    /// One sentence why.
    pub rationale: String,
    /// What the action finally does, as far as it is known.
    pub effects: Vec<Effect>,
}

/// The strictest finding so far, with the effects seen on the way.
#[derive(Debug, Default)]
pub struct Draft {
    best: Option<Finding>,
    effects: Vec<Effect>,
    /// The function whose body is being judged.
    pub defining: Option<String>,
    talk: Talk,
}

/// The rule of what changes a repository on another machine: it is asked about every time.
pub const PUSH_RULE: &str = "network.push";

/// Whether an action speaks to other machines, as far as it is written in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Talk {
    /// A part of it is there to speak to another machine.
    pub is_remote: bool,
    /// A part of it fetches packages.
    pub downloads: bool,
    /// It may change a repository elsewhere.
    pub pushes: bool,
}

#[derive(Debug)]
struct Finding {
    tier: RiskTier,
    rule: &'static Rule,
    subject: String,
}

impl Draft {
    /// Takes a finding into account; the first of the strictest ones is the one that speaks.
    pub fn add(&mut self, ground: &Ground, rule: &'static Rule, subject: &str) {
        let tier = ground.tier_of(rule);
        self.talk.is_remote |= rule.reach == Reach::Remote;
        if self.best.as_ref().is_some_and(|best| best.tier >= tier) {
            return;
        }
        self.best = Some(Finding {
            tier,
            rule,
            subject: subject.to_owned(),
        });
    }

    /// Notes that a repository elsewhere may be changed.
    pub fn pushes(&mut self) {
        self.talk.pushes = true;
    }

    /// Notes that packages are fetched.
    pub fn downloads(&mut self) {
        self.talk.downloads = true;
    }

    /// Whether it speaks to other machines.
    pub fn talk(&self) -> Talk {
        self.talk
    }

    /// Has the command fetched anything from the network so far?
    pub fn saw_download(&self) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Network { .. }))
    }

    /// Notes an effect, without repeating itself.
    pub fn effect(&mut self, effect: Effect) {
        if self.effects.len() < limits::EFFECTS_MAX && !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    /// The verdict; `nothing` speaks when there was no finding at all.
    pub fn finish(self, nothing: &'static Rule) -> Verdict {
        let finding = self.best.unwrap_or(Finding {
            tier: nothing.tier,
            rule: nothing,
            subject: "this".to_owned(),
        });
        Verdict {
            tier: finding.tier,
            rule: finding.rule.id.to_owned(),
            rationale: finding.sentence(),
            effects: self.effects,
        }
    }
}

impl Finding {
    fn sentence(&self) -> String {
        let subject = shorten(&self.subject);
        let contained = if self.tier < self.rule.tier {
            ", which cannot leave the task's view"
        } else {
            ""
        };
        format!("`{subject}` {}{contained}.", self.rule.rationale)
    }
}

/// At most this many characters of a command are repeated in a rationale.
const SUBJECT_CHARS_MAX: usize = 60;

fn shorten(subject: &str) -> String {
    let clean = subject
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = clean.clone().take(SUBJECT_CHARS_MAX).collect();
    if clean.count() > SUBJECT_CHARS_MAX {
        short.push('…');
    }
    short
}
