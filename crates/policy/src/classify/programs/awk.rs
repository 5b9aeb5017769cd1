//! Reads an `awk` program far enough to tell whether it only computes and prints.

/// What a program does beside printing. Ordered by weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwkEffect {
    Pure,
    /// It opens files whose names it makes up.
    Reads,
    Writes,
    Runs,
    Environment,
}

/// What a program comes to.
pub struct AwkProgram {
    /// The strictest thing that it does.
    pub effect: AwkEffect,
    /// The files that it prints to; none for a name that it makes up.
    pub targets: Vec<Option<String>>,
}

/// Reads a program.
pub fn read(program: &str) -> AwkProgram {
    let mut scanner = Scanner {
        effect: AwkEffect::Pure,
        targets: Vec::new(),
        word: String::new(),
        depth: 0,
        prints: None,
        before: '\n',
    };
    let mut characters = program.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_alphanumeric() || character == '_' {
            scanner.word.push(character);
            scanner.before = character;
            continue;
        }
        scanner.end_word();
        match character {
            '"' => skip_quoted(&mut characters, '"'),
            '/' if scanner.starts_pattern() => skip_quoted(&mut characters, '/'),
            '#' => while characters.next_if(|c| *c != '\n').is_some() {},
            '@' => scanner.raise(AwkEffect::Runs),
            '|' if characters.next_if_eq(&'|').is_none() => scanner.raise(AwkEffect::Runs),
            '>' if scanner.prints == Some(scanner.depth) => {
                characters.next_if_eq(&'>');
                scanner.prints_to(literal(characters.clone()));
            }
            '(' | '[' => scanner.depth += 1,
            ')' | ']' => scanner.depth = scanner.depth.saturating_sub(1),
            ';' | '\n' | '}' | '{' => scanner.prints = None,
            _ => {}
        }
        if !character.is_whitespace() || character == '\n' {
            scanner.before = character;
        }
    }
    scanner.end_word();
    AwkProgram {
        effect: scanner.effect,
        targets: scanner.targets,
    }
}

/// The text that a redirection names, where it is nothing but one text in quotes.
fn literal(characters: std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let rest: String = characters.collect();
    let (name, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    let ends = rest.trim_start_matches([' ', '\t']);
    let is_whole = ends.is_empty() || ends.starts_with([';', '}', '\n', '#']);
    (is_whole && !name.contains('\\')).then(|| name.to_owned())
}

struct Scanner {
    effect: AwkEffect,
    targets: Vec<Option<String>>,
    word: String,
    depth: usize,
    /// The bracket depth at which a `print` statement is open.
    prints: Option<usize>,
    /// The last character that was not white space.
    before: char,
}

impl Scanner {
    fn raise(&mut self, effect: AwkEffect) {
        self.effect = self.effect.max(effect);
    }

    fn prints_to(&mut self, target: Option<String>) {
        let is_screen = |name: &String| {
            matches!(
                name.as_str(),
                "/dev/stdout" | "/dev/stderr" | "/dev/null" | "-"
            )
        };
        if target.as_ref().is_some_and(is_screen) {
            return;
        }
        self.targets.push(target);
        self.raise(AwkEffect::Writes);
    }

    fn end_word(&mut self) {
        match self.word.as_str() {
            "" => return,
            "system" | "extension" | "close" | "fflush" | "SYMTAB" | "FUNCTAB" | "PROCINFO" => {
                self.raise(AwkEffect::Runs)
            }
            "getline" => self.raise(AwkEffect::Reads),
            "ENVIRON" => self.raise(AwkEffect::Environment),
            "print" | "printf" => self.prints = Some(self.depth),
            _ => {}
        }
        self.word.clear();
    }

    /// A slash begins a pattern where a value would begin, else it divides.
    fn starts_pattern(&self) -> bool {
        !(self.before.is_alphanumeric() || matches!(self.before, '_' | ')' | ']' | '"'))
    }
}

fn skip_quoted(characters: &mut std::iter::Peekable<std::str::Chars<'_>>, end: char) {
    while let Some(character) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == end {
            return;
        }
    }
}
