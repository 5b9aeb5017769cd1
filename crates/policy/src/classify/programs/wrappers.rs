//! Programs that run another program given on their own command line.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating, L2Destructive, L3Privileged};

use super::super::general;
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::words::{Arg, Known};

/// How a wrapper's own arguments end and the wrapped command begins.
pub struct Wrapper {
    names: &'static [&'static str],
    /// Options that take the next argument as their value.
    values: &'static [&'static str],
    /// Options without a value. Any other option leaves it unclear what is run.
    flags: &'static [&'static str],
    /// Operands of its own in front of the wrapped command.
    operands: usize,
    /// Whether `NAME=value` may stand in front of the command.
    assigns: bool,
    /// What the wrapper itself does.
    rule: &'static Rule,
}

/// The wrapped command is not looked for.
const ANY: usize = usize::MAX;

#[rustfmt::skip]
pub static RULES: &[&Rule] = &[
    &PLAIN, &PRIVILEGE, &OTHER_ROOT, &BACKGROUND, &UNCLEAR, &TRACE, &XARGS,
];

#[rustfmt::skip]
static PLAIN: Rule = Rule::code(
    "wrapper.plain",
    L0Readonly,
    Reach::Local,
    "only sets the conditions for the command it runs",
    &["nice", "timeout 5"],
    &["timeout 5 rm x", "nice -n 5 ls", "env -i ls"],
);
#[rustfmt::skip]
static PRIVILEGE: Rule = Rule::code(
    "privilege.escalate",
    L3Privileged,
    Reach::Local,
    "runs with the rights of another user",
    &["sudo ls", "doas id", "su -c ls", "pkexec ls", "sudo -u postgres psql", "runuser -u www ls"],
    &["echo sudo"],
);
#[rustfmt::skip]
static OTHER_ROOT: Rule = Rule::code(
    "privilege.namespace",
    L3Privileged,
    Reach::Local,
    "enters another root or namespace",
    &["chroot /mnt ls", "nsenter -t 1 -m sh", "unshare -r id"],
    &["ls /mnt"],
);
#[rustfmt::skip]
static BACKGROUND: Rule = Rule::code(
    "wrapper.outlives",
    L1Mutating,
    Reach::Local,
    "leaves a process running on its own",
    &["nohup ls", "setsid sleep 5"],
    &["nohup rm -r x"],
);
#[rustfmt::skip]
static UNCLEAR: Rule = Rule::code(
    "wrapper.unclear",
    L2Destructive,
    Reach::Unknown,
    "is called in a way that leaves open what it runs",
    &["nice --odd ls", "env -S 'rm x'"],
    &["nice -n 5 ls"],
);
#[rustfmt::skip]
static TRACE: Rule = Rule::code(
    "wrapper.trace",
    L1Mutating,
    Reach::Local,
    "watches or records another program from inside",
    &["strace ls"],
    &["strace rm x"],
);
#[rustfmt::skip]
static XARGS: Rule = Rule::code(
    "wrapper.xargs",
    L0Readonly,
    Reach::Local,
    "runs a command for what it reads",
    &["xargs"],
    &["ls | xargs rm"],
);

#[rustfmt::skip]
static WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["env"],
        values: &["-u", "--unset", "-C", "--chdir"],
        flags: &["-i", "--ignore-environment", "-", "-0", "-v", "--debug"],
        operands: 0,
        assigns: true,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["nice"],
        values: &["-n", "--adjustment"],
        flags: &[],
        operands: 0,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["ionice"],
        values: &["-c", "-n", "--class", "--classdata"],
        flags: &["-t"],
        operands: 0,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["nohup", "setsid", "daemonize"],
        values: &[],
        flags: &["-f", "-w", "-c", "--fork", "--wait"],
        operands: 0,
        assigns: false,
        rule: &BACKGROUND,
    },
    Wrapper {
        names: &["timeout", "gtimeout"],
        values: &["-s", "--signal", "-k", "--kill-after"],
        flags: &["--preserve-status", "--foreground", "-v"],
        operands: 1,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["time", "gtime"],
        values: &["-f", "--format"],
        flags: &["-p", "-v", "-l", "--verbose", "--portability"],
        operands: 0,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["stdbuf"],
        values: &["-i", "-o", "-e", "--input", "--output", "--error"],
        flags: &[],
        operands: 0,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &[
            "command", "builtin", "exec", "noglob", "nocorrect", "unbuffer", "catchsegv",
            "fakeroot", "winpty",
        ],
        values: &["-a"],
        flags: &["-p", "-c", "-l"],
        operands: 0,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["busybox", "toybox"],
        values: &[],
        flags: &[],
        operands: 0,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["taskset", "chrt", "setarch"],
        values: &["-c", "--cpu-list"],
        flags: &["-r", "-f", "-b", "-i", "-o", "-R"],
        operands: 1,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &[
            "numactl", "prlimit", "cgexec", "linux32", "linux64", "i386", "x86_64", "caffeinate",
            "dumb-init", "tini", "eatmydata", "systemd-cat", "systemd-inhibit", "chronic",
            "rlwrap", "proxychains", "proxychains4", "torsocks", "torify", "sshpass", "choom",
        ],
        values: &[
            "-g", "-C", "-N", "-m", "-p", "-f", "-d", "-n", "--adjust", "--cpunodebind",
            "--membind",
        ],
        flags: &["-e", "-v", "-s", "-q", "-R", "-i", "--all"],
        operands: 0,
        assigns: false,
        rule: &PLAIN,
    },
    Wrapper {
        names: &["strace", "ltrace", "valgrind", "perf-record"],
        values: &["-e", "-s", "-P"],
        flags: &["-f", "-c", "-t", "-tt", "-T", "-y", "-v", "-q", "-C"],
        operands: 0,
        assigns: false,
        rule: &TRACE,
    },
    Wrapper {
        names: &[
            "sudo", "doas", "pkexec", "sudoedit", "gksudo", "gksu", "kdesu", "run0", "dzdo",
            "please",
        ],
        values: &["-u", "--user", "-g", "--group", "-p", "-C", "-h", "-D", "-T", "-U", "-r", "-t"],
        flags: &["-n", "-E", "-H", "-S", "-i", "-s", "-k", "-b", "-A", "-P", "-l", "-v", "-K"],
        operands: 0,
        assigns: true,
        rule: &PRIVILEGE,
    },
    Wrapper {
        names: &[
            "su", "runuser", "setpriv", "capsh", "setuidgid", "chpst", "gosu", "su-exec", "newgrp",
            "sg", "login",
        ],
        values: &["-u", "-g", "-s", "-c"],
        flags: &["-", "-l"],
        operands: ANY,
        assigns: false,
        rule: &PRIVILEGE,
    },
    Wrapper {
        names: &[
            "chroot", "nsenter", "unshare", "systemd-nspawn", "schroot", "arch-chroot", "firejail",
            "bwrap", "proot", "fakechroot",
        ],
        values: &["-t", "-S", "-G", "-D", "-c"],
        flags: &["-m", "-r", "-p", "-n", "-u", "-i", "-a", "-f"],
        operands: ANY,
        assigns: false,
        rule: &OTHER_ROOT,
    },
];

/// The wrapper of this name.
pub fn find(name: &str) -> Option<&'static Wrapper> {
    WRAPPERS
        .iter()
        .find(|wrapper| wrapper.names.contains(&name))
}

impl Walker<'_> {
    /// Judges a wrapper and the command inside it. `None` when this use wraps nothing.
    pub fn wrapped(&mut self, wrapper: &Wrapper, args: &[Arg], input: &Feed) -> Option<Feed> {
        let name = wrapper.names[0];
        if name == "env" && args.iter().all(|arg| arg.text.starts_with('-')) {
            return self
                .builtin(name, args, input)
                .or_else(|| self.unclear(name));
        }
        if name == "command"
            && args
                .first()
                .is_some_and(|arg| matches!(arg.text.as_str(), "-v" | "-V"))
        {
            self.add(&PLAIN, name);
            return Some(Feed::Names);
        }
        if wrapper.operands == ANY {
            // What such a wrapper runs is beside the point: its own tier is the highest.
            self.add(wrapper.rule, name);
            self.mention_all(args);
            return Some(Feed::Computed);
        }
        let Some(start) = self.command_start(wrapper, args) else {
            self.add(wrapper.rule, name);
            return self.unclear(name);
        };
        let output = match &args[start..] {
            [] => Feed::Computed,
            inner => self.judge(inner, input),
        };
        self.add(wrapper.rule, name);
        Some(output)
    }

    fn unclear(&mut self, name: &str) -> Option<Feed> {
        self.add(&UNCLEAR, name);
        Some(Feed::Computed)
    }

    /// Where the wrapped command begins; `None` when an option is not understood.
    fn command_start(&mut self, wrapper: &Wrapper, args: &[Arg]) -> Option<usize> {
        let mut index = 0;
        let mut operands = wrapper.operands;
        while let Some(arg) = args.get(index) {
            let text = arg.text.as_str();
            if text == "--" {
                index += 1;
                break;
            }
            if text.starts_with('-') && (text.len() > 1 || wrapper.flags.contains(&"-")) {
                index += wrapper.option_width(text)?;
                continue;
            }
            if let Some((variable, value)) = text.split_once('=').filter(|_| wrapper.assigns) {
                self.environment(variable, &arg.with_text(value));
            } else if operands > 0 {
                operands -= 1;
            } else {
                break;
            }
            index += 1;
        }
        Some(
            index
                + if args
                    .get(index.wrapping_sub(1))
                    .is_some_and(|arg| arg.text == "--")
                {
                    operands
                } else {
                    0
                },
        )
        .map(|start| start.min(args.len()))
    }

    /// `xargs` runs its command with arguments that come from its input.
    pub fn xargs(&mut self, args: &[Arg], input: &Feed) -> Option<Feed> {
        #[rustfmt::skip]
        const VALUES: &[&str] = &[
            "-n", "-L", "-P", "-I", "-d", "-E", "-s", "-a", "--max-args", "--max-procs",
            "--replace", "--delimiter", "--max-lines", "--arg-file",
        ];

        #[rustfmt::skip]
        const FLAGS: &[&str] = &[
            "-0", "--null", "-r", "--no-run-if-empty", "-t", "-x", "--verbose", "-i", "-p",
        ];
        let wrapper = Wrapper {
            names: &["xargs"],
            values: VALUES,
            flags: FLAGS,
            operands: 0,
            assigns: false,
            rule: &XARGS,
        };
        self.add(&XARGS, "xargs");
        let Some(start) = self.command_start(&wrapper, args) else {
            return self.unclear("xargs");
        };
        let (own, inner) = args.split_at(start);
        self.mention_all(own);
        if inner.is_empty() {
            return Some(input.clone());
        }
        let mut command: Vec<Arg> = inner.to_vec();
        match input {
            Feed::Text(text) => command.extend(text.split_whitespace().map(Arg::exact)),
            Feed::Names => command.push(Arg::unknown(Known::Variable)),
            Feed::Nothing | Feed::Computed | Feed::Network => {
                command.push(Arg::unknown(Known::Computed));
                self.runs_what_it_reads(&command);
            }
        }
        Some(self.judge(&command, &Feed::Nothing))
    }

    /// `… | xargs -I{} sh -c '{}'` runs what flows in.
    fn runs_what_it_reads(&mut self, command: &[Arg]) {
        if command
            .iter()
            .any(|arg| arg.text == "-c" || arg.text == "-e")
        {
            self.add(&general::RUNS_UNKNOWN, "xargs");
        }
    }
}

impl Wrapper {
    /// How many arguments this option takes up; `None` when it is not understood.
    fn option_width(&self, option: &str) -> Option<usize> {
        if self.values.contains(&option) {
            return Some(2);
        }
        if self.flags.contains(&option) {
            return Some(1);
        }
        if let Some((name, _)) = option.split_once('=') {
            return self.values.contains(&name).then_some(1);
        }
        if option.starts_with("--") {
            return None;
        }
        self.bundle_width(option)
    }

    /// `-n10`, `-10` (nice) or `-in`.
    fn bundle_width(&self, option: &str) -> Option<usize> {
        let letters = option.get(1..)?;
        if letters.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(1);
        }
        for (at, letter) in letters.char_indices() {
            let single = format!("-{letter}");
            if self.values.contains(&single.as_str()) {
                let is_last = at + letter.len_utf8() == letters.len();
                return Some(if is_last { 2 } else { 1 });
            }
            if !self.flags.contains(&single.as_str()) {
                return None;
            }
        }
        Some(1)
    }
}
