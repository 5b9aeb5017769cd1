//! Programs whose effect lies in the paths they are given: copy, move, remove, create.

use wardroom_domain::RiskTier::{L1Mutating, L2Destructive, L3Privileged};

use super::super::general;
use super::super::invocation::{Dash, Grammar, Invocation};
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::verdict::Effect;
use super::super::words::{Arg, Known};

pub static RULES: &[&Rule] = &[&MOVES, &MODE, &OWNER, &WIPES, &SETUID];

#[rustfmt::skip]
static MOVES: Rule = Rule::code(
    "path.move",
    L1Mutating,
    Reach::Local,
    "moves or renames files",
    &["mv a b", "rename 's/a/b/' x"],
    &["mv a /etc/b", "mv x /dev/null"],
);
#[rustfmt::skip]
static MODE: Rule = Rule::code(
    "path.mode",
    L1Mutating,
    Reach::Local,
    "changes who may use files",
    &["chmod +x run.sh", "chmod 644 a.txt"],
    &["chmod u+s x", "chmod -R 777 /"],
);
#[rustfmt::skip]
static SETUID: Rule = Rule::code(
    "path.mode-open",
    L3Privileged,
    Reach::Local,
    "gives rights to everybody, or to a program",
    &["chmod 4755 x", "chmod u+s x", "chmod -R 777 .", "chmod 600 ~/.ssh/id_rsa"],
    &["chmod 755 x"],
);
#[rustfmt::skip]
static OWNER: Rule = Rule::code(
    "path.owner",
    L3Privileged,
    Reach::Local,
    "changes the owner or attributes of files",
    &[
        "chown root x", "chgrp wheel x", "setfacl -m u:a:rw x", "chattr +i x",
        "setcap cap_net_raw+ep x",
    ],
    &["stat x"],
);
#[rustfmt::skip]
static WIPES: Rule = Rule::code(
    "path.wipe",
    L2Destructive,
    Reach::Local,
    "destroys the content of files beyond recovery",
    &["shred a", "wipe a", "srm a"],
    &["rm a"],
);

#[rustfmt::skip]
static COPY: Grammar = Grammar {
    programs: &[],
    values: &["-t", "--target-directory", "-S", "--suffix"],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static INSTALL: Grammar = Grammar {
    programs: &[],
    values: &[
        "-t", "--target-directory", "-S", "--suffix", "-m", "--mode", "-o", "--owner", "-g",
        "--group",
    ],
    flags: &[],
    dash: Dash::Letters,
};
static REMOVE: Grammar = Grammar {
    programs: &[],
    values: &[],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static TRUNCATE: Grammar = Grammar {
    programs: &[],
    values: &["-s", "--size", "-r", "--reference"],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static TOUCH: Grammar = Grammar {
    programs: &[],
    values: &["-d", "-r", "-t", "--date", "--reference", "--time"],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static MAKE_FOLDER: Grammar = Grammar {
    programs: &[],
    values: &["-m", "--mode"],
    flags: &[],
    dash: Dash::Letters,
};

impl Walker<'_> {
    /// Judges a program that works on the paths it is given.
    pub fn file_program(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        match name {
            "rm" | "rmdir" | "unlink" | "grm" => self.removes(args),
            "shred" | "wipe" | "srm" | "sdelete" | "nwipe" => {
                self.add(&WIPES, name);
                self.removes(args)
            }
            "cp" | "ln" | "gcp" | "link" => self.copies(&COPY, args, false),
            "install" | "ginstall" => self.copies(&INSTALL, args, false),
            "mv" | "gmv" | "rename" | "prename" | "mmv" => {
                self.add(&MOVES, name);
                self.copies(&COPY, args, true)
            }
            "touch" => self.creates(&TOUCH, args),
            "mkdir" | "mkfifo" => self.creates(&MAKE_FOLDER, args),
            "tee" | "sponge" => {
                self.creates(&REMOVE, args);
                Some(input.clone())
            }
            "truncate" | "fallocate" => self.truncates(args),
            "dd" => self.dd(args),
            "chmod" => self.chmod(args),
            "chown" | "chgrp" | "setfacl" | "chattr" | "setcap" | "chcon" | "mknod" => {
                self.add(&OWNER, name);
                Some(Feed::Nothing)
            }
            "cat" | "head" | "tail" | "less" | "more" | "bat" | "tac" | "nl" | "grep" | "egrep"
            | "fgrep" | "rg" | "ag" | "ack" => self.reader(name, args, input),
            _ => None,
        }
    }

    fn removes(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("rm", args, &REMOVE);
        let mut any = false;
        for operand in invocation.operands() {
            self.deletes(operand);
            any = true;
        }
        if !any {
            self.add(&general::DELETES_FILE, "rm");
        }
        Some(Feed::Nothing)
    }

    /// The last operand, or the value of `-t`, is written; the others are read, or moved away.
    fn copies(&mut self, grammar: &'static Grammar, args: &[Arg], moves: bool) -> Option<Feed> {
        let invocation = Invocation::new("cp", args, grammar);
        let mut operands: Vec<&Arg> = invocation.operands().collect();
        let folders = invocation.values_of(&["-t", "--target-directory"]);
        if folders.is_empty()
            && let Some(target) = operands.pop()
        {
            self.writes(target);
            if moves && target.text == "/dev/null" {
                self.add(&general::DELETES_FILE, "mv");
            }
        }
        for folder in &folders {
            self.writes(folder);
        }
        for source in operands {
            self.reads(source);
            if moves {
                self.moves_away(source);
            }
        }
        Some(Feed::Nothing)
    }

    /// What is moved away is gone from its old place; in system folders that is a removal.
    pub fn moves_away(&mut self, source: &Arg) {
        let path = super::super::paths::normalize(self.folder.as_deref(), &source.text);
        if matches!(
            super::super::paths::place(&path),
            super::super::paths::Place::System | super::super::paths::Place::Root
        ) {
            self.deletes(source);
        }
    }

    fn creates(&mut self, grammar: &'static Grammar, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("touch", args, grammar);
        for operand in invocation.operands() {
            self.writes(operand);
        }
        Some(Feed::Nothing)
    }

    fn truncates(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("truncate", args, &TRUNCATE);
        for operand in invocation.operands() {
            self.add(&general::EMPTIES_FILE, &operand.text);
            self.writes(operand);
            self.draft.effect(Effect::Deletes {
                path: operand.text.clone(),
            });
        }
        Some(Feed::Nothing)
    }

    fn dd(&mut self, args: &[Arg]) -> Option<Feed> {
        for arg in args {
            if let Some(target) = arg.text.strip_prefix("of=") {
                self.writes(&arg.with_text(target));
            } else if let Some(source) = arg.text.strip_prefix("if=") {
                self.reads(&arg.with_text(source));
                if source.starts_with("/dev/sd") || source.starts_with("/dev/nvme") {
                    self.add(&general::SECRET_FILE, source);
                }
            } else if arg.known != Known::Exact {
                self.add(&general::WRITES_UNKNOWN, "dd");
            }
        }
        Some(Feed::Computed)
    }

    fn chmod(&mut self, args: &[Arg]) -> Option<Feed> {
        let mode = args
            .iter()
            .find(|arg| !arg.text.starts_with('-') || arg.text.contains(['w', 'x', 's']));
        let opens = mode.is_none_or(|mode| is_open_mode(&mode.text));
        self.add(if opens { &SETUID } else { &MODE }, "chmod");
        for operand in args.iter().filter(|arg| !arg.text.starts_with('-')).skip(1) {
            let path = super::super::paths::normalize(self.folder.as_deref(), &operand.text);
            match super::super::paths::place(&path) {
                super::super::paths::Place::System | super::super::paths::Place::Root => {
                    self.add(&SETUID, "chmod")
                }
                _ => self.draft.effect(Effect::Writes { path }),
            }
        }
        Some(Feed::Nothing)
    }

    /// Programs that show files: secrets among them count, whole trees count, the rest is free.
    fn reader(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        let invocation = Invocation::new(name, args, super::super::table::grammar_of(name));
        let recursive = matches!(name, "rg" | "ag" | "ack")
            || (name.ends_with("grep")
                && invocation.has(&["-r", "-R", "--recursive", "--dereference-recursive"]));
        let operands: Vec<&Arg> = invocation.operands().collect();
        for operand in &operands {
            self.raw_device(operand);
            if recursive || operand.glob {
                self.reads_below(operand);
            } else if operand.text.contains(['/', '.']) {
                self.draft.effect(Effect::Reads {
                    path: operand.text.clone(),
                });
            }
        }
        if recursive
            && operands.len() < 2
            && self
                .folder
                .as_deref()
                .is_none_or(|folder| !folder.is_empty())
        {
            self.reads_below(&Arg::exact("."));
        }
        if name == "cat" && operands.is_empty() {
            self.by_table(name, args, input);
            return Some(input.clone());
        }
        if name == "cat"
            && operands
                .iter()
                .any(|operand| operand.text == super::super::paths::NETWORK_PIPE)
        {
            return Some(Feed::Network);
        }
        None
    }
}

/// Set-user bits, write for everybody, or a mode that is not known.
fn is_open_mode(mode: &str) -> bool {
    if let Ok(bits) = u32::from_str_radix(mode, 8) {
        return bits & 0o7000 & !0o1000 != 0 || bits & 0o002 != 0;
    }
    let gives_all = |part: &str| {
        let who = part.split(['+', '=']).next().unwrap_or_default();
        part.contains(['+', '='])
            && (part.ends_with('s')
                || part.contains('s')
                || (part.contains('w') && (who.contains(['o', 'a']))))
    };
    mode.contains(super::super::words::UNKNOWN) || mode.split(',').any(gives_all)
}
