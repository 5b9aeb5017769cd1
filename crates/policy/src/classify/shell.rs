//! Walks a parsed shell script and judges every command in it. The walk matches the grammar's
//! types exhaustively: a node that this module does not know does not compile.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use brush_parser::ast::{
    AndOr, AndOrList, Assignment, AssignmentName, AssignmentValue, Command,
    CommandPrefixOrSuffixItem, CompoundCommand, CompoundList, ExtendedTestExpr, FunctionDefinition,
    IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline, Program, SimpleCommand, Word,
};
use brush_parser::{Parser, ParserOptions};

use super::expand::Value;
use super::paths;
use super::verdict::{Draft, Effect, Ground};
use super::words::{Arg, Known};
use super::{general, limits};

/// What flows into a command's standard input, or out of a substitution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// Nothing, or whatever the terminal gives.
    Nothing,
    /// A text known beforehand.
    Text(String),
    /// Names of files, branches, processes: listed, not made up.
    Names,
    /// The output of a command that can produce anything.
    Computed,
    /// Something fetched from the network.
    Network,
}

impl Feed {
    /// What two commands after one another put out.
    pub fn and(self, other: Feed) -> Feed {
        match (self, other) {
            (Feed::Nothing, feed) | (feed, Feed::Nothing) => feed,
            (Feed::Network, _) | (_, Feed::Network) => Feed::Network,
            (Feed::Names, Feed::Names) => Feed::Names,
            (Feed::Text(first), Feed::Text(second)) => Feed::Text(first + &second),
            _ => Feed::Computed,
        }
    }
}

/// Walks commands and keeps the strictest finding.
pub struct Walker<'g> {
    pub ground: &'g Ground,
    pub draft: Draft,
    pub variables: HashMap<String, Value>,
    pub functions: HashSet<String>,
    /// Where `cd` has led; empty is the workspace, `None` cannot be known.
    pub folder: Option<String>,
    /// Inside `test`, where a secret is compared but not shown.
    pub in_test: bool,
    depth: usize,
    commands: usize,
    /// How many programs stand around the one being judged (`env nice timeout …`).
    pub wrappings: usize,
}

impl<'g> Walker<'g> {
    pub fn new(ground: &'g Ground) -> Self {
        Walker {
            ground,
            draft: Draft::default(),
            variables: HashMap::new(),
            functions: HashSet::new(),
            folder: Some(String::new()),
            in_test: false,
            depth: 0,
            commands: 0,
            wrappings: 0,
        }
    }

    /// Judges a whole script; answers with what it puts out.
    pub fn judge_script(&mut self, script: &str, input: &Feed) -> Feed {
        if self.depth >= limits::COMMAND_DEPTH_MAX {
            self.add(&general::TOO_DEEP, "this command");
            return Feed::Computed;
        }
        let Some(program) = parse(script) else {
            self.add(&general::UNPARSABLE, "this command");
            return Feed::Computed;
        };
        self.depth += 1;
        let mut output = Feed::Nothing;
        for list in &program.complete_commands {
            output = output.and(self.compound_list(list, input));
        }
        self.depth -= 1;
        output
    }

    /// The folder in which the next command runs, as a path.
    pub fn folder_or_dot(&self) -> String {
        match self.folder.as_deref() {
            Some("") => ".".to_owned(),
            Some(folder) => folder.to_owned(),
            None => super::words::UNKNOWN.to_string(),
        }
    }

    fn compound_list(&mut self, list: &CompoundList, input: &Feed) -> Feed {
        let mut output = Feed::Nothing;
        for item in &list.0 {
            output = output.and(self.and_or_list(&item.0, input));
        }
        output
    }

    fn and_or_list(&mut self, list: &AndOrList, input: &Feed) -> Feed {
        let mut output = self.pipeline(&list.first, input);
        for next in &list.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
            output = output.and(self.pipeline(pipeline, input));
        }
        output
    }

    fn pipeline(&mut self, pipeline: &Pipeline, input: &Feed) -> Feed {
        let mut feed = input.clone();
        for command in &pipeline.seq {
            feed = self.command(command, &feed);
        }
        feed
    }

    fn command(&mut self, command: &Command, input: &Feed) -> Feed {
        match command {
            Command::Simple(simple) => self.simple(simple, input),
            Command::Compound(compound, redirects) => {
                let input = self.redirects(redirects.as_ref().map_or(&[], |list| &list.0), input);
                self.compound(compound, &input)
            }
            Command::Function(function) => self.function(function),
            Command::ExtendedTest(test, redirects) => {
                self.redirects(redirects.as_ref().map_or(&[], |list| &list.0), input);
                let before = std::mem::replace(&mut self.in_test, true);
                self.extended_test(&test.expr);
                self.in_test = before;
                Feed::Nothing
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, input: &Feed) -> Feed {
        match compound {
            CompoundCommand::Arithmetic(command) => {
                self.arithmetic_command(&command.expr.value, input)
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                let parts = [&clause.initializer, &clause.condition, &clause.updater];
                for part in parts.into_iter().flatten() {
                    self.arithmetic(&part.value);
                }
                self.compound_list(&clause.body.list, input)
            }
            CompoundCommand::BraceGroup(group) => self.compound_list(&group.list, input),
            CompoundCommand::Subshell(subshell) => self.subshell(&subshell.list, input),
            CompoundCommand::ForClause(clause) => {
                let values = clause.values.as_deref().unwrap_or_default();
                self.for_each(&clause.variable_name, values, &clause.body.list, input)
            }
            CompoundCommand::CaseClause(clause) => {
                self.expand(&clause.value.value);
                let mut output = Feed::Nothing;
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.expand(&pattern.value);
                    }
                    if let Some(body) = &case.cmd {
                        output = output.and(self.compound_list(body, input));
                    }
                }
                output
            }
            CompoundCommand::IfClause(clause) => {
                let mut output = self.compound_list(&clause.condition, input);
                output = output.and(self.compound_list(&clause.then, input));
                for other in clause.elses.iter().flatten() {
                    if let Some(condition) = &other.condition {
                        output = output.and(self.compound_list(condition, input));
                    }
                    output = output.and(self.compound_list(&other.body, input));
                }
                output
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                let output = self.compound_list(&clause.0, input);
                output.and(self.compound_list(&clause.1.list, input))
            }
            CompoundCommand::Coprocess(coprocess) => self.command(&coprocess.body, input),
        }
    }

    /// The grammar takes `( (rm x) )` for arithmetic, where bash sees a subshell inside another:
    /// what can be read as a command is judged as one too.
    fn arithmetic_command(&mut self, expression: &str, input: &Feed) -> Feed {
        self.arithmetic(expression);
        let is_wordy = |c: char| c.is_ascii_alphanumeric() || " _./-\"'".contains(c);
        if brush_parser::arithmetic::parse(expression).is_ok() && !expression.chars().all(is_wordy)
        {
            return Feed::Nothing;
        }
        self.judge_script(expression, input)
    }

    /// What a subshell sets is gone afterwards.
    fn subshell(&mut self, list: &CompoundList, input: &Feed) -> Feed {
        let variables = self.variables.clone();
        let folder = self.folder.clone();
        let output = self.compound_list(list, input);
        self.variables = variables;
        self.folder = folder;
        output
    }

    /// The body of a loop is judged for each value, while they are few and known.
    fn for_each(&mut self, name: &str, words: &[Word], body: &CompoundList, input: &Feed) -> Feed {
        let values: Vec<Arg> = words
            .iter()
            .flat_map(|word| self.expand(&word.value))
            .collect();
        let mut output = Feed::Nothing;
        if values.is_empty() || values.len() > limits::LOOP_VALUES_MAX {
            for value in &values {
                self.mention(value);
            }
            let known = values
                .iter()
                .map(|value| value.known)
                .max()
                .unwrap_or(Known::Exact);
            let unknown = Arg::unknown(known.max(Known::Variable));
            self.assign(name, &unknown, true);
            return self.compound_list(body, input);
        }
        for value in &values {
            self.assign(name, value, true);
            output = output.and(self.compound_list(body, input));
        }
        output
    }

    /// A function's body counts where it is defined, so that calls need not be followed.
    fn function(&mut self, function: &FunctionDefinition) -> Feed {
        let name = function.fname.value.clone();
        self.functions.insert(name.clone());
        let redirects = function.body.1.as_ref().map_or(&[][..], |list| &list.0);
        let input = self.redirects(redirects, &Feed::Nothing);
        let before = self.draft.defining.replace(name);
        let variables = self.variables.clone();
        self.compound(&function.body.0, &input);
        self.variables = variables;
        self.draft.defining = before;
        Feed::Nothing
    }

    fn extended_test(&mut self, test: &ExtendedTestExpr) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.extended_test(left);
                self.extended_test(right);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.extended_test(inner);
            }
            ExtendedTestExpr::UnaryTest(_, word) => self.tested(word),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.tested(left);
                self.tested(right);
            }
        }
    }

    fn tested(&mut self, word: &Word) {
        let args = self.expand(&word.value);
        self.no_hidden_commands(&args);
    }

    /// Where bash evaluates a name, `a[$(…)]` runs what is inside, however it is quoted.
    pub fn no_hidden_commands(&mut self, args: &[Arg]) {
        if let Some(arg) = args
            .iter()
            .find(|arg| arg.text.contains("$(") || arg.text.contains('`'))
        {
            self.add(&general::RUNNABLE_VALUE, &arg.text);
        }
    }

    fn simple(&mut self, command: &SimpleCommand, input: &Feed) -> Feed {
        self.commands += 1;
        if self.commands > limits::COMMANDS_MAX {
            self.add(&general::TOO_DEEP, "this command");
            return Feed::Computed;
        }
        let mut args: Vec<Arg> = Vec::new();
        let mut assignments = Vec::new();
        let mut feed = input.clone();
        let before = self.enter_test(command);
        for item in command.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut args, &mut assignments, &mut feed);
        }
        if let Some(name) = &command.word_or_name {
            args.extend(self.expand(&name.value));
        }
        for item in command.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut args, &mut assignments, &mut feed);
        }
        self.in_test = before;
        if is_silent(&args) {
            self.emptied(command);
        }
        let assigns_only = args.is_empty();
        for (name, value) in &assignments {
            self.assign(name, value, assigns_only);
        }
        if assigns_only {
            return Feed::Nothing;
        }
        self.judge(&args, &feed)
    }

    fn enter_test(&mut self, command: &SimpleCommand) -> bool {
        let name = command
            .word_or_name
            .as_ref()
            .map_or("", |word| word.value.as_str());
        let is_test = matches!(name, "test" | "[");
        let now = is_test || self.in_test;
        std::mem::replace(&mut self.in_test, now)
    }

    fn item(
        &mut self,
        item: &CommandPrefixOrSuffixItem,
        args: &mut Vec<Arg>,
        assignments: &mut Vec<(String, Arg)>,
        feed: &mut Feed,
    ) {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => {
                *feed = self.redirect(redirect, feed);
            }
            CommandPrefixOrSuffixItem::Word(word) => args.extend(self.expand(&word.value)),
            CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                if let AssignmentName::ArrayElementName(_, index) = &assignment.name {
                    self.arithmetic(index);
                }
                let value = self.assigned_value(assignment);
                if args.is_empty() {
                    assignments.push((variable_name(assignment), value));
                } else {
                    // `export NAME=value`, `env NAME=value`, `dd if=…`: an argument like any other.
                    args.push(self.expand_joined(&word.value));
                }
            }
            CommandPrefixOrSuffixItem::ProcessSubstitution(_, subshell) => {
                let output = self.subshell(&subshell.list, &Feed::Nothing);
                args.push(self.pipe_path(&output));
            }
        }
    }

    /// `<(…)` reaches the program as a path from which it reads what the commands put out.
    fn pipe_path(&mut self, output: &Feed) -> Arg {
        match output {
            Feed::Network => Arg::exact(paths::NETWORK_PIPE),
            _ => Arg::exact(paths::PIPE),
        }
    }

    fn assigned_value(&mut self, assignment: &Assignment) -> Arg {
        match &assignment.value {
            AssignmentValue::Scalar(word) => {
                let value = self.expand_joined(&word.value);
                if assignment.append {
                    Arg::unknown(value.known.max(Known::Variable))
                } else {
                    value
                }
            }
            AssignmentValue::Array(elements) => {
                let mut known = Known::Variable;
                for (key, value) in elements {
                    for word in key.iter().chain([value]) {
                        for arg in self.expand(&word.value) {
                            self.mention(&arg);
                            known = known.max(arg.known);
                        }
                    }
                }
                // The elements may become a command line of their own: `"${words[@]}"`.
                Arg::unknown(known.max(Known::Computed))
            }
        }
    }

    fn assign(&mut self, name: &str, value: &Arg, lasting: bool) {
        self.environment(name, value);
        if lasting {
            self.set(name, value);
        }
    }

    /// Remembers a variable for the rest of the line.
    pub fn set(&mut self, name: &str, value: &Arg) {
        let value = Value {
            text: value.text.clone(),
            known: value.known,
        };
        self.variables.insert(name.to_owned(), value);
    }

    fn redirects(&mut self, redirects: &[IoRedirect], input: &Feed) -> Feed {
        let mut feed = input.clone();
        for redirect in redirects {
            feed = self.redirect(redirect, &feed);
        }
        feed
    }

    fn redirect(&mut self, redirect: &IoRedirect, input: &Feed) -> Feed {
        match redirect {
            IoRedirect::HereString(_, word) => text_feed(self.expand_joined(&word.value)),
            IoRedirect::HereDocument(_, document) => {
                if document.requires_expansion {
                    text_feed(self.expand_document(&document.doc.value))
                } else {
                    Feed::Text(document.doc.value.clone())
                }
            }
            IoRedirect::OutputAndError(word, _) => {
                let target = self.expand_joined(&word.value);
                self.writes(&target);
                input.clone()
            }
            IoRedirect::File(_, kind, target) => self.file_redirect(kind, target, input),
        }
    }

    fn file_redirect(
        &mut self,
        kind: &IoFileRedirectKind,
        target: &IoFileRedirectTarget,
        input: &Feed,
    ) -> Feed {
        match target {
            IoFileRedirectTarget::Fd(_) => input.clone(),
            IoFileRedirectTarget::ProcessSubstitution(_, subshell) => {
                self.subshell(&subshell.list, &Feed::Computed)
            }
            IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                let arg = self.one_target(&word.value);
                match kind {
                    IoFileRedirectKind::Read => {
                        self.reads(&arg);
                        Feed::Computed
                    }
                    IoFileRedirectKind::DuplicateInput => input.clone(),
                    IoFileRedirectKind::DuplicateOutput if is_descriptor(&arg.text) => {
                        input.clone()
                    }
                    IoFileRedirectKind::Write
                    | IoFileRedirectKind::Append
                    | IoFileRedirectKind::ReadAndWrite
                    | IoFileRedirectKind::Clobber
                    | IoFileRedirectKind::DuplicateOutput => {
                        self.writes(&arg);
                        input.clone()
                    }
                }
            }
        }
    }

    fn one_target(&mut self, raw: &str) -> Arg {
        let mut args = self.expand(raw);
        match args.pop() {
            Some(arg) if args.is_empty() => arg,
            _ => Arg::unknown(Known::Computed),
        }
    }

    /// `> file` behind nothing, or behind a command that prints nothing, empties the file.
    fn emptied(&mut self, command: &SimpleCommand) {
        let before = command.prefix.iter().flat_map(|prefix| &prefix.0);
        let after = command.suffix.iter().flat_map(|suffix| &suffix.0);
        for item in before.chain(after) {
            if let CommandPrefixOrSuffixItem::IoRedirect(IoRedirect::File(
                _,
                IoFileRedirectKind::Write | IoFileRedirectKind::Clobber,
                IoFileRedirectTarget::Filename(word),
            )) = item
                && !word.value.starts_with("/dev/")
            {
                self.add(&general::EMPTIES_FILE, &format!("> {}", word.value));
                self.draft.effect(Effect::Deletes {
                    path: word.value.clone(),
                });
            }
        }
    }
}

/// Does the command print nothing, whatever happens?
fn is_silent(args: &[Arg]) -> bool {
    let mut words = args.iter().map(|arg| arg.text.as_str());
    match (words.next(), words.next()) {
        (None | Some(":" | "true" | "false"), _) | (Some("cat"), Some("/dev/null")) => true,
        (Some("echo"), Some("-n")) | (Some("printf"), Some("")) => args.len() == 2,
        _ => false,
    }
}

fn text_feed(arg: Arg) -> Feed {
    if arg.known == Known::Exact {
        Feed::Text(arg.text)
    } else {
        Feed::Computed
    }
}

fn is_descriptor(text: &str) -> bool {
    text == "-"
        || text
            .trim_end_matches('-')
            .bytes()
            .all(|byte| byte.is_ascii_digit())
}

fn variable_name(assignment: &Assignment) -> String {
    match &assignment.name {
        AssignmentName::VariableName(name) | AssignmentName::ArrayElementName(name, _) => {
            name.clone()
        }
    }
}

/// How scripts are read: as bash does, which is the widest reading.
pub fn options() -> ParserOptions {
    ParserOptions::default()
}

/// Parses a script; `None` when it is not one, or too big or deep to be judged.
pub fn parse(script: &str) -> Option<Program> {
    if !is_digestible(script) {
        return None;
    }
    let parse = || {
        Parser::new(script.as_bytes(), &options())
            .parse_program()
            .ok()
    };
    // The grammar is someone else's code and reads hostile text: should it panic, the line is
    // unparsable, and the server goes on.
    catch_unwind(AssertUnwindSafe(parse)).ok().flatten()
}

/// Is the text small and shallow enough for the grammar?
pub fn is_digestible(text: &str) -> bool {
    text.len() <= limits::COMMAND_BYTES_MAX && super::depth::is_shallow(text)
}
