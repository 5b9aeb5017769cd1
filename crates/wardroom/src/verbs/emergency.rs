//! `wardroom emergency`: the org's emergency controls.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::print;
use crate::place::Place;
use clap::{Subcommand, ValueEnum};
use wardroom_api::emergency::{ControlMoved, Emergency as Shown, MoveControl};
use wardroom_domain::RiskTier;

/// Pause, revoke, cancel and rotate, for the whole org at once
#[derive(Debug, Subcommand)]
pub enum Emergency {
    /// How the controls stand
    Status,
    /// Let everything above L0_READONLY wait, or go on
    PauseMutations { switch: Switch },
    /// End everybody's bypass and let nobody switch it on, or let people again
    DisableBypass { switch: Switch },
    /// Cancel every task of a tier and above that has not ended
    CancelRisky {
        /// From which tier on
        #[arg(long, value_parser = tier, default_value = "L2_DESTRUCTIVE")]
        tier: RiskTier,
    },
    /// End every token, session, sign-in link, invitation and pairing
    RotateCredentials,
}

/// Where a control is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It holds.
    On,
    /// It no longer does.
    Off,
}

fn tier(text: &str) -> Result<RiskTier, String> {
    let words = RiskTier::ALL.iter().map(|tier| tier.as_str());
    let words = words.collect::<Vec<_>>().join(", ");
    RiskTier::parse(text).ok_or_else(|| format!("it is one of {words}"))
}

impl Emergency {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let client = place.client()?;
        let control = match self {
            Self::Status => {
                let shown = block_on(async { Ok(client.emergency().await?) })?;
                print(place.json, &shown, status)?;
                return Ok(Exit::Done);
            }
            Self::PauseMutations { switch } => MoveControl::PauseMutations {
                on: switch == Switch::On,
            },
            Self::DisableBypass { switch } => MoveControl::DisableBypass {
                on: switch == Switch::On,
            },
            Self::CancelRisky { tier } => MoveControl::CancelRisky { tier: Some(tier) },
            Self::RotateCredentials => MoveControl::RotateCredentials {},
        };
        let moved = block_on(async { Ok(client.move_control(&control).await?) })?;
        print(place.json, &moved, |moved| told(&control, moved))?;
        Ok(Exit::Done)
    }
}

fn status(shown: &Shown) -> String {
    let word = |on| if on { "on" } else { "off" };
    let mut text = format!(
        "pause-mutations is {}, disable-bypass is {}.",
        word(shown.pause_mutations),
        word(shown.disable_bypass)
    );
    if let (Some(at), Some(by)) = (shown.changed_at, shown.changed_by) {
        text.push_str(&format!(" Moved last at {at} by {by}."));
    }
    text
}

fn told(control: &MoveControl, moved: &ControlMoved) -> String {
    match control {
        MoveControl::PauseMutations { .. } | MoveControl::DisableBypass { .. } => {
            status(&moved.emergency)
        }
        MoveControl::CancelRisky { .. } => {
            let tasks = moved.cancelled.iter().map(ToString::to_string);
            let tasks = tasks.collect::<Vec<_>>().join("\n");
            format!("Cancelled {} tasks.\n{tasks}", moved.cancelled.len())
        }
        MoveControl::RotateCredentials {} => {
            let mut text = format!(
                "Ended {} tokens and {} sessions, and every open link, invitation and pairing.",
                moved.tokens_ended, moved.sessions_ended
            );
            if !moved.secrets_to_renew.is_empty() {
                let names = moved.secrets_to_renew.join(", ");
                text.push_str(&format!(
                    "\nRenew these where they come from, then set them anew: {names}."
                ));
            }
            text
        }
    }
}
