//! What the shell itself does: change folder, run text, define names, print.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating, L2Destructive, L3Privileged};

use super::super::general;
use super::super::paths;
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::words::{Arg, Known, decode_ansi_c};

pub static RULES: &[&Rule] = &[
    &BUILTIN,
    &PRINTS,
    &ENVIRONMENT,
    &HISTORY,
    &ALIAS,
    &TRAP,
    &HASH,
];

#[rustfmt::skip]
static BUILTIN: Rule = Rule::code(
    "shell.builtin",
    L0Readonly,
    Reach::Local,
    "only steers the shell that runs this line",
    &["cd src", "true", "set -euo pipefail", "export LANG=C", "read -r line"],
    &["export PATH=.:$PATH"],
);
#[rustfmt::skip]
static PRINTS: Rule = Rule::code(
    "shell.print",
    L0Readonly,
    Reach::Local,
    "prints its arguments",
    &["echo hello", "printf '%s\\n' a b", "echo 'rm -rf /'"],
    &["echo $API_TOKEN", "echo hi > out.txt"],
);
#[rustfmt::skip]
static ENVIRONMENT: Rule = Rule::code(
    "secret.environment",
    L3Privileged,
    Reach::Secret,
    "prints the environment, in which secrets are kept",
    &["env", "printenv", "export -p", "set", "declare -p", "printenv AWS_SECRET_ACCESS_KEY"],
    &["printenv HOME", "env LANG=C sort x"],
);
#[rustfmt::skip]
static HISTORY: Rule = Rule::code(
    "secret.history",
    L3Privileged,
    Reach::Local,
    "shows what was typed before, passwords included",
    &["history", "fc -l"],
    &["history -c"],
);
#[rustfmt::skip]
static ALIAS: Rule = Rule::code(
    "shell.alias",
    L1Mutating,
    Reach::Local,
    "changes what a command name means",
    &["alias ll='ls -l'", "unalias ll"],
    &["alias"],
);
#[rustfmt::skip]
static TRAP: Rule = Rule::code(
    "shell.history-edit",
    L2Destructive,
    Reach::Local,
    "changes the record of what was typed",
    &["history -c"],
    &["history"],
);
#[rustfmt::skip]
static HASH: Rule = Rule::code(
    "shell.hash",
    L2Destructive,
    Reach::Local,
    "changes which file a command name runs",
    &["hash -p /tmp/x ls", "enable -f ./x.so x"],
    &["hash ls"],
);

impl Walker<'_> {
    /// Judges a builtin; `None` when `name` is none.
    pub fn builtin(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        if matches!(
            name,
            "test"
                | "["
                | "unset"
                | "read"
                | "declare"
                | "typeset"
                | "local"
                | "export"
                | "readonly"
                | "let"
                | "mapfile"
                | "readarray"
                | "wait"
                | "getopts"
        ) {
            self.no_hidden_commands(args);
        }
        match name {
            ":" | "true" | "false" | "exit" | "return" | "break" | "continue" | "wait" | "jobs"
            | "shift" | "umask" | "times" | "getopts" | "let" | "bg" | "fg" | "disown"
            | "ulimit" | "shopt" | "read" | "mapfile" | "readarray" | "logout" | "dirs"
            | "caller" | "bind" | "suspend" | "complete" | "compgen" | "compopt" | "setopt"
            | "unsetopt" => self.plain_builtin(name, args, input),
            "type" => Some(self.type_builtin(args)),
            "test" | "[" | "[[" => {
                self.add(&BUILTIN, name);
                Some(Feed::Nothing)
            }
            "cd" | "pushd" | "popd" | "chdir" => self.change_folder(name, args),
            "eval" => self.evaluate(args),
            "source" | "." => Some(self.run_file(args)),
            "echo" | "printf" => Some(self.print(name, args)),
            "export" | "declare" | "typeset" | "local" | "readonly" | "unset" => {
                self.declare(name, args)
            }
            "set" => self.set_builtin(args),
            "alias" | "unalias" => self.alias(args, name),
            "trap" => self.trap(args),
            "env" | "printenv" if args.iter().all(|arg| is_null_flag(&arg.text)) => {
                Some(self.secret(&ENVIRONMENT, name))
            }
            "printenv" => self.printenv(args),
            "history" | "fc" => self.history(name, args),
            "hash" | "enable" => self.hash(name, args),
            _ => None,
        }
    }

    fn plain_builtin(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        let runs = |text: &str| matches!(text, "-C" | "-c" | "-F" | "-x") || text.contains("$(");
        if matches!(
            name,
            "bind" | "mapfile" | "readarray" | "complete" | "compgen" | "let"
        ) && args.iter().any(|arg| runs(&arg.text))
        {
            self.add(&general::RUNS_UNKNOWN, name);
        }
        if matches!(name, "read" | "mapfile" | "readarray") {
            for arg in args.iter().filter(|arg| !arg.text.starts_with('-')) {
                let value = read_value(input);
                self.environment(&arg.text, &value);
                self.set(&arg.text, &value);
            }
        }
        self.add(&BUILTIN, name);
        Some(Feed::Names)
    }

    /// `type NAME` tells what a name runs; with anything but names another system's `type` is meant.
    fn type_builtin(&mut self, args: &[Arg]) -> Feed {
        let is_name = |arg: &Arg| {
            arg.text.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-')
            })
        };
        self.mention_all(args);
        self.add(
            if args.iter().all(is_name) {
                &BUILTIN
            } else {
                &general::UNLISTED_USE
            },
            "type",
        );
        Feed::Names
    }

    fn secret(&mut self, rule: &'static Rule, subject: &str) -> Feed {
        self.add(rule, subject);
        Feed::Computed
    }

    fn change_folder(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        let target = args.iter().find(|arg| !arg.text.starts_with(['-', '+']));
        self.folder = match target {
            Some(arg) if arg.known == Known::Exact => {
                Some(paths::normalize(self.folder.as_deref(), &arg.text))
            }
            None if args.is_empty() && name == "cd" => Some("~".to_owned()),
            _ => None,
        };
        self.add(&BUILTIN, name);
        Some(Feed::Nothing)
    }

    fn evaluate(&mut self, args: &[Arg]) -> Option<Feed> {
        let text = args
            .iter()
            .map(|arg| arg.text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        if args.iter().all(|arg| arg.known == Known::Exact) {
            return Some(self.judge_script(&text, &Feed::Nothing));
        }
        let downloaded = self.draft.saw_download();
        let rule = if downloaded {
            &general::RUNS_TEXT_FROM_NETWORK
        } else {
            &general::RUNS_UNKNOWN
        };
        self.add(rule, "eval");
        Some(Feed::Computed)
    }

    /// A script whose text lies in a file, or in a pipe that looks like one.
    pub fn run_file(&mut self, args: &[Arg]) -> Feed {
        let file = args.iter().find(|arg| !arg.text.starts_with('-'));
        let downloaded = file.is_some_and(|file| file.text == paths::NETWORK_PIPE);
        let rule = if downloaded {
            &general::RUNS_TEXT_FROM_NETWORK
        } else {
            &general::RUNS_UNKNOWN
        };
        self.mention_all(args);
        self.add(rule, file.map_or("this", |file| &file.text));
        Feed::Computed
    }

    fn print(&mut self, name: &str, args: &[Arg]) -> Feed {
        self.add(&PRINTS, name);
        if name == "printf"
            && let [flag, variable, ..] = args
            && flag.text == "-v"
        {
            self.no_hidden_commands(args);
            self.environment(&variable.text, &Arg::unknown(Known::Variable));
            self.set(&variable.text, &Arg::unknown(Known::Computed));
            return Feed::Nothing;
        }
        if args.iter().any(|arg| arg.known != Known::Exact) {
            return Feed::Computed;
        }
        if name == "printf" {
            return printed(args);
        }
        let is_flag = |text: &str| matches!(text, "-n" | "-e" | "-E" | "-ne" | "-en");
        let decodes = args
            .iter()
            .take_while(|arg| is_flag(&arg.text))
            .any(|arg| arg.text.contains('e'));
        let words: Vec<&str> = args
            .iter()
            .map(|arg| arg.text.as_str())
            .skip_while(|text| is_flag(text))
            .collect();
        let text = words.join(" ");
        if text.contains('\\') && !decodes {
            // Some shells decode without being asked; both readings cannot be followed.
            return Feed::Computed;
        }
        Feed::Text(if decodes { decode_ansi_c(&text) } else { text })
    }

    fn declare(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        if args.is_empty() && name != "unset" && name != "local"
            || args.iter().any(|arg| arg.text == "-p")
        {
            return Some(self.secret(&ENVIRONMENT, name));
        }
        for arg in args.iter().filter(|arg| !arg.text.starts_with('-')) {
            if let Some((variable, value)) = arg.text.split_once('=') {
                let value = arg.with_text(value);
                self.environment(variable, &value);
                self.set(variable, &value);
            } else if arg.known != Known::Exact {
                self.add(&general::COMPUTED_ARGUMENT, name);
            }
        }
        self.add(&BUILTIN, name);
        Some(Feed::Nothing)
    }

    fn set_builtin(&mut self, args: &[Arg]) -> Option<Feed> {
        if args.is_empty() {
            return Some(self.secret(&ENVIRONMENT, "set"));
        }
        self.add(&BUILTIN, "set");
        Some(Feed::Nothing)
    }

    fn alias(&mut self, args: &[Arg], name: &str) -> Option<Feed> {
        let rule = if args.is_empty() { &BUILTIN } else { &ALIAS };
        for (_, value) in args.iter().filter_map(|arg| arg.text.split_once('=')) {
            self.judge_script(value, &Feed::Nothing);
        }
        self.add(rule, name);
        Some(Feed::Names)
    }

    fn trap(&mut self, args: &[Arg]) -> Option<Feed> {
        self.add(&BUILTIN, "trap");
        let Some(action) = args.iter().find(|arg| !arg.text.starts_with('-')) else {
            return Some(Feed::Nothing);
        };
        if action.known == Known::Exact {
            self.judge_script(&action.text, &Feed::Nothing);
        } else {
            self.add(&general::RUNS_UNKNOWN, "trap");
        }
        Some(Feed::Nothing)
    }

    fn printenv(&mut self, args: &[Arg]) -> Option<Feed> {
        #[rustfmt::skip]
        const OPEN: &[&str] = &[
            "HOME", "PATH", "USER", "SHELL", "PWD", "LANG", "TERM", "HOSTNAME", "EDITOR", "TZ",
            "DISPLAY", "LOGNAME", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "XDG_RUNTIME_DIR",
            "LC_ALL", "VIRTUAL_ENV", "JAVA_HOME", "GOPATH", "GOROOT",
        ];
        let open = args
            .iter()
            .all(|arg| OPEN.contains(&arg.text.as_str()) || arg.text.starts_with("LC_"));
        self.add(if open { &PRINTS } else { &ENVIRONMENT }, "printenv");
        Some(Feed::Computed)
    }

    fn history(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        let edits = args.iter().any(|arg| {
            matches!(
                arg.text.as_str(),
                "-c" | "-d" | "-w" | "-a" | "-r" | "-n" | "-s" | "-e"
            )
        });
        self.add(if edits { &TRAP } else { &HISTORY }, name);
        if name == "fc" && !args.iter().any(|arg| arg.text.starts_with("-l")) {
            self.add(&general::RUNS_UNKNOWN, name);
        }
        Some(Feed::Computed)
    }

    fn hash(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        let changes = args
            .iter()
            .any(|arg| matches!(arg.text.as_str(), "-p" | "-f" | "-r"));
        self.add(if changes { &HASH } else { &BUILTIN }, name);
        Some(Feed::Nothing)
    }
}

/// What `read` puts into a variable.
fn read_value(input: &Feed) -> Arg {
    match input {
        Feed::Text(text) => Arg::exact(text.trim()),
        Feed::Nothing | Feed::Names => Arg::unknown(Known::Variable),
        Feed::Computed | Feed::Network => Arg::unknown(Known::Computed),
    }
}

fn is_null_flag(text: &str) -> bool {
    matches!(text, "-0" | "--null")
}

fn printed(args: &[Arg]) -> Feed {
    match args {
        [format] if !format.text.contains('%') => Feed::Text(decode_ansi_c(&format.text)),
        [format, text] if matches!(format.text.as_str(), "%s" | "%s\\n") => {
            Feed::Text(text.text.clone())
        }
        _ => Feed::Computed,
    }
}
