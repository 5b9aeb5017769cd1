//! What a backend really enforces, and what is missing for a demand.

use crate::spec::{Demand, Demands, SandboxSpec, WorkspaceMount};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How firmly something is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "why")]
pub enum Enforcement {
    /// By the kernel: tried in a probe sandbox, and it held.
    Kernel,
    /// It holds mostly; the sentence says when it does not.
    BestEffort(&'static str),
    /// It does not hold; the sentence says how to get it.
    None(&'static str),
}

impl Enforcement {
    fn grade(self) -> Demand {
        match self {
            Self::Kernel => Demand::Kernel,
            Self::BestEffort(_) => Demand::BestEffort,
            Self::None(_) => Demand::Any,
        }
    }

    fn suffices(self, what: &'static str, wanted: Demand) -> Result<(), Shortfall> {
        if self.grade() < wanted {
            Err(Shortfall {
                what,
                wanted,
                why: self.why(),
            })
        } else {
            Ok(())
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Kernel => "",
            Self::BestEffort(why) | Self::None(why) => why,
        }
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => formatter.write_str("enforced by the kernel"),
            Self::BestEffort(why) => write!(formatter, "best effort: {why}"),
            Self::None(why) => write!(formatter, "not enforced: {why}"),
        }
    }
}

/// Whether a backend has something to give at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "why")]
pub enum Offer {
    /// A trial was given one.
    Given,
    /// It is refused; the sentence says where it can be had.
    Refused(&'static str),
}

impl fmt::Display for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => formatter.write_str("given"),
            Self::Refused(why) => write!(formatter, "refused: {why}"),
        }
    }
}

const OWN_KERNEL: &str = "the sandbox shares the host's kernel: use gVisor (`backend = \"oci\"` with \
                          `runtime = \"runsc\"`)";

const LOOSE: &str = "this folder is written where it lies, on the host's disk: only the view of a task \
                     has a volume of its own";

/// How strong the border is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The host's kernel behind namespaces and a system-call filter.
    #[default]
    Namespaces,
    /// A kernel of its own in user space (gVisor).
    UserKernel,
    /// A kernel of its own in a small virtual machine.
    MicroVm,
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Namespaces => "on the host's kernel",
            Self::UserKernel => "on a kernel of its own in user space",
            Self::MicroVm => "on a kernel of its own in a virtual machine",
        })
    }
}

/// The truth about one backend on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    pub tier: Tier,
    pub namespaces: Enforcement,
    pub syscalls: Enforcement,
    pub network: Enforcement,
    pub filesystem: Enforcement,
    pub memory: Enforcement,
    pub processes: Enforcement,
    pub cpu: Enforcement,
    /// Of `/tmp`, the home folder and a workspace in memory.
    pub scratch: Enforcement,
    /// Of a view, and of any other workspace on the host's disk.
    pub disk: Enforcement,
    /// A way out through the proxy.
    pub way_out: Offer,
    pub terminals: Offer,
    pub landlock_abi: u32,
}

impl Capabilities {
    /// Every line of the table, in the order in which people read it.
    pub fn rows(&self) -> [(&'static str, Enforcement); 9] {
        [
            ("namespaces", self.namespaces),
            ("system calls", self.syscalls),
            ("network", self.network),
            ("files", self.filesystem),
            ("memory", self.memory),
            ("processes", self.processes),
            ("processor time", self.cpu),
            ("scratch space", self.scratch),
            ("disk space", self.disk),
        ]
    }

    /// What is given on demand, or refused.
    pub fn offers(&self) -> [(&'static str, Offer); 2] {
        [
            ("a way out through the proxy", self.way_out),
            ("terminals", self.terminals),
        ]
    }

    /// Refuses if less is enforced than must be.
    pub fn meet(&self, demands: &Demands) -> Result<(), Shortfall> {
        if self.tier < demands.tier {
            return Err(Shortfall {
                what: "a kernel of its own",
                wanted: Demand::Any,
                why: OWN_KERNEL,
            });
        }
        let wanted = [
            ("namespaces", self.namespaces, Demand::Kernel),
            ("a system-call filter", self.syscalls, Demand::Kernel),
            ("a closed network", self.network, Demand::Kernel),
            ("a memory limit", self.memory, demands.memory),
            ("a process limit", self.processes, demands.processes),
            ("a limit of processor time", self.cpu, demands.cpu),
        ];
        wanted
            .into_iter()
            .try_for_each(|(what, have, want)| have.suffices(what, want))
    }

    /// All of what is demanded of a sandbox over a copy-on-write view.
    pub fn meet_for_views(&self, demands: &Demands) -> Result<(), Shortfall> {
        self.meet(demands)?;
        self.disk.suffices("a disk quota", demands.disk)
    }

    /// As [`Self::meet`], for the space of a workspace of this kind.
    pub fn meet_disk(&self, spec: &SandboxSpec) -> Result<(), Shortfall> {
        let have = match &spec.workspace {
            WorkspaceMount::Scratch { .. } => self.scratch,
            // What takes no writes does not grow.
            WorkspaceMount::Bind {
                read_only: true, ..
            } => Enforcement::Kernel,
            WorkspaceMount::Bind { .. } | WorkspaceMount::Overlay { .. } => {
                match (self.disk, &spec.volume) {
                    (Enforcement::Kernel, None) => Enforcement::BestEffort(LOOSE),
                    (disk, _) => disk,
                }
            }
        };
        have.suffices("a disk quota", spec.demands.disk)
    }
}

/// The first demand that is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    pub what: &'static str,
    pub wanted: Demand,
    pub why: &'static str,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.wanted == Demand::Kernel {
            " by the kernel"
        } else {
            ""
        };
        write!(
            formatter,
            "{}{by} is demanded, and here {}",
            self.what, self.why
        )
    }
}
