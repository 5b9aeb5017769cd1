//! Tools with a verb, or a place among their arguments, behind which another command stands. What
//! the tool itself does is in the tables; here the inner command is judged.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating};

use super::super::general;
use super::super::invocation::Invocation;
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::table::grammar_of;
use super::super::words::{Arg, Known};

pub static RULES: &[&Rule] = &[&REPEATS, &MEASURES];

#[rustfmt::skip]
static REPEATS: Rule = Rule::code(
    "wrapper.repeat",
    L0Readonly,
    Reach::Local,
    "repeats a command",
    &["watch"],
    &["watch rm x", "ls | entr rm x"],
);
#[rustfmt::skip]
static MEASURES: Rule = Rule::code(
    "wrapper.parallel",
    L1Mutating,
    Reach::Local,
    "runs a command many times",
    &["parallel echo ::: a b"],
    &["parallel rm ::: a b"],
);

impl Walker<'_> {
    /// `uv run X`, `bundle exec X`, `npx X`: judges X, then leaves the rest to the table.
    pub fn runner(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new(name, args, grammar_of(name));
        let verb = invocation.verb_at(0).unwrap_or_default();
        let skip = match (name, verb) {
            (
                "uv" | "poetry" | "pdm" | "pipenv" | "hatch" | "rye" | "pixi" | "conda" | "mamba"
                | "micromamba",
                "run",
            ) => 1,
            (
                "bundle" | "bundler" | "npm" | "pnpm" | "yarn" | "mise" | "asdf" | "rbenv"
                | "pyenv" | "opam" | "nvm" | "fnm" | "composer",
                "exec" | "x",
            ) => 1,
            (
                "doppler" | "op" | "infisical" | "chamber" | "teller" | "aws-vault",
                "run" | "exec",
            ) => 1,
            ("direnv", "exec") => 2,
            _ => return None,
        };
        let inner = invocation.rest_from_operand(skip);
        let inner = if inner.first().is_some_and(|arg| arg.text == "--") {
            &inner[1..]
        } else {
            inner
        };
        if !inner.is_empty() {
            self.judge(inner, &Feed::Nothing);
        }
        None
    }

    /// `watch`, `entr`, `hyperfine`, `parallel`: the command may be one word with blanks in it.
    pub fn repeater(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        #[rustfmt::skip]
        const VALUES: &[&str] = &[
            "-n", "--interval", "-j", "--jobs", "-w", "--warmup", "-m", "-M", "-r", "--runs", "-e",
            "--exts", "-I", "--delay", "-L", "-P",
        ];
        let rule = if matches!(name, "watch") {
            &REPEATS
        } else {
            &MEASURES
        };
        let mut index = 0;
        while let Some(arg) = args.get(index).filter(|arg| arg.text.starts_with('-')) {
            index += if VALUES.contains(&arg.text.as_str()) {
                2
            } else {
                1
            };
        }
        let rest = args.get(index..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|arg| arg.text.starts_with(":::"))
            .unwrap_or(rest.len());
        let (command, values) = rest.split_at(end);
        self.mention_all(values);
        let line = command
            .iter()
            .map(|arg| arg.text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        if command.iter().any(|arg| arg.known != Known::Exact)
            || (name == "parallel" && command.is_empty())
        {
            self.add(&general::RUNS_UNKNOWN, name);
        }
        self.judge_script(&line, &Feed::Nothing);
        if name == "parallel" && values.is_empty() && !matches!(input, Feed::Names) {
            self.add(&general::COMPUTED_ARGUMENT, name);
        }
        self.add(rule, name);
        Some(Feed::Computed)
    }
}
