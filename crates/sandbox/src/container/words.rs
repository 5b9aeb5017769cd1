//! A command as a runtime reads it that enters a container: as text.

use crate::capability::Shortfall;
use crate::container::layout::GUEST;
use crate::native::parse_command;
use crate::provider::SandboxError;
use crate::spec::{Demand, ExecSpec, WORKSPACE};
use std::io;
use std::path::Path;

/// Why gVisor has no terminal.
pub const NO_TERMINAL: &str = "gVisor hands no terminals out of its kernel: use \
                               `backend = \"native\"`, `podman`, or `runtime = \"runc\"`";

/// One command, with the guest before it, which locks it.
pub struct Words {
    pub argv: Vec<String>,
    pub env: Vec<String>,
    pub folder: String,
}

pub fn of(spec: &ExecSpec) -> Result<Words, SandboxError> {
    if spec.terminal.is_some() {
        return Err(SandboxError::Unsupported(Shortfall {
            what: "a terminal",
            wanted: Demand::Any,
            why: NO_TERMINAL,
        }));
    }
    let command = parse_command(spec)?;
    let program = String::from_utf8_lossy(&command.argv[0]).into_owned();
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| SandboxError::Exec {
            program: program.clone(),
            cause: io::Error::other("in a container its words must be UTF-8"),
        })
    };
    let mut argv = vec![format!("{GUEST}/wardroom-lock")];
    for word in command.argv {
        argv.push(text(word)?);
    }
    let env = command
        .env
        .into_iter()
        .map(text)
        .collect::<Result<_, _>>()?;
    let folder = Path::new(WORKSPACE).join(&spec.cwd);
    Ok(Words {
        argv,
        env,
        folder: folder.to_string_lossy().into_owned(),
    })
}
