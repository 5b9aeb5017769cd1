//! Judges one program with its arguments: by code where a table is not enough, else by the table.

use wardroom_domain::RiskTier;

use super::invocation::Invocation;
use super::rule::{Fit, Reach, Rule, When};
use super::shell::{Feed, Walker};
use super::table::{self, grammar_of, rules_of};
use super::verdict::Effect;
use super::words::{Arg, Known};
use super::{general, limits};

impl Walker<'_> {
    /// Judges a program with its arguments; answers with what it puts out.
    pub fn judge(&mut self, args: &[Arg], input: &Feed) -> Feed {
        if self.wrappings >= limits::WRAPPINGS_MAX {
            self.add(&general::TOO_DEEP, "this command");
            return Feed::Computed;
        }
        self.wrappings += 1;
        let output = self.judge_program(args, input);
        self.wrappings -= 1;
        output
    }

    fn judge_program(&mut self, args: &[Arg], input: &Feed) -> Feed {
        let Some((name, rest)) = args.split_first() else {
            return Feed::Nothing;
        };
        let is_test = name.known == Known::Exact && name.text == "[";
        if (!name.is_plain() && !is_test) || name.text.is_empty() {
            self.mention_all(args);
            self.draft.effect(Effect::Unknown {
                what: name.text.clone(),
            });
            self.add(&general::UNKNOWN_PROGRAM, &name.text);
            return Feed::Computed;
        }
        if self.functions.contains(&name.text) {
            return self.call_function(&name.text, rest);
        }
        let Some(program) = program_name(&name.text) else {
            self.mention_all(rest);
            self.draft.effect(Effect::Unknown {
                what: name.text.clone(),
            });
            self.add(&general::WORKSPACE_PROGRAM, &name.text);
            return Feed::Computed;
        };
        if !program.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'.' | b'+' | b'-' | b'@' | b':' | b'[')
        }) {
            self.mention_all(rest);
            self.add(&general::ODD_NAME, program);
            return Feed::Computed;
        }
        if let [only] = rest
            && matches!(only.text.as_str(), "--help" | "--version")
        {
            self.add(&general::HELP, program);
            return Feed::Computed;
        }
        if super::downloads::downloads(program, rest) {
            self.draft.downloads();
        }
        match self.by_code(program, rest, input) {
            Some(output) => output,
            None => self.by_table(program, rest, input),
        }
    }

    fn call_function(&mut self, name: &str, args: &[Arg]) -> Feed {
        if self.draft.defining.as_deref() == Some(name) {
            self.add(&general::RECURSION, name);
        }
        self.mention_all(args);
        Feed::Computed
    }

    /// Looks at every argument for the name of a secret.
    pub fn mention_all(&mut self, args: &[Arg]) {
        for arg in args {
            self.mention(arg);
        }
    }

    /// Judges by the rules of the table.
    pub fn by_table(&mut self, program: &str, args: &[Arg], input: &Feed) -> Feed {
        let name = table::canonical(program);
        let invocation = Invocation::new(name, args, grammar_of(name));
        let rules = rules_of(name);
        let chosen = choose(rules, &invocation);
        if chosen.is_none_or(|rule| rule.tier > RiskTier::L0Readonly) && asks_for_help(&invocation)
        {
            self.add(&general::HELP, program);
            return Feed::Computed;
        }
        let mut covered = false;
        for rule in rules
            .iter()
            .filter(|rule| rule.fit(&invocation) == Some(Fit::Raise))
        {
            self.add_rule(rule, &invocation);
            covered = true;
        }
        match chosen {
            Some(rule) => self.add_rule(rule, &invocation),
            None if covered => {}
            None => self.unlisted(&invocation),
        }
        if chosen.is_some_and(|rule| {
            rule.tier == RiskTier::L0Readonly && ends_in_change(rule, &invocation)
        }) {
            self.unlisted(&invocation);
        }
        if invocation.verb_is_unsure()
            && chosen.is_some_and(|rule| relies_on_verb(rule, &invocation))
        {
            self.unlisted(&invocation);
        }
        if table::only_names(name) {
            self.mention_all(&invocation.values_of(table::LISTS));
        } else {
            self.looks_at_arguments(program, args, chosen);
        }
        match args.iter().find(|arg| self.names_secret(&arg.text)) {
            // Names of secrets, handed on, are secrets to whoever opens them.
            Some(secret) if table::lists_names(name) => Feed::Text(secret.text.clone()),
            _ => output_of(name, input),
        }
    }

    /// What lies in the arguments, whatever the verb: secrets, disks, other people's servers.
    fn looks_at_arguments(&mut self, program: &str, args: &[Arg], chosen: Option<&Rule>) {
        self.mention_all(args);
        if args.iter().any(|arg| arg.known == Known::Computed) {
            self.add(&general::COMPUTED_ARGUMENT, program);
        }
        match chosen {
            Some(rule) if rule.id.starts_with("files.") || rule.id.starts_with("text.") => {
                for arg in args {
                    self.raw_device(arg);
                }
            }
            Some(rule) if rule.reach == Reach::Remote => self.other_servers(program, args),
            _ => {}
        }
    }

    fn add_rule(&mut self, rule: &'static Rule, invocation: &Invocation<'_>) {
        let subject = describe(invocation);
        self.add(rule, &subject);
    }

    /// A use that no rule covers is never taken for reading.
    pub fn unlisted(&mut self, invocation: &Invocation<'_>) {
        let removes = invocation
            .args
            .iter()
            .take(6)
            .any(|arg| sounds_destructive(&arg.text));
        let rule = if removes || names_removal(invocation.program) {
            &general::UNLISTED_REMOVAL
        } else {
            &general::UNLISTED_USE
        };
        self.draft.effect(Effect::Unknown {
            what: invocation.program.to_owned(),
        });
        self.add(rule, &describe(invocation));
    }
}

/// The most specific rule; among equals the strictest.
fn choose(rules: &[&'static Rule], invocation: &Invocation<'_>) -> Option<&'static Rule> {
    rules
        .iter()
        .filter_map(|rule| match rule.fit(invocation)? {
            Fit::Base(specific) => Some((specific, rule.tier, *rule)),
            Fit::Raise => None,
        })
        .max_by_key(|(specific, tier, _)| (*specific, *tier))
        .map(|(_, _, rule)| rule)
}

/// Was the rule chosen because of a word that may be the value of an unknown option?
fn relies_on_verb(rule: &Rule, invocation: &Invocation<'_>) -> bool {
    !matches!(rule.when, When::Only(..))
        && matches!(rule.fit(invocation), Some(Fit::Base(weight)) if weight >= super::rule::PATTERN_WEIGHT)
}

/// A rule that trusts a noun (`projects`) does not trust `projects delete`.
fn ends_in_change(rule: &Rule, invocation: &Invocation<'_>) -> bool {
    #[rustfmt::skip]
    const READING: &[&str] = &[
        "help", "search", "find", "log", "grep", "show", "view", "info", "describe", "get", "which",
        "explain", "logs", "cat", "status", "inspect", "history", "doc", "ls", "list", "lookup",
        "read", "diff", "tree", "blame", "topic", "se", "provides", "query", "completion", "head",
        "why",
    ];
    #[rustfmt::skip]
    const CHANGING: &[&str] = &[
        "add", "set", "create", "update", "edit", "enable", "put", "new", "start", "import",
        "login", "logout", "install", "write", "modify", "grant", "attach", "register", "rename",
        "patch", "replace", "assign", "upgrade", "open", "use", "select", "save", "restore", "link",
        "invite", "share", "clone", "copy", "pull", "build", "connect",
    ];
    let Some(words) = rule.verb_words(invocation).filter(|words| *words > 0) else {
        return false;
    };
    let last = invocation.verb_at(words - 1).unwrap_or_default();
    let next = invocation.verb_at(words).unwrap_or_default();
    let reads = READING.contains(&last)
        || ["list-", "describe-", "get-", "list_"]
            .iter()
            .any(|start| last.starts_with(start));
    !reads && (CHANGING.contains(&next) || sounds_destructive(next) && !next.contains(['/', '.']))
}

/// The program and its verb, for the rationale.
fn describe(invocation: &Invocation<'_>) -> String {
    let mut words = invocation.program.to_owned();
    for arg in invocation.args.iter().take(3) {
        words.push(' ');
        words.push_str(&arg.text);
    }
    words
}

/// The name of a program that is found on the search path; `None` for a path into a folder.
fn program_name(text: &str) -> Option<&str> {
    #[rustfmt::skip]
    const TRUSTED: &[&str] = &[
        "/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/usr/local/sbin",
        "/opt/homebrew/bin", "/snap/bin", "/usr/games", "/run/current-system/sw/bin",
    ];
    match text.rsplit_once('/') {
        None => Some(text),
        Some((folder, name)) => (TRUSTED.contains(&folder) && !name.is_empty()).then_some(name),
    }
}

/// `tool --help`, `tool verb --help`, `tool --version`, and nothing else.
fn asks_for_help(invocation: &Invocation<'_>) -> bool {
    let Some((last, before)) = invocation.args.split_last() else {
        return false;
    };
    let sole = before.is_empty();
    let asks = match last.text.as_str() {
        "--help" => true,
        "--version" | "-V" | "-help" | "-version" | "--usage" | "help" | "version" => sole,
        // For others it means to be wordy.
        "-v" => sole && VERSION_BY_V.contains(&invocation.program),
        "-h" | "-?" => {
            !table::has_privileged_rule(invocation.program)
                && !before.iter().any(|arg| sounds_destructive(&arg.text))
        }
        _ => before.first().is_some_and(|first| first.text == "help") && is_verb_word(last),
    };
    asks && last.is_plain() && before.len() <= 3 && before.iter().all(is_verb_word)
}

const VERSION_BY_V: &[&str] = &[
    "git",
    "node",
    "ruby",
    "perl",
    "php",
    "npm",
    "yarn",
    "pnpm",
    "lua",
    "docker",
    "terraform",
];

fn is_verb_word(arg: &Arg) -> bool {
    arg.is_plain()
        && arg
            .text
            .starts_with(|first: char| first.is_ascii_lowercase())
        && arg.text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b':')
        })
}

/// Do the words of this argument speak of removing, overwriting, sending or stopping?
pub fn sounds_destructive(text: &str) -> bool {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "delete", "del", "remove", "rm", "rmi", "rb", "destroy", "purge", "drop", "prune", "wipe",
        "kill", "erase", "format", "reset", "terminate", "revoke", "uninstall", "disable", "force",
        "flush", "truncate", "clear", "clean", "unregister", "detach", "stop", "restart", "reboot",
        "shutdown", "poweroff", "halt", "overwrite", "publish", "send", "deploy", "rollback",
        "revert", "unpublish", "evict", "drain", "cordon", "abort", "cancel", "expire", "forget",
        "shred", "discard", "deregister", "unsubscribe", "rotate", "nuke", "cleanup", "gc",
        "migrate", "yank", "garbage", "seal", "rekey", "apply", "scale", "transfer", "release", "submit", "upload", "push", "pay",
        "buy", "burn", "flash", "rebuild", "reinstall", "unlink", "empty", "downgrade",
        "deactivate", "decommission", "undeploy", "teardown", "down", "suspend", "withdraw",
        "failover", "promote", "exec", "eval", "run", "attack", "crack", "exploit", "inject",
        "delete-all", "deletefile", "rmdir", "rdelete", "move", "mv",
    ];
    let name = text.split('=').next().unwrap_or(text);
    name.len() < 64
        && name
            .split(|character: char| !character.is_ascii_alphanumeric())
            .any(|word| {
                WORDS.contains(&word) || WORDS.contains(&word.to_ascii_lowercase().as_str())
            })
}

/// Does the name of a program that nobody knows speak of it? `Stop-Process` and `rd` do.
fn names_removal(program: &str) -> bool {
    #[rustfmt::skip]
    const VERBS: &[&str] = &[
        "remove", "stop", "clear", "set", "invoke", "start", "disable", "restart", "uninstall",
        "format", "move", "rename", "reset", "suspend", "unregister", "enable", "register",
        "import", "install", "send", "publish", "checkpoint", "dismount", "revoke", "grant",
    ];
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "del", "erase", "rd", "format", "diskpart", "schtasks", "taskkill", "bcdedit", "vssadmin",
        "wmic", "cipher", "icacls", "takeown", "net", "sc", "reg", "iex", "iwr", "irm", "attrib",
        "cmd", "cmd.exe", "cscript", "wscript", "mshta", "rundll32", "regsvr32", "certutil",
        "bitsadmin", "tmpwatch", "tmpreaper", "bleachbit", "rmlint", "brctl", "openvpn",
    ];
    let name = program.to_ascii_lowercase();
    let verb = name.split_once('-').map(|(verb, _)| verb);
    let is_cmdlet = program.starts_with(|first: char| first.is_ascii_uppercase());
    NAMES.contains(&name.as_str()) || is_cmdlet && verb.is_some_and(|verb| VERBS.contains(&verb))
}

/// What a program puts out, as far as it matters for commands that run or read it.
fn output_of(program: &str, input: &Feed) -> Feed {
    if table::lists_names(program) {
        return Feed::Names;
    }
    match program {
        "head" | "tail" | "sort" | "uniq" | "cut" | "grep" | "rg" | "column"
            if *input == Feed::Names =>
        {
            Feed::Names
        }
        "cat" | "tee" | "head" | "tail" | "sort" | "uniq" if *input == Feed::Network => {
            Feed::Network
        }
        "curl" | "wget" | "aria2c" | "http" | "https" | "fetch" | "lynx" | "ftp" | "nc"
        | "ncat" | "socat" => Feed::Network,
        "gunzip" | "zcat" | "tar" | "gzip" | "xz" | "sed" | "tr" | "awk" | "grep" | "base64"
            if *input == Feed::Network =>
        {
            Feed::Network
        }
        _ => Feed::Computed,
    }
}
