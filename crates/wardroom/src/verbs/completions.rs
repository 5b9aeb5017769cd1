//! `wardroom completions`: the command line, known to a shell.

use crate::cli::Cli;
use crate::failure::{Exit, Failure};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "wardroom", &mut script);
        crate::output::lines(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
