//! Programs that look at files, and do what they find there, or are told among their operands.

use wardroom_domain::RiskTier::L2Destructive;

use super::super::general;
use super::super::invocation::Invocation;
use super::super::rule::{Reach, Rule};
use super::super::shell::Walker;
use super::super::table::grammar_of;
use super::super::words::Arg;

pub static RULES: &[&Rule] = &[&PAGER_TOLD, &IMAGE_TOLD];

#[rustfmt::skip]
static PAGER_TOLD: Rule = Rule::code(
    "files.pager-told",
    L2Destructive,
    Reach::Unknown,
    "begins with a command to the pager, which can run programs and write files",
    &["less +'!id' a.txt", "less '++|$sh' a.txt", "more '+:e b' a.txt"],
    &["less +G a.txt", "less +/word a.txt", "less +20 a.txt", "less +F app.log"],
);
#[rustfmt::skip]
static IMAGE_TOLD: Rule = Rule::code(
    "media.told",
    L2Destructive,
    Reach::Unknown,
    "obeys a script, or removes what it has read, as the prefix of an operand says",
    &["identify ephemeral:a.png", "convert msl:a.xml b.png", "identify vid:msl:a"],
    &["identify a.png", "convert a.png b.jpg"],
);

impl Walker<'_> {
    /// `less +COMMAND FILE`: what looks for a place in the file only looks.
    pub fn pager(&mut self, name: &str, args: &[Arg]) {
        let is_tame = |told: &str| {
            told.is_empty()
                || matches!(told, "G" | "g" | "F")
                || told.bytes().all(|byte| byte.is_ascii_digit())
                || told.starts_with(['/', '?']) && !told.contains(['!', '|', '\n', '\r'])
        };
        let told = args.iter().filter_map(|arg| arg.text.strip_prefix('+'));
        if told
            .map(|told| told.trim_start_matches('+'))
            .any(|told| !is_tame(told))
        {
            self.add(&PAGER_TOLD, name);
        }
    }

    /// Pictures, sound and film: an operand can be a script, or an address that is asked.
    pub fn media(&mut self, name: &str, args: &[Arg]) {
        const OBEYED: &[&str] = &["ephemeral", "msl", "mvg", "pango", "vid"];
        let obeys = |arg: &Arg| {
            let prefix = arg.text.split_once(':').map(|(prefix, _)| prefix);
            prefix.is_some_and(|prefix| OBEYED.contains(&prefix.to_ascii_lowercase().as_str()))
        };
        if args.iter().any(obeys) {
            self.add(&IMAGE_TOLD, name);
        }
        self.other_servers(name, args);
    }

    /// Archives that are unpacked where an option says.
    pub fn unpacks(&mut self, name: &str, args: &[Arg]) {
        let invocation = Invocation::new(name, args, grammar_of(name));
        let attached = |short: &str| {
            let values = args.iter().filter_map(|arg| arg.text.strip_prefix(short));
            values
                .filter(|value| !value.is_empty())
                .map(Arg::exact)
                .collect::<Vec<_>>()
        };
        let after = |option: &str| {
            let mut pairs = args.windows(2);
            let found = pairs.find(|pair| pair[0].text == option);
            found.map(|pair| pair[1].clone())
        };
        let mut targets = match name {
            "unzip" => attached("-d"),
            "cpio" => invocation.values_of(&["--directory"]),
            _ => attached("-o"),
        };
        let options: &[&str] = match name {
            "unzip" => &["-d"],
            "cpio" => &["-D", "--directory"],
            _ => &["-o", "-output-directory", "--output-directory"],
        };
        targets.extend(options.iter().filter_map(|option| after(option)));
        for target in &targets {
            self.unpacks_to(target);
        }
    }

    /// Nobody knows what an archive holds: whoever unpacks it at the root writes the system.
    pub fn unpacks_to(&mut self, target: &Arg) {
        if target.text.starts_with('/') && target.text.trim_matches('/').is_empty() {
            self.add(&general::WRITES_SYSTEM, &target.text);
        }
        self.writes(target);
    }
}
