//! What goes wrong in a run: a line of text that plays again.

use crate::Chance;
use std::fmt;
use wardroom_domain::Waymark;

/// What happens to a process at a waymark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its plug is pulled.
    Crash,
    /// It sleeps beyond its lease, and goes on when another has taken over.
    Sleep,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What.
    pub kind: Kind,
    /// Where.
    pub at: Waymark,
    /// At which coming there, counted over all processes.
    pub count: u32,
}

/// How hints travel between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hints {
    /// As they are given.
    All,
    /// Not at all.
    Lost,
    /// Twice, late and in another order.
    Shuffled,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything that the rest leaves open.
    pub seed: u64,
    /// What goes wrong, each once.
    pub strikes: Vec<Strike>,
    /// How hints travel.
    pub hints: Hints,
    /// Whether clocks jump between processes.
    pub clocks_jump: bool,
    /// How many processes work at once.
    pub workers: u32,
}

/// The waymarks that a run comes by. The others lie below the store, and are struck in processes of
/// their own.
pub const ON_THE_ROAD: [Waymark; 19] = [
    Waymark::Admit,
    Waymark::InboxCommit,
    Waymark::Claim,
    Waymark::Fold,
    Waymark::IntentCommit,
    Waymark::GatePre,
    Waymark::GateSent,
    Waymark::GateReturned,
    Waymark::ResultCommit,
    Waymark::ApprovalOpen,
    Waymark::ApprovalDecide,
    Waymark::SignalConsume,
    Waymark::CancelCommit,
    Waymark::TerminalCommit,
    Waymark::TimerFire,
    Waymark::OutboxCommit,
    Waymark::OutboxSent,
    Waymark::OutboxAck,
    Waymark::AnchorWrite,
];

impl Plan {
    /// A run in which nothing goes wrong.
    pub fn calm(seed: u64) -> Self {
        Self {
            seed,
            strikes: Vec::new(),
            hints: Hints::All,
            clocks_jump: false,
            workers: 1,
        }
    }

    /// The same with something that goes wrong.
    #[must_use]
    pub fn struck(mut self, kind: Kind, at: Waymark, count: u32) -> Self {
        self.strikes.push(Strike { kind, at, count });
        self
    }

    /// Everything from the seed: up to three strikes, hints, clocks and processes.
    pub fn random(seed: u64) -> Self {
        let mut chance = Chance::of(seed ^ 0x0005_1057_0a11);
        let mut plan = Self {
            hints: *chance.one_of(&[Hints::All, Hints::All, Hints::Lost, Hints::Shuffled]),
            clocks_jump: chance.percent(25),
            workers: if chance.percent(30) { 2 } else { 1 },
            ..Self::calm(seed)
        };
        for _ in 0..chance.below(4) {
            let kind = *chance.one_of(&[Kind::Crash, Kind::Crash, Kind::Sleep]);
            let at = *chance.one_of(&ON_THE_ROAD);
            let count = 1 + u32::try_from(chance.below(4)).unwrap_or_default();
            plan = plan.struck(kind, at, count);
        }
        plan
    }

    /// Reads a line that was printed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let mut plan = Self::calm(words.next()?.parse().ok()?);
        for word in words {
            match word {
                "lost" => plan.hints = Hints::Lost,
                "shuffled" => plan.hints = Hints::Shuffled,
                "jumps" => plan.clocks_jump = true,
                _ => match word.split_once('=') {
                    Some(("workers", count)) => plan.workers = count.parse().ok()?,
                    _ => plan.strikes.push(Strike::parse(word)?),
                },
            }
        }
        Some(plan)
    }
}

impl Strike {
    fn parse(word: &str) -> Option<Self> {
        let (kind, place) = word.split_once('@')?;
        let (at, count) = place.split_once(':')?;
        let kind = match kind {
            "crash" => Kind::Crash,
            "sleep" => Kind::Sleep,
            _ => return None,
        };
        Some(Self {
            kind,
            at: Waymark::parse(at)?,
            count: count.parse().ok()?,
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        match self.hints {
            Hints::All => {}
            Hints::Lost => write!(f, " lost")?,
            Hints::Shuffled => write!(f, " shuffled")?,
        }
        if self.clocks_jump {
            write!(f, " jumps")?;
        }
        if self.workers > 1 {
            write!(f, " workers={}", self.workers)?;
        }
        for Strike { kind, at, count } in &self.strikes {
            let kind = match kind {
                Kind::Crash => "crash",
                Kind::Sleep => "sleep",
            };
            write!(f, " {kind}@{at}:{count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_it_is_printed() {
        for seed in 0..200 {
            let plan = Plan::random(seed);
            assert_eq!(Plan::parse(&plan.to_string()), Some(plan));
        }
    }
}
