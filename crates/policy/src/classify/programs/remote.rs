//! Programs that act on another machine or in a container: the inner command is judged too.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating, L2Destructive, L3Privileged};

use super::super::general;
use super::super::invocation::{Dash, Grammar, Invocation};
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::table::grammar_of;
use super::super::verdict::Effect;
use super::super::words::{Arg, Known};

#[rustfmt::skip]
pub static RULES: &[&Rule] = &[
    &REMOTE_LOOK, &REMOTE_SESSION, &REMOTE_STEERED, &COPIES_OVER, &MIRRORS, &REHEARSES, &COPIES,
    &ENTERS, &STARTS, &STARTS_OPEN,
];

#[rustfmt::skip]
static REMOTE_LOOK: Rule = Rule::code(
    "remote.command",
    L1Mutating,
    Reach::Remote,
    "runs a command on another machine",
    &["ssh web uptime", "ssh -p 22 ann@web ls -l"],
    &["ssh web rm -r a", "ssh web"],
);
#[rustfmt::skip]
static REMOTE_SESSION: Rule = Rule::code(
    "remote.session",
    L2Destructive,
    Reach::Remote,
    "opens a session or a tunnel on another machine",
    &["ssh web", "ssh -L 80:a:80 web", "telnet web", "mosh web"],
    &["ssh -V"],
);
#[rustfmt::skip]
static REMOTE_STEERED: Rule = Rule::code(
    "remote.steered",
    L2Destructive,
    Reach::Unknown,
    "is told to run a program here while it connects",
    &[
        "ssh -o ProxyCommand='sh -c id' web ls", "rsync -e ./x a web:b", "scp -S ./x a web:b",
        "ssh -F ./cfg web ls",
    ],
    &["ssh -o BatchMode=yes web ls"],
);
#[rustfmt::skip]
static COPIES_OVER: Rule = Rule::code(
    "remote.copy",
    L2Destructive,
    Reach::Remote,
    "copies files to or from another machine",
    &["scp a web:b", "rsync -a src/ web:/dst/", "sftp web"],
    &["rsync -a src/ dst/"],
);
#[rustfmt::skip]
static MIRRORS: Rule = Rule::code(
    "path.mirror",
    L2Destructive,
    Reach::Local,
    "removes at the target what is gone at the source, or at the source what was copied",
    &["rsync -a --delete src/ dst/", "rsync --remove-source-files a b", "rsync --del a b"],
    &["rsync -a src/ dst/", "rsync -an --delete src/ dst/"],
);
#[rustfmt::skip]
static REHEARSES: Rule = Rule::code(
    "path.copy-rehearsal",
    L0Readonly,
    Reach::Local,
    "only tells what it would copy",
    &["rsync -n -a src/ dst/", "rsync -a --dry-run --delete src/ dst/", "rsync --list-only src/"],
    &["rsync -a src/ dst/"],
);
#[rustfmt::skip]
static COPIES: Rule = Rule::code(
    "path.copy",
    L1Mutating,
    Reach::Local,
    "copies files",
    &["rsync -a src/ dst/"],
    &["rsync -a --delete src/ dst/"],
);
#[rustfmt::skip]
static ENTERS: Rule = Rule::code(
    "container.exec",
    L1Mutating,
    Reach::Remote,
    "runs a command inside a container",
    &["docker exec web ls", "kubectl exec pod -- ls", "kubectl exec -n a pod -c b -- cat x.txt"],
    &["docker exec web rm x", "docker exec -it web"],
);
#[rustfmt::skip]
static STARTS: Rule = Rule::code(
    "container.run",
    L2Destructive,
    Reach::Remote,
    "starts a container, whose effects are not known",
    &["docker run alpine ls", "podman run --rm x", "kubectl run a --image=b"],
    &["docker ps"],
);
#[rustfmt::skip]
static STARTS_OPEN: Rule = Rule::code(
    "container.run-open",
    L3Privileged,
    Reach::Local,
    "starts a container that reaches into the host",
    &[
        "docker run --privileged x", "docker run -v /:/host x", "docker run --net=host x",
        "podman run --cap-add=ALL x", "docker run -v /var/run/docker.sock:/s x",
    ],
    &["docker run -v ./src:/src x"],
);

#[rustfmt::skip]
static SSH: Grammar = Grammar {
    programs: &[],
    values: &[
        "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o", "-p",
        "-Q", "-R", "-S", "-W", "-w", "-B", "-P",
    ],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static RSYNC: Grammar = Grammar {
    programs: &[],
    values: &[
        "-e", "--rsh", "-f", "--filter", "--exclude", "--include", "--exclude-from",
        "--include-from", "--files-from", "-T", "--temp-dir", "--backup-dir", "--bwlimit", "-B",
        "--port", "--password-file", "--log-file", "--chown", "--chmod", "-M", "--rsync-path",
        "--max-size", "--min-size", "--timeout", "--partial-dir", "--compare-dest", "--copy-dest",
        "--link-dest", "--suffix",
    ],
    flags: &[],
    dash: Dash::Letters,
};

impl Walker<'_> {
    pub fn ssh(&mut self, args: &[Arg], input: &Feed) -> Option<Feed> {
        if matches!(args, [only] if only.text == "-V") {
            return None;
        }
        let invocation = Invocation::new("ssh", args, &SSH);
        let (host, command) = match invocation.rest_from_operand(0) {
            [] => ("", &[][..]),
            [host, command @ ..] => (host.text.as_str(), after_options(command)),
        };
        self.draft.effect(Effect::Network {
            host: host.to_owned(),
            method: "ssh".to_owned(),
        });
        self.connection_options(&invocation);
        if command.is_empty()
            || invocation.has(&["-L", "-R", "-D", "-W", "-w", "-N", "-f", "-A", "-Y", "-X"])
        {
            self.add(&REMOTE_SESSION, "ssh");
        }
        if !command.is_empty() {
            self.far_command(command, input);
            self.add(&REMOTE_LOOK, "ssh");
        }
        Some(Feed::Computed)
    }

    /// The far side puts the words together and hands them to its shell.
    fn far_command(&mut self, command: &[Arg], input: &Feed) {
        if command.iter().any(|arg| arg.known != Known::Exact) {
            self.add(&general::RUNS_UNKNOWN, "ssh");
        }
        let line = command
            .iter()
            .map(|arg| arg.text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        let (folder, variables) = (self.folder.clone(), self.variables.clone());
        self.judge_script(&line, input);
        self.folder = folder;
        self.variables = variables;
    }

    fn connection_options(&mut self, invocation: &Invocation<'_>) {
        #[rustfmt::skip]
        const TAME: &[&str] = &[
            "batchmode", "connecttimeout", "stricthostkeychecking", "serveraliveinterval",
            "serveralivecountmax", "loglevel", "port", "user", "compression", "identitiesonly",
            "userknownhostsfile", "passwordauthentication", "requesttty", "addressfamily",
            "preferredauthentications", "numberofpasswordprompts",
        ];
        let is_tame = |option: &Arg| {
            let name = option
                .text
                .split(['=', ' '])
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            option.known == Known::Exact && TAME.contains(&name.as_str())
        };
        if !invocation.values_of(&["-o"]).iter().all(is_tame)
            || invocation.has(&["-F", "-S", "-I"])
            || invocation.is_unclear()
        {
            self.add(&REMOTE_STEERED, invocation.program);
        }
    }

    pub fn far_copy(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new(name, args, &SSH);
        self.mention_all(args);
        self.connection_options(&invocation);
        self.add(&COPIES_OVER, name);
        Some(Feed::Computed)
    }

    pub fn far_session(&mut self, name: &str) -> Option<Feed> {
        self.add(&REMOTE_SESSION, name);
        Some(Feed::Computed)
    }

    pub fn rsync(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("rsync", args, &RSYNC);
        if matches!(args, [only] if matches!(only.text.as_str(), "--help" | "--version" | "-V")) {
            return None;
        }
        self.mention_all(args);
        let shells = invocation.values_of(&["-e", "--rsh"]);
        let tame = shells.iter().all(|shell| {
            shell.text == "ssh"
                || shell
                    .text
                    .strip_prefix("ssh -p ")
                    .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
        });
        if !tame
            || invocation.has(&[
                "--rsync-path",
                "-M",
                "--remote-option",
                "--daemon",
                "--config",
            ])
            || invocation.is_unclear()
        {
            self.add(&REMOTE_STEERED, "rsync");
        }
        let operands: Vec<&Arg> = invocation.operands().collect();
        let far = operands.iter().any(|operand| operand.text.contains(':'));
        if invocation.has(&["-n", "--dry-run", "--list-only"]) {
            self.add(if far { &REMOTE_LOOK } else { &REHEARSES }, "rsync");
            return Some(Feed::Computed);
        }
        if invocation
            .options()
            .any(|option| option.starts_with("--del") || option.starts_with("--remove-s"))
        {
            self.add(&MIRRORS, "rsync");
        }
        self.add(if far { &COPIES_OVER } else { &COPIES }, "rsync");
        if let Some(target) = operands.last().filter(|target| !target.text.contains(':')) {
            self.writes(target);
        }
        Some(Feed::Computed)
    }

    /// `docker run`, `docker exec`, `kubectl exec`; the other verbs are in the table.
    pub fn container(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        let invocation = Invocation::new(name, args, grammar_of(name));
        let mut at = 0;
        if matches!(invocation.verb_at(0), Some("container" | "compose")) {
            at = 1;
        }
        match invocation.verb_at(at)? {
            "run" | "debug" => {
                self.starts_container(args);
                Some(Feed::Computed)
            }
            "create" if matches!(name, "docker" | "podman" | "nerdctl") => {
                self.starts_container(args);
                Some(Feed::Computed)
            }
            "exec" => {
                self.enters_container(invocation.rest_from_operand(at + 1), input);
                Some(Feed::Computed)
            }
            _ => None,
        }
    }

    fn starts_container(&mut self, args: &[Arg]) {
        #[rustfmt::skip]
        const OPEN: &[&str] = &[
            "--privileged", "--cap-add", "--device", "--pid", "--ipc", "--userns", "--net",
            "--network", "--security-opt", "--uts", "--cgroupns",
        ];
        let reaches = |arg: &Arg| {
            let name = arg.text.split('=').next().unwrap_or_default();
            (OPEN.contains(&name) && (!name.starts_with("--net") || arg.text.contains("host")))
                || arg.text == "host"
                || mounts_host(&arg.text)
        };
        self.mention_all(args);
        let open = args.iter().any(reaches);
        self.add(if open { &STARTS_OPEN } else { &STARTS }, "a container");
    }

    fn enters_container(&mut self, rest: &[Arg], input: &Feed) {
        let command = match rest.iter().position(|arg| arg.text == "--") {
            Some(at) => &rest[at + 1..],
            None => {
                let skipped = rest
                    .iter()
                    .take_while(|arg| arg.text.starts_with('-'))
                    .count()
                    + 1;
                rest.get(skipped..).unwrap_or_default()
            }
        };
        if command.is_empty() || command[0].text.starts_with('-') {
            self.add(&STARTS, "a session in a container");
            return;
        }
        let folder = self.folder.clone();
        self.judge(command, input);
        self.folder = folder;
        self.add(&ENTERS, "a container");
    }
}

/// `-v /:/host`, `--volume=/etc:/x`, `-v/home:/h`: a folder of the host that is not the workspace.
fn mounts_host(text: &str) -> bool {
    let spec = text
        .trim_start_matches("--volume=")
        .trim_start_matches("-v")
        .trim_start_matches("--mount=");
    if let Some(source) = spec.split(',').find_map(|part| {
        part.strip_prefix("source=")
            .or_else(|| part.strip_prefix("src="))
    }) {
        return source.starts_with(['/', '~']);
    }
    spec.split_once(':')
        .is_some_and(|(source, _)| source.starts_with(['/', '~']) && !source.contains("//"))
}

/// `ssh` reads options behind the host as well; the command begins after them.
fn after_options(mut words: &[Arg]) -> &[Arg] {
    while let [option, rest @ ..] = words {
        let text = option.text.as_str();
        if text == "--" {
            return rest;
        }
        if !text.starts_with('-') || text.len() < 2 {
            break;
        }
        let width = 1 + usize::from(SSH.values.contains(&text));
        words = &words[width.min(words.len())..];
    }
    words
}
