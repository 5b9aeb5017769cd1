//! What a person may do: roles × capabilities, as one table that every door asks.

use crate::{Principal, Role, words};

words! {
    /// One thing that a role may or may not allow.
    pub enum Capability {
        /// Sees what is his: tasks, conversations, questions, usage.
        SeeOwn = "see-own",
        /// Talks to the coordinator.
        Converse = "converse",
        /// Begins tasks and uploads files for them.
        BeginTasks = "begin-tasks",
        /// Steers, stops and repeats his own tasks, and takes back what they applied.
        SteerOwn = "steer-own",
        /// Switches his own bypass, where the org lets people.
        BypassOwn = "bypass-own",
        /// Sees the tasks and questions of others, in his scope.
        SeeOthers = "see-others",
        /// Steers and stops the tasks of others, in his scope.
        SteerOthers = "steer-others",
        /// Decides `L1_MUTATING` of others, in his scope.
        DecideMedium = "decide-medium",
        /// Sees who is in the org.
        SeePeople = "see-people",
        /// Decides `L2_DESTRUCTIVE` and `L3_PRIVILEGED`.
        DecideHigh = "decide-high",
        /// Adds, changes, suspends and removes people; their tokens and scopes.
        ManagePeople = "manage-people",
        /// Invites people, and confirms who they are.
        Invite = "invite",
        /// Reads the whole audit log.
        SeeAudit = "see-audit",
        /// Changes the org's policy.
        ManagePolicy = "manage-policy",
        /// Takes back the lasting grants of others.
        ManageGrants = "manage-grants",
        /// Moves the emergency controls.
        MoveEmergency = "move-emergency",
        /// Installs skills for others.
        ManageSkills = "manage-skills",
        /// Sets and removes secrets, those of connectors too.
        ManageSecrets = "manage-secrets",
        /// Provisions: certificates, connectors, other overlords.
        Provision = "provision",
    }
}

impl Capability {
    /// The lowest role that has it. Roles are ordered, and what a role may, the roles above may.
    pub const fn needs(self) -> Role {
        match self {
            Self::SeeOwn => Role::Viewer,
            Self::Converse | Self::BeginTasks | Self::SteerOwn | Self::BypassOwn => Role::Member,
            Self::SeeOthers | Self::SteerOthers | Self::DecideMedium | Self::SeePeople => {
                Role::Operator
            }
            Self::DecideHigh
            | Self::ManagePeople
            | Self::Invite
            | Self::SeeAudit
            | Self::ManagePolicy
            | Self::ManageGrants
            | Self::MoveEmergency
            | Self::ManageSkills => Role::Admin,
            Self::ManageSecrets | Self::Provision => Role::Overlord,
        }
    }
}

/// Somebody's role does not allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{capability}` takes the role {needed} or above, and yours is {role}; ask one of them")]
pub struct Lacks {
    /// What he wanted to do.
    pub capability: Capability,
    /// The lowest role that may.
    pub needed: Role,
    /// His.
    pub role: Role,
}

impl Role {
    /// The one place where a role is asked what it allows.
    pub fn may(self, capability: Capability) -> bool {
        self.is_at_least(capability.needs())
    }
}

impl Principal {
    /// Whether he may; for where the answer only decides how much is shown.
    pub fn may(&self, capability: Capability) -> bool {
        self.role.may(capability)
    }

    /// Refuses him who may not.
    pub fn require(&self, capability: Capability) -> Result<(), Lacks> {
        let (needed, role) = (capability.needs(), self.role);
        match role.may(capability) {
            true => Ok(()),
            false => Err(Lacks {
                capability,
                needed,
                role,
            }),
        }
    }

    /// Refuses him who would hand out, or touch somebody with, more than he holds himself.
    pub fn require_reach(&self, role: Role) -> Result<(), Overreach> {
        match self.role.is_at_least(role) {
            true => Ok(()),
            false => Err(Overreach {
                role,
                own: self.role,
            }),
        }
    }
}

/// Somebody would give, or govern, a role above his own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the role {role} stands above yours, which is {own}; ask somebody who holds it")]
pub struct Overreach {
    /// The role in question.
    pub role: Role,
    /// His.
    pub own: Role,
}

/// The whole table as people read it: a line per capability, a column per role.
pub fn capability_table() -> String {
    let head = std::iter::once(format!("{:<16}", "may")).chain(
        Role::ALL
            .iter()
            .map(|role| format!("{:<10}", role.as_str())),
    );
    let mut lines = vec![head.collect::<String>().trim_end().to_owned()];
    for &capability in Capability::ALL {
        let cells = Role::ALL.iter().map(|role| {
            let word = if role.may(capability) { "yes" } else { "no" };
            format!("{word:<10}")
        });
        let line = format!("{:<16}", capability.as_str()) + &cells.collect::<String>();
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every cell, written out: a change of the table is a change of this page.
    const TABLE: &str = "\
may             viewer    member    operator  admin     overlord
see-own         yes       yes       yes       yes       yes
converse        no        yes       yes       yes       yes
begin-tasks     no        yes       yes       yes       yes
steer-own       no        yes       yes       yes       yes
bypass-own      no        yes       yes       yes       yes
see-others      no        no        yes       yes       yes
steer-others    no        no        yes       yes       yes
decide-medium   no        no        yes       yes       yes
see-people      no        no        yes       yes       yes
decide-high     no        no        no        yes       yes
manage-people   no        no        no        yes       yes
invite          no        no        no        yes       yes
see-audit       no        no        no        yes       yes
manage-policy   no        no        no        yes       yes
manage-grants   no        no        no        yes       yes
move-emergency  no        no        no        yes       yes
manage-skills   no        no        no        yes       yes
manage-secrets  no        no        no        no        yes
provision       no        no        no        no        yes
";

    #[test]
    fn every_cell_of_roles_and_capabilities() {
        assert_eq!(capability_table(), TABLE);
    }
}
