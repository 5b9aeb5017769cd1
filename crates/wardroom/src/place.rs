//! Where we are: the data directory, its configuration, and the server that serves it.

use crate::failure::Failure;
use std::path::PathBuf;
use wardroom_api::client::{Address, Client};
use wardroom_server::config::{Config, ConfigError};

/// What every verb is told by the global flags.
#[derive(Clone, Debug)]
pub struct Place {
    /// The data directory, absolute.
    pub data_dir: PathBuf,
    /// The configuration file that the user named.
    pub config_file: Option<PathBuf>,
    /// Whether data is to be printed as JSON.
    pub json: bool,
    server: Option<String>,
    token: Option<String>,
}

impl Place {
    /// Resolves the flags.
    pub fn new(flags: crate::cli::Globals) -> Result<Self, Failure> {
        let data_dir = match flags.data {
            Some(dir) => dir,
            None => default_data_dir()?,
        };
        let data_dir = std::path::absolute(&data_dir).map_err(|error| {
            let sentence = format!("{} is no path", data_dir.display());
            Failure::caused(sentence, &error, "Name a folder with --data DIR.")
        })?;
        Ok(Self {
            data_dir,
            config_file: flags.config,
            json: flags.json,
            server: flags.server,
            token: std::env::var("WARDROOM_TOKEN")
                .ok()
                .filter(|token| !token.trim().is_empty()),
        })
    }

    /// A data directory of our own, with nothing of the user's around it.
    pub fn apart(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            config_file: None,
            json: false,
            server: None,
            token: None,
        }
    }

    /// A client of the server: the one that the user named, else the one of the data directory.
    pub fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(self.address())?)
    }

    fn address(&self) -> Address {
        match &self.server {
            Some(url) => Address::Url {
                url: url.clone(),
                token: self.token.clone(),
            },
            None => Address::in_data_dir(&self.data_dir),
        }
    }

    /// The configuration of the data directory.
    pub fn config(&self) -> Result<Config, Failure> {
        let env = crate::machine::environment();
        Ok(Config::load(
            &self.data_dir,
            self.config_file.as_deref(),
            env,
        )?)
    }

    /// Whether the server is another machine's, or at least reached like one.
    pub fn is_remote(&self) -> bool {
        self.server.is_some()
    }

    /// Whether requests should go to a server: one was named, or one runs in the data directory.
    pub fn has_server(&self) -> bool {
        let socket = self.data_dir.join(wardroom_api::client::SOCKET_NAME);
        self.is_remote() || std::os::unix::net::UnixStream::connect(socket).is_ok()
    }
}

/// `$XDG_DATA_HOME/wardroom`, or `~/.local/share/wardroom`.
fn default_data_dir() -> Result<PathBuf, Failure> {
    let from = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = from("XDG_DATA_HOME").or_else(|| Some(from("HOME")?.join(".local/share")));
    base.map(|base| base.join("wardroom")).ok_or_else(|| {
        Failure::usage(
            "there is no data directory: neither XDG_DATA_HOME nor HOME names a folder",
            "Name one with --data DIR or WARDROOM_DATA.",
        )
    })
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::caused(
            error.to_string(),
            &error,
            "Correct it, then see `wardroom config check`.",
        )
    }
}
