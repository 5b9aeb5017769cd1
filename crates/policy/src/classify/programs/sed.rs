//! Reads a `sed` script far enough to tell whether it only prints.

/// What a script does beside printing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SedEffect {
    Pure,
    Reads(String),
    Writes(String),
    /// It runs commands, or it cannot be understood.
    Runs,
}

/// The strictest thing that the script does.
pub fn effect_of(script: &str) -> SedEffect {
    let mut reader = Reader { rest: script };
    let mut effect = SedEffect::Pure;
    loop {
        reader.skip(|c| c.is_whitespace() || matches!(c, ';' | '{' | '}'));
        if reader.rest.is_empty() {
            return effect;
        }
        match reader.command() {
            None | Some(SedEffect::Runs) => return SedEffect::Runs,
            Some(SedEffect::Pure) => {}
            Some(other) => {
                if !matches!(effect, SedEffect::Writes(_)) {
                    effect = other;
                }
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(is_skipped);
    }

    fn next(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = &self.rest[first.len_utf8()..];
        Some(first)
    }

    /// One command with its addresses; `None` when it is not understood.
    fn command(&mut self) -> Option<SedEffect> {
        self.addresses()?;
        self.skip(|c| c == ' ' || c == '!' || c == '\t');
        let Some(letter) = self.next() else {
            return Some(SedEffect::Pure);
        };
        match letter {
            's' => self.substitute(),
            'y' => {
                let delimiter = self.next()?;
                self.until(delimiter)?;
                self.until(delimiter)?;
                Some(SedEffect::Pure)
            }
            'a' | 'i' | 'c' => {
                self.line_with_continuations();
                Some(SedEffect::Pure)
            }
            'b' | 't' | 'T' | ':' => {
                self.skip(|c| c != ';' && c != '\n' && c != '}');
                Some(SedEffect::Pure)
            }
            'r' | 'R' => Some(SedEffect::Reads(self.line())),
            'w' | 'W' => Some(SedEffect::Writes(self.line())),
            'd' | 'D' | 'p' | 'P' | 'n' | 'N' | 'g' | 'G' | 'h' | 'H' | 'x' | '=' | 'z' | 'F'
            | '}' | '{' => Some(SedEffect::Pure),
            'q' | 'Q' | 'l' | 'L' => {
                self.skip(|c| c == ' ' || c.is_ascii_digit());
                Some(SedEffect::Pure)
            }
            '#' => {
                self.line();
                Some(SedEffect::Pure)
            }
            _ => None,
        }
    }

    fn addresses(&mut self) -> Option<()> {
        loop {
            self.skip(|c| matches!(c, ' ' | ',' | '+' | '~' | '$') || c.is_ascii_digit());
            match self.rest.chars().next() {
                Some('/') => {
                    self.next();
                    self.until('/')?;
                    self.skip(|c| c == 'I' || c == 'M');
                }
                Some('\\') => {
                    self.next();
                    let delimiter = self.next()?;
                    self.until(delimiter)?;
                    self.skip(|c| c == 'I' || c == 'M');
                }
                _ => return Some(()),
            }
        }
    }

    fn substitute(&mut self) -> Option<SedEffect> {
        let delimiter = self.next()?;
        self.until(delimiter)?;
        self.until(delimiter)?;
        while let Some(flag) = self.rest.chars().next() {
            match flag {
                'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9' | ' ' => self.next(),
                ';' | '\n' | '}' => return Some(SedEffect::Pure),
                'w' => {
                    self.next();
                    return Some(SedEffect::Writes(self.line()));
                }
                _ => return None,
            };
        }
        Some(SedEffect::Pure)
    }

    /// Consumes up to and including the delimiter; a backslash hides it, a set in brackets too.
    fn until(&mut self, delimiter: char) -> Option<()> {
        while let Some(character) = self.next() {
            if character == '\\' {
                self.next()?;
            } else if character == delimiter {
                return Some(());
            }
        }
        None
    }

    fn line(&mut self) -> String {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        line.trim().to_owned()
    }

    fn line_with_continuations(&mut self) {
        while let Some(character) = self.next() {
            if character == '\\' {
                self.next();
            } else if character == '\n' {
                return;
            }
        }
    }
}
