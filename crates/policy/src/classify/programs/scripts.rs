//! The small languages inside arguments: `sed` and `awk` scripts, `jq` filters, `tar` options.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating, L2Destructive, L3Privileged};

use super::super::invocation::{Dash, Grammar, Invocation};
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::words::{Arg, Known};
use super::awk::{self, AwkEffect};
use super::sed::{self, SedEffect};

#[rustfmt::skip]
pub static RULES: &[&Rule] = &[
    &SED, &SED_IN_PLACE, &AWK, &SCRIPT_RUNS, &SCRIPT_WRITES, &JQ_ENVIRONMENT, &TAR_LISTS,
    &TAR_WRITES, &TAR_RUNS,
];

#[rustfmt::skip]
static SED: Rule = Rule::code(
    "text.sed",
    L0Readonly,
    Reach::Local,
    "prints edited text",
    &["sed -n '1,5p' a.txt", "sed 's/a/b/g' a.txt", "sed -e /x/d a"],
    &["sed -i s/a/b/ a", "sed 's/a/b/w out' a", "sed 1e a"],
);
#[rustfmt::skip]
static SED_IN_PLACE: Rule = Rule::code(
    "text.sed-in-place",
    L1Mutating,
    Reach::Local,
    "edits files in place",
    &["sed -i s/a/b/ a.txt", "sed -ni.bak p a", "sed --in-place=.bak p a"],
    &["sed s/a/b/ a"],
);
#[rustfmt::skip]
static AWK: Rule = Rule::code(
    "text.awk",
    L0Readonly,
    Reach::Local,
    "prints computed text",
    &[
        "awk '{print $1}' a.txt", "awk -F: '$3 > 5 {print $1}' a",
        "awk '/x|y/ {n++} END {print n}' a",
    ],
    &["awk 'BEGIN{system(\"ls\")}'", "awk '{print > \"out\"}' a", "awk '{print | \"sh\"}' a"],
);
#[rustfmt::skip]
static SCRIPT_RUNS: Rule = Rule::code(
    "text.script-runs",
    L2Destructive,
    Reach::Unknown,
    "runs commands from inside its script, or a script that cannot be seen",
    &[
        "awk 'BEGIN{system(\"ls\")}'", "awk '{print | \"sh\"}' a", "sed '1e ls' a",
        "sed 's/a/b/e' a", "awk -f x.awk a", "sed -f x.sed a", "awk '\"ls\" | getline x' a",
    ],
    &["awk '{print $1 \"|\" $2}' a"],
);
#[rustfmt::skip]
static SCRIPT_WRITES: Rule = Rule::code(
    "text.script-writes",
    L1Mutating,
    Reach::Local,
    "writes files from inside its script",
    &["awk '{print > \"out.txt\"}' a", "sed -n 'w out.txt' a"],
    &["awk '$1 > 2' a"],
);
#[rustfmt::skip]
static JQ_ENVIRONMENT: Rule = Rule::code(
    "secret.jq-environment",
    L3Privileged,
    Reach::Secret,
    "shows the environment, in which secrets are kept",
    &["jq -n env", "jq -n '$ENV.X'", "awk 'BEGIN{print ENVIRON[\"X\"]}'"],
    &["jq .environment a.json"],
);
#[rustfmt::skip]
static TAR_LISTS: Rule = Rule::code(
    "files.tar-list",
    L0Readonly,
    Reach::Local,
    "lists an archive",
    &["tar tf a.tar", "tar -tvzf a.tgz", "tar --list -f a.tar"],
    &["tar xf a.tar", "tar tf a.tar --checkpoint-action=exec=sh"],
);
#[rustfmt::skip]
static TAR_WRITES: Rule = Rule::code(
    "files.tar",
    L1Mutating,
    Reach::Local,
    "packs or unpacks files",
    &["tar xf a.tar", "tar -czf a.tgz src", "tar cf - src"],
    &["tar tf a.tar"],
);
#[rustfmt::skip]
static TAR_RUNS: Rule = Rule::code(
    "files.tar-runs",
    L2Destructive,
    Reach::Unknown,
    "runs programs of choice, or removes or overwrites what is there",
    &[
        "tar cf a.tar b --checkpoint=1 --checkpoint-action=exec=sh",
        "tar xf a.tar --to-command=./x", "tar -I ./x -xf a.tar", "tar xf a.tar -P",
        "tar --remove-files -cf a.tar b",
    ],
    &["tar xf a.tar"],
);

#[rustfmt::skip]
static SED_LINE: Grammar = Grammar {
    programs: &[],
    values: &["-e", "--expression", "-f", "--file", "-l", "--line-length"],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static AWK_LINE: Grammar = Grammar {
    programs: &[],
    values: &[
        "-F", "-v", "-f", "--field-separator", "--assign", "--file", "-e", "--source", "-i", "-E",
        "-l", "--include", "--exec", "--load",
    ],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static TAR_LINE: Grammar = Grammar {
    programs: &[],
    values: &[
        "-f", "--file", "-C", "--directory", "-X", "-T", "-I", "--use-compress-program",
        "--exclude", "-b", "-K", "-N", "-g", "--transform", "-F", "--info-script",
        "--new-volume-script", "--rsh-command",
    ],
    flags: &[],
    dash: Dash::Letters,
};

impl Walker<'_> {
    pub fn sed(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("sed", args, &SED_LINE);
        let in_place = invocation.has(&["-i", "--in-place"]);
        self.mention_all(args);
        self.add(if in_place { &SED_IN_PLACE } else { &SED }, "sed");
        let mut scripts = invocation.values_of(&["-e", "--expression"]);
        let from_file = invocation.has(&["-f", "--file"]);
        let mut files: Vec<Arg> = invocation.operands().cloned().collect();
        if scripts.is_empty() && !from_file && !files.is_empty() {
            scripts.push(files.remove(0));
        }
        if from_file || invocation.is_unclear() {
            self.add(&SCRIPT_RUNS, "sed -f");
        }
        if in_place {
            for file in &files {
                self.writes(file);
            }
        }
        for script in &scripts {
            self.sed_script(script);
        }
        Some(Feed::Computed)
    }

    fn sed_script(&mut self, script: &Arg) {
        if script.known == Known::Computed {
            self.add(&SCRIPT_RUNS, "sed");
        }
        match sed::effect_of(&script.text) {
            SedEffect::Pure => {}
            SedEffect::Reads(file) => self.reads(&Arg::exact(file)),
            SedEffect::Writes(file) => {
                self.add(&SCRIPT_WRITES, "sed");
                self.writes(&Arg::exact(file));
            }
            SedEffect::Runs => self.add(&SCRIPT_RUNS, "sed"),
        }
    }

    pub fn awk(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("awk", args, &AWK_LINE);
        self.mention_all(args);
        self.add(&AWK, "awk");
        if invocation.has(&[
            "-f",
            "--file",
            "-i",
            "--include",
            "-E",
            "--exec",
            "-l",
            "--load",
            "-D",
            "--debug",
            "-o",
            "--pretty-print",
            "-p",
            "--profile",
            "-d",
            "--dump-variables",
        ]) || invocation.is_unclear()
        {
            self.add(&SCRIPT_RUNS, "awk");
        }
        let mut scripts = invocation.values_of(&["-e", "--source"]);
        if scripts.is_empty() {
            scripts.extend(invocation.operands().next().cloned());
        }
        for script in &scripts {
            if script.known == Known::Computed {
                self.add(&SCRIPT_RUNS, "awk");
            }
            self.mention_inside(&script.text);
            let program = awk::read(&script.text);
            match program.effect {
                AwkEffect::Pure => {}
                AwkEffect::Reads => self.add(&super::super::general::COMPUTED_ARGUMENT, "awk"),
                AwkEffect::Environment => self.add(&JQ_ENVIRONMENT, "awk"),
                AwkEffect::Writes => self.add(&SCRIPT_WRITES, "awk"),
                AwkEffect::Runs => self.add(&SCRIPT_RUNS, "awk"),
            }
            for target in &program.targets {
                match target {
                    Some(name) => self.writes(&Arg::exact(name)),
                    None => self.add(&super::super::general::WRITES_UNKNOWN, "awk"),
                }
            }
        }
        Some(Feed::Computed)
    }

    /// `mlr` has a language with `system`, `exec`, pipes and redirections of its own.
    pub fn miller(&mut self, args: &[Arg]) -> Option<Feed> {
        let marks = [
            "system", "exec", "os_type", "tee", "split", "emit >", "print >", "| \"", "dump >",
            "case",
        ];
        if args.iter().any(|arg| {
            marks.iter().any(|mark| arg.text.contains(mark)) || arg.known == Known::Computed
        }) {
            self.add(&SCRIPT_RUNS, "mlr");
        }
        None
    }

    /// `jq` is pure, but it can show the environment.
    pub fn jq(&mut self, args: &[Arg]) -> Option<Feed> {
        let shows = |text: &str| {
            let word = |candidate: &str| {
                text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '.'))
                    .any(|part| part == candidate || part.starts_with(&format!("{candidate}.")))
            };
            text.contains("$ENV") || word("env")
        };
        if args.iter().any(|arg| shows(&arg.text)) {
            self.add(&JQ_ENVIRONMENT, "jq");
        }
        for arg in args {
            self.mention_inside(&arg.text);
        }
        if args
            .iter()
            .any(|arg| matches!(arg.text.as_str(), "-f" | "--from-file"))
        {
            self.add(&super::super::general::COMPUTED_ARGUMENT, "jq -f");
        }
        None
    }

    /// `sort -o`, `uniq in out` and their kin write where an option or a second operand says.
    pub fn filter_output(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new(name, args, super::super::table::grammar_of(name));
        for target in invocation.values_of(&["-o", "--output"]) {
            self.writes(&target);
        }
        if name == "uniq"
            && let Some(target) = invocation.operands().nth(1)
        {
            self.writes(target);
        }
        None
    }

    pub fn tar(&mut self, args: &[Arg]) -> Option<Feed> {
        // `tar xf a` means `tar -xf a`.
        let mut args = args.to_vec();
        if let Some(first) = args.first_mut()
            && !first.text.starts_with('-')
            && first.text.bytes().all(|byte| byte.is_ascii_alphabetic())
        {
            first.text.insert(0, '-');
        }
        let invocation = Invocation::new("tar", &args, &TAR_LINE);
        self.mention_all(&args);
        if invocation.has(&["--help", "--version", "--usage"]) && args.len() == 1 {
            return None;
        }
        let lists = invocation.has(&["-t", "--list", "--diff", "-d", "--compare"])
            && !invocation.has(&["-x", "-c", "-r", "-u", "-A", "--extract", "--create"]);
        self.add(if lists { &TAR_LISTS } else { &TAR_WRITES }, "tar");
        let runs = [
            "--checkpoint-action",
            "--to-command",
            "-I",
            "--use-compress-program",
            "-F",
            "--info-script",
            "--new-volume-script",
            "--rsh-command",
            "--rmt-command",
            "-P",
            "--absolute-names",
            "--remove-files",
            "--delete",
            "--unlink-first",
            "--recursive-unlink",
            "--overwrite-dir",
        ];
        if invocation.has(&runs) && !tame_compressor(&invocation) || invocation.is_unclear() {
            self.add(&TAR_RUNS, "tar");
        }
        if !lists {
            for target in invocation.values_of(&["-C", "--directory"]) {
                self.unpacks_to(&target);
            }
        }
        let creates = invocation.has(&["-c", "--create", "-r", "-u"]);
        for file in invocation.values_of(&["-f", "--file"]) {
            if file.text.contains(':') {
                self.add(&TAR_RUNS, "tar");
            }
            if creates && file.text != "-" {
                self.writes(&file);
            }
        }
        if creates {
            for source in invocation.operands() {
                self.reads_below(source);
            }
        }
        Some(Feed::Computed)
    }
}

/// Compressors that do nothing but compress.
fn tame_compressor(invocation: &Invocation<'_>) -> bool {
    let others = [
        "--checkpoint-action",
        "--to-command",
        "-F",
        "--info-script",
        "--new-volume-script",
        "--rsh-command",
        "--rmt-command",
        "-P",
        "--absolute-names",
        "--remove-files",
        "--delete",
        "--unlink-first",
        "--recursive-unlink",
        "--overwrite-dir",
    ];
    let programs = invocation.values_of(&["-I", "--use-compress-program"]);
    !invocation.has(&others)
        && programs.iter().all(|program| {
            matches!(
                program.text.split(' ').next(),
                Some("zstd" | "pigz" | "pbzip2" | "lz4" | "xz" | "pixz" | "brotli" | "zstdmt")
            )
        })
}
