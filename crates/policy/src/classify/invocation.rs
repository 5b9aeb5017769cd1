//! One program with its arguments, after the shell has had its say.
//!
//! Options are read as the common conventions have it: `-rf` is two flags, `--recur` may stand
//! for `--recursive`, `--name=value` carries its value, `--` ends the options. Which options take
//! a value is told by a `Grammar` per program, for only then is it clear what the operands are.

use super::words::Arg;

/// What is known about a program's command line.
#[derive(Debug)]
pub struct Grammar {
    /// The programs that share this grammar.
    pub programs: &'static [&'static str],
    /// Options that take the next argument as their value.
    pub values: &'static [&'static str],
    /// Options in front of the verb that take no value.
    pub flags: &'static [&'static str],
    /// How `-name` is to be read.
    pub dash: Dash,
}

/// How a single dash with several letters is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    /// `-rf` is `-r -f`.
    Letters,
    /// `-name` is one option, as in `find` and `terraform`.
    Words,
}

/// The grammar of a program about which nothing is written down.
pub static PLAIN: Grammar = Grammar {
    programs: &[],
    values: &[],
    flags: &[],
    dash: Dash::Letters,
};

/// One program with its arguments.
#[derive(Debug, Clone)]
pub struct Invocation<'a> {
    /// The program's name without its folder.
    pub program: &'a str,
    /// All arguments, options included.
    pub args: &'a [Arg],
    grammar: &'static Grammar,
    /// Positions of the operands in `args`.
    operands: Vec<usize>,
    /// An option of unknown arity stands before the first operand.
    verb_unsure: bool,
    options_end: usize,
}

impl<'a> Invocation<'a> {
    /// Reads the arguments by the program's grammar.
    pub fn new(program: &'a str, args: &'a [Arg], grammar: &'static Grammar) -> Self {
        let mut invocation = Invocation {
            program,
            args,
            grammar,
            operands: Vec::new(),
            verb_unsure: false,
            options_end: args.len(),
        };
        invocation.sort_arguments();
        invocation
    }

    fn sort_arguments(&mut self) {
        let mut index = 0;
        while let Some(arg) = self.args.get(index) {
            let text = arg.text.as_str();
            if text == "--" {
                self.options_end = index;
                self.operands.extend(index + 1..self.args.len());
                return;
            }
            if is_option(text) {
                let takes_next = self.takes_next(text);
                let guessed =
                    takes_next && text.starts_with("--") && !self.grammar.values.contains(&text);
                if self.operands.is_empty() && (guessed || !takes_next && !self.is_known_flag(text))
                {
                    self.verb_unsure = true;
                }
                index += usize::from(takes_next);
            } else {
                self.operands.push(index);
            }
            index += 1;
        }
    }

    /// Does this option swallow the argument after it?
    fn takes_next(&self, option: &str) -> bool {
        if option.contains('=') {
            return false;
        }
        if option.starts_with("--") || self.grammar.dash == Dash::Words {
            return self.grammar.values.contains(&option) || self.is_abbreviated_value(option);
        }
        for (at, letter) in option.char_indices().skip(1) {
            if self.takes_value(letter) {
                return at + letter.len_utf8() == option.len();
            }
        }
        false
    }

    /// `--req` may stand for `--request`, which takes a value.
    fn is_abbreviated_value(&self, option: &str) -> bool {
        option.len() > 3
            && option.starts_with("--")
            && !self.grammar.flags.contains(&option)
            && !HARMLESS_FLAGS.contains(&option)
            && self
                .grammar
                .values
                .iter()
                .any(|value| value.starts_with(option))
    }

    fn takes_value(&self, letter: char) -> bool {
        self.grammar
            .values
            .iter()
            .any(|value| is_letter(value, letter))
    }

    fn is_known_flag(&self, option: &str) -> bool {
        option.contains('=')
            || self.grammar.flags.contains(&option)
            || HARMLESS_FLAGS.contains(&option)
            || self
                .letters(option)
                .is_some_and(|letters| letters.chars().any(|letter| self.takes_value(letter)))
    }

    /// The letters of `-rf`, when the program reads it that way.
    fn letters<'b>(&self, option: &'b str) -> Option<&'b str> {
        let rest = option.strip_prefix('-')?;
        (!rest.starts_with('-') && self.grammar.dash == Dash::Letters).then_some(rest)
    }

    /// Is one of these options present, in full, abbreviated, bundled or with `=value`?
    pub fn has(&self, options: &[&str]) -> bool {
        self.options()
            .any(|given| options.iter().any(|wanted| self.is_same(given, wanted)))
    }

    /// Is one of these options present in full and not switched off (`--dry-run=none`)? For
    /// options that make a command milder, where a guess would be the wrong way round.
    pub fn has_surely(&self, options: &[&str]) -> bool {
        self.options().any(|given| {
            let (name, value) = given.split_once('=').unwrap_or((given, ""));
            let is_off = matches!(value, "none" | "false" | "no" | "0" | "off");
            let is_long = name.starts_with("--");
            !is_off
                && options.iter().any(|wanted| {
                    if is_long {
                        name == *wanted
                    } else {
                        self.is_same(given, wanted)
                    }
                })
        })
    }

    /// Is every option one of these?
    pub fn has_only(&self, options: &[&str]) -> bool {
        let known = |given: &str| options.iter().any(|wanted| self.is_exactly(given, wanted));
        self.options().all(known) && !self.is_unclear()
    }

    /// The option as written, apart from its value.
    fn is_exactly(&self, given: &str, wanted: &str) -> bool {
        given == wanted || given.split('=').next() == Some(wanted)
    }

    /// The arguments that are options, values left out.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        let mut skip = false;
        self.args[..self.options_end].iter().filter_map(move |arg| {
            let text = arg.text.as_str();
            if std::mem::take(&mut skip) || !is_option(text) {
                return None;
            }
            skip = self.takes_next(text);
            Some(text)
        })
    }

    fn is_same(&self, given: &str, wanted: &str) -> bool {
        if given == wanted {
            return true;
        }
        let name = given.split('=').next().unwrap_or(given);
        if let Some(long) = name.strip_prefix("--") {
            let Some(full) = wanted.strip_prefix("--") else {
                return false;
            };
            return !long.is_empty() && full.starts_with(long);
        }
        if self.grammar.dash == Dash::Words {
            return name == wanted || name.strip_prefix('-') == wanted.strip_prefix("--");
        }
        let mut wanted_letters = wanted.chars().skip(1);
        let (Some(letter), None) = (wanted_letters.next(), wanted_letters.next()) else {
            // A word behind one dash ("-delete") in a program that otherwise bundles letters.
            return name == wanted;
        };
        self.letters(given).is_some_and(|letters| {
            for candidate in letters.chars() {
                if candidate == letter {
                    return true;
                }
                if self.takes_value(candidate) {
                    return false;
                }
            }
            false
        })
    }

    /// The values given to one of these options, in order.
    pub fn values_of(&self, options: &[&str]) -> Vec<Arg> {
        let mut values = Vec::new();
        let mut index = 0;
        while index < self.options_end {
            let arg = &self.args[index];
            let text = arg.text.as_str();
            index += 1;
            if !is_option(text) {
                continue;
            }
            let wanted = options.iter().any(|wanted| self.is_same(text, wanted));
            let next = self.takes_next(text);
            if wanted && next {
                values.extend(self.args.get(index).cloned());
            } else if wanted {
                values.extend(self.attached_value(text).map(|value| arg.with_text(value)));
            }
            index += usize::from(next);
        }
        values
    }

    /// The value in `--name=value` or `-nvalue`.
    fn attached_value<'b>(&self, option: &'b str) -> Option<&'b str> {
        if let Some((_, value)) = option.split_once('=')
            && option.starts_with("--")
        {
            return Some(value);
        }
        let letters = self.letters(option)?;
        let at = letters.find(|letter| self.takes_value(letter))?;
        letters.get(at + 1..).filter(|value| !value.is_empty())
    }

    /// The arguments that are not options and not values of options.
    pub fn operands(&self) -> impl DoubleEndedIterator<Item = &'a Arg> + '_ {
        self.operands.iter().map(|index| &self.args[*index])
    }

    /// The number of operands.
    pub fn operand_count(&self) -> usize {
        self.operands.len()
    }

    /// The operand at this place, when it is a word known in advance.
    pub fn verb_at(&self, index: usize) -> Option<&'a str> {
        let arg = &self.args[*self.operands.get(index)?];
        arg.is_plain().then_some(arg.text.as_str())
    }

    /// The arguments from the operand at this place on, options among them included.
    pub fn rest_from_operand(&self, index: usize) -> &'a [Arg] {
        self.operands.get(index).map_or(&[], |at| &self.args[*at..])
    }

    /// May the first operand be the value of an option that we do not know?
    pub fn verb_is_unsure(&self) -> bool {
        self.verb_unsure && !self.operands.is_empty()
    }

    /// Could an argument be an option that we cannot see, because it is computed?
    pub fn is_unclear(&self) -> bool {
        self.args.iter().any(Arg::may_be_option)
    }
}

/// Flags that mean the same nearly everywhere and take no value.
#[rustfmt::skip]
const HARMLESS_FLAGS: &[&str] = &[
    "-v", "--verbose", "-q", "--quiet", "--silent", "--debug", "--no-color", "--json", "-h",
    "--help", "--version", "-V", "--yes", "-y",
];

fn is_option(text: &str) -> bool {
    text.len() > 1 && text.starts_with('-')
}

fn is_letter(option: &str, letter: char) -> bool {
    let mut characters = option.chars();
    characters.next() == Some('-')
        && characters.next() == Some(letter)
        && characters.next().is_none()
}
