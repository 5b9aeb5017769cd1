//! `find` and `fd`: they look, unless an action tells them to run, write or delete.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating};

use super::super::general;
use super::super::paths;
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::words::{Arg, Known};

pub static RULES: &[&Rule] = &[&FINDS, &FINDS_TO_FILE];

#[rustfmt::skip]
static FINDS: Rule = Rule::code(
    "files.find",
    L0Readonly,
    Reach::Local,
    "lists files that fit a description",
    &[
        "find . -name '*.rs'", "find src -type f -newer a -print0",
        "find . -exec grep -l TODO {} +", "fd -e rs", "fd pattern src -x wc -l",
    ],
    &["find . -delete", "find . -exec rm {} ;", "find . -exec sh -c 'rm {}' ;", "fd -x rm"],
);
#[rustfmt::skip]
static FINDS_TO_FILE: Rule = Rule::code(
    "files.find-to-file",
    L1Mutating,
    Reach::Local,
    "writes what it finds to a file",
    &[],
    &["find . -print"],
);

impl Walker<'_> {
    pub fn find(&mut self, args: &[Arg]) -> Option<Feed> {
        self.add(&FINDS, "find");
        let starts: Vec<Arg> = args
            .iter()
            .take_while(|arg| !arg.text.starts_with(['-', '(', '!']))
            .cloned()
            .collect();
        let mut index = 0;
        while let Some(arg) = args.get(index) {
            index += 1;
            match arg.text.as_str() {
                "-delete" => self.delete_found(&starts),
                "-exec" | "-execdir" | "-ok" | "-okdir" => {
                    index += self.exec_found(&args[index..], &starts)
                }
                "-fprint" | "-fprint0" | "-fls" | "-fprintf" => {
                    self.add(&FINDS_TO_FILE, "find");
                    if let Some(target) = args.get(index) {
                        self.writes(target);
                    }
                }
                "-files0-from" => self.mention_all(&args[index..]),
                _ if arg.known == Known::Computed => self.add(&general::COMPUTED_ARGUMENT, "find"),
                _ => {}
            }
        }
        Some(self.found(args, &starts))
    }

    /// What the search puts out, and whether it is for secrets.
    fn found(&mut self, args: &[Arg], starts: &[Arg]) -> Feed {
        let named = args
            .iter()
            .find(|arg| self.names_secret(&arg.text) || paths::looks_for_secret(&arg.text));
        let runs = args
            .iter()
            .any(|arg| matches!(arg.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir"));
        match named {
            Some(secret) if runs => {
                self.add(&general::SECRET_FILE, &secret.text.clone());
                Feed::Computed
            }
            Some(secret) => Feed::Text(secret.text.clone()),
            None if starts.iter().any(|start| self.is_broad(start)) => Feed::Computed,
            None => Feed::Names,
        }
    }

    fn delete_found(&mut self, starts: &[Arg]) {
        if starts.is_empty() {
            self.add(&general::DELETES_FILE, "find -delete");
        }
        for start in starts {
            self.deletes(start);
        }
    }

    /// Judges the command behind `-exec` for each place where the search starts.
    fn exec_found(&mut self, args: &[Arg], starts: &[Arg]) -> usize {
        let end = args
            .iter()
            .position(|arg| matches!(arg.text.as_str(), ";" | "+"))
            .unwrap_or(args.len());
        self.exec_for(&args[..end], starts);
        (end + 1).min(args.len())
    }

    fn exec_for(&mut self, template: &[Arg], starts: &[Arg]) {
        let here = [Arg::exact(".")];
        for start in if starts.is_empty() { &here } else { starts } {
            let found = Arg {
                text: format!("{}/found", start.text.trim_end_matches('/')),
                known: start.known.max(Known::Variable),
                glob: false,
            };
            let command: Vec<Arg> = template.iter().map(|arg| with_found(arg, &found)).collect();
            self.judge(&command, &Feed::Nothing);
            self.reads_below(start);
        }
    }

    pub fn fd(&mut self, args: &[Arg]) -> Option<Feed> {
        self.add(&FINDS, "fd");
        let is_exec =
            |arg: &Arg| matches!(arg.text.as_str(), "-x" | "-X" | "--exec" | "--exec-batch");
        if args.iter().any(|arg| {
            arg.text.starts_with("--exec=")
                || arg.text.starts_with("--exec-batch=")
                || arg.known == Known::Computed
        }) {
            self.add(&general::RUNS_UNKNOWN, "fd");
        }
        if let Some(at) = args.iter().position(is_exec) {
            let mut template = args[at + 1..].to_vec();
            template.push(Arg::exact("{}"));
            self.exec_for(&template, &[]);
        }
        Some(Feed::Names)
    }
}

fn with_found(arg: &Arg, found: &Arg) -> Arg {
    if !arg.text.contains("{}") {
        return arg.clone();
    }
    // A script that has names pasted into it can be anything; as an argument of its own the name is only a name.
    if arg.text == "{}" {
        found.clone()
    } else {
        Arg {
            text: arg.text.replace("{}", &found.text),
            known: arg.known,
            glob: arg.glob,
        }
    }
}
