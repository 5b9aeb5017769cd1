//! Git options that run programs or write files, whatever the verb; the verbs are in the table.

use wardroom_domain::RiskTier::{L1Mutating, L2Destructive};

use super::super::invocation::Invocation;
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::table::grammar_of;
use super::super::words::{Arg, Known};

pub static RULES: &[&Rule] = &[&STEERED, &DISCARDS, &TO_FILE, &CONFIG_RUNS];

#[rustfmt::skip]
static STEERED: Rule = Rule::code(
    "git.runs",
    L2Destructive,
    Reach::Unknown,
    "is told to run a program of choice",
    &[
        "git -c core.pager='sh -c id' log", "git -c alias.x='!id' x", "git grep -Ovim a",
        "git clone -u ./x a", "git fetch --upload-pack=./x", "git rebase -x make main",
        "git log --ext-diff", "git clone ext::sh -c id", "git --exec-path=/tmp status",
        "git bisect run make", "git submodule foreach make", "git -c core.fsmonitor=./x status",
    ],
    &["git -c color.ui=always log", "git log"],
);
#[rustfmt::skip]
static DISCARDS: Rule = Rule::code(
    "git.checkout-path",
    L2Destructive,
    Reach::Local,
    "throws away changes to files",
    &["git checkout -- a.txt", "git checkout HEAD -- ."],
    &["git checkout main"],
);
#[rustfmt::skip]
static TO_FILE: Rule = Rule::code(
    "git.to-file",
    L1Mutating,
    Reach::Local,
    "writes what it shows to a file",
    &["git diff --output=x.diff", "git log --output x", "git archive -o a.tar HEAD"],
    &["git diff"],
);
#[rustfmt::skip]
static CONFIG_RUNS: Rule = Rule::code(
    "git.config-runs",
    L2Destructive,
    Reach::Local,
    "sets what git runs from now on",
    &[
        "git config core.hooksPath ./hooks", "git config alias.x '!id'",
        "git config --global core.editor vim", "git config --add credential.helper x",
    ],
    &["git config user.name Ann"],
);

impl Walker<'_> {
    pub fn git(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("git", args, grammar_of("git"));
        let verb = invocation.verb_at(0).unwrap_or_default();
        if args.iter().any(|arg| is_push(&arg.text)) {
            self.draft.pushes();
        }
        let settings: Vec<Arg> = leading_settings(args);
        if settings.iter().any(|setting| !is_tame_setting(setting)) {
            self.add(&STEERED, "git -c");
        }
        if args
            .iter()
            .take_while(|arg| arg.text != verb)
            .any(|arg| arg.text.starts_with("--exec-path=") || arg.text.starts_with("--config-env"))
        {
            self.add(&STEERED, "git --exec-path");
        }
        if matches!(verb, "checkout")
            && args
                .iter()
                .position(|arg| arg.text == "--")
                .is_some_and(|at| at + 1 < args.len())
        {
            self.add(&DISCARDS, "git checkout --");
        }
        let elsewhere = |arg: &Arg| {
            arg.text
                .strip_prefix("--git-dir=")
                .is_some_and(|folder| !super::super::paths::is_inside(folder))
        };
        if args.iter().any(elsewhere) {
            self.add(&STEERED, "git --git-dir");
        }
        let runs = [
            "--ext-diff",
            "--upload-pack",
            "--receive-pack",
            "--exec",
            "--textconv-cmd",
            "--open-files-in-pager",
            "--extcmd",
        ];
        let short: &[&str] = match verb {
            "grep" => &["-O"],
            "clone" => &["-u"],
            "rebase" => &["-x"],
            "difftool" => &["-x"],
            _ => &[],
        };
        let far = invocation
            .operands()
            .any(|operand| operand.text.contains("ext::") || operand.text.starts_with("-"));
        let runs_verb = matches!(
            (verb, invocation.verb_at(1)),
            ("bisect", Some("run"))
                | ("submodule", Some("foreach"))
                | (
                    "filter-branch"
                        | "difftool"
                        | "mergetool"
                        | "send-email"
                        | "instaweb"
                        | "daemon"
                        | "shell"
                        | "credential"
                        | "web--browse",
                    _
                )
        );
        if invocation.has(&runs)
            || invocation.has(short)
            || far
            || runs_verb
            || (invocation.is_unclear() && verb != "commit")
        {
            self.add(&STEERED, &format!("git {verb}"));
        }
        if invocation.has(&["--output", "--output-directory"])
            || (matches!(
                verb,
                "archive" | "format-patch" | "bundle" | "bugreport" | "diagnose"
            ) && invocation.has(&["-o"]))
        {
            self.add(&TO_FILE, &format!("git {verb}"));
            for target in invocation.values_of(&["--output", "--output-directory"]) {
                self.writes(&target);
            }
        }
        if verb == "config" {
            self.git_config(&invocation);
        }
        None
    }

    fn git_config(&mut self, invocation: &Invocation<'_>) {
        let mut operands = invocation.operands().skip(1);
        let first = operands.next();
        let key = if matches!(
            first.map(|arg| arg.text.as_str()),
            Some("set" | "add" | "replace-all")
        ) {
            operands.next()
        } else {
            first
        };
        let sets = operands.next().is_some() || invocation.has(&["--edit", "-e"]);
        if sets && !key.is_some_and(is_tame_setting) {
            self.add(&CONFIG_RUNS, "git config");
        }
    }
}

/// The values of `-c` in front of the verb.
fn leading_settings(args: &[Arg]) -> Vec<Arg> {
    let mut settings = Vec::new();
    let mut index = 0;
    while let Some(arg) = args.get(index) {
        match arg.text.as_str() {
            "-c" => {
                settings.extend(args.get(index + 1).cloned());
                index += 2;
            }
            "-C" | "--git-dir" | "--work-tree" | "--namespace" => index += 2,
            option if option.starts_with('-') => index += 1,
            _ => break,
        }
    }
    settings
}

/// Settings that change looks or names and run nothing.
fn is_tame_setting(setting: &Arg) -> bool {
    #[rustfmt::skip]
    const SECTIONS: &[&str] = &[
        "color.", "advice.", "user.", "log.", "format.", "column.", "status.", "i18n.",
        "init.defaultbranch", "fetch.prune", "pull.rebase", "pull.ff", "push.default",
        "push.autosetupremote", "merge.ff", "merge.conflictstyle", "rebase.autostash", "rerere.",
        "branch.", "diff.renames", "diff.algorithm", "diff.colormoved", "blame.", "tag.sort",
        "core.quotepath", "core.autocrlf", "core.filemode", "core.abbrev", "core.ignorecase",
        "core.longpaths", "safe.directory", "http.postbuffer", "versionsort.", "commit.gpgsign",
        "commit.verbose", "pack.", "gc.", "feature.", "index.", "help.autocorrect",
        "submodule.recurse", "core.eol", "core.whitespace", "core.commentchar", "core.excludesfile",
    ];
    let name = setting
        .text
        .split('=')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let pager = matches!(
        setting.text.as_str(),
        "core.pager=cat" | "core.pager=" | "core.pager=less"
    );
    setting.known == Known::Exact
        && (pager || SECTIONS.iter().any(|section| name.starts_with(section)))
}

/// In favour of calling it a push: a word of any place that is one, or that is not known.
fn is_push(word: &str) -> bool {
    matches!(word, "push" | "send-pack" | "http-push")
        || word.contains(super::super::words::UNKNOWN)
}
