//! The rules in Cedar: three layers compiled once, sliced by action, evaluated as things stand and
//! as if a person had said yes.

mod compile;
mod evaluate;

pub(super) use compile::{Rule, Rules, Text};
pub(super) use evaluate::{Answer, Asked, Query, Standing};

use wardroom_domain::PolicySource;

/// How the rules name what an action reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verge {
    View,
    Internal,
    Apply,
    Outside,
}

impl Verge {
    pub const ALL: [Verge; 4] = [Self::View, Self::Internal, Self::Apply, Self::Outside];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Internal => "internal",
            Self::Apply => "apply",
            Self::Outside => "outside",
        }
    }
}

/// The letter before a rule's id, so that no layer can take another's ids.
fn mark(source: PolicySource) -> &'static str {
    match source {
        PolicySource::SystemEnforced => "system",
        PolicySource::OrgDefault => "org",
        PolicySource::UserOverride => "user",
    }
}
