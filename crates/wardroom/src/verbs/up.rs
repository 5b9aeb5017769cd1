//! `wardroom up`: the server, until it is told to stop.

use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output::lines;
use crate::place::Place;
use crate::terminal::style;
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use wardroom_server::config::{Config, Profile, local_model, offer};
use wardroom_server::{Ready, StartError, Startup};

/// Run the server
#[derive(Debug, Args)]
pub struct Up {
    /// Listen here [default: 127.0.0.1:8700, or what the configuration says]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,
    /// What the place is like: laptop, agenticai, agent-runtime, ai-infrastructure, agentai,
    /// virtual-team
    #[arg(long, value_name = "NAME", value_parser = profile)]
    profile: Option<Profile>,
    /// Open the doors only
    #[arg(long)]
    serve: bool,
    /// Work on tasks only
    #[arg(long)]
    work: bool,
    /// Print {"ready":true,"url":…,"pid":…} as the first line
    #[arg(long)]
    ready_json: bool,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let address = text
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    let address = address.as_deref().unwrap_or(text);
    address
        .parse()
        .map_err(|_| "write an address and a port, such as 127.0.0.1:8700".to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    let words = Profile::ALL
        .iter()
        .map(|profile| profile.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let profile = Profile::parse(text).ok_or_else(|| format!("it is one of {words}"))?;
    match profile.preset() {
        Some(_) => Ok(profile),
        None => Err(format!(
            "it starts from the preset `{}`, which this version does not have",
            profile.preset_name()
        )),
    }
}

impl Up {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let mut config = place.config()?;
        config.server.listen = self.listen.unwrap_or(config.server.listen);
        config.profile = self.profile.unwrap_or(config.profile);
        log_events();
        let startup = Startup {
            serves: self.serve || !self.work,
            works: self.work || !self.serve,
            ..startup(config)?
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| {
            Failure::caused(
                "the system gives no more resources",
                &error,
                "Close something and retry.",
            )
        })?;
        runtime.block_on(async {
            let stop = asked_to_stop()?;
            let tell = |ready: &Ready| self.tell(ready);
            wardroom_server::run(startup, tell, stop)
                .await
                .map_err(Failure::from)
        })?;
        Ok(Exit::Done)
    }

    fn tell(&self, ready: &Ready) {
        let said = match self.ready_json {
            // Written out, so that the members stand in the order that was promised.
            true => lines(&format!(
                "{{\"ready\":true,\"url\":{},\"pid\":{}}}",
                json!(ready.url),
                std::process::id()
            )),
            false => lines(&welcome(ready)),
        };
        if let Err(failure) = said {
            failure.tell();
        }
        if ready.is_scripted {
            // Looking for a model takes a moment, and nobody has to wait for it.
            tokio::spawn(suggest_model());
        }
    }
}

/// How a server of this process is started.
pub fn startup(config: Config) -> Result<Startup, Failure> {
    let runner = std::env::current_exe().map_err(|error| {
        Failure::caused(
            "the program cannot find itself",
            &error,
            "Start it by its whole path.",
        )
    })?;
    Ok(Startup {
        config,
        serves: true,
        works: true,
        runner,
        environment: machine::environment().collect(),
        homes: ["HOME"]
            .iter()
            .filter_map(std::env::var_os)
            .map(PathBuf::from)
            .collect(),
    })
}

fn welcome(ready: &Ready) -> String {
    let head = style::HEAD;
    if ready.url.is_empty() {
        return "Wardroom works on tasks.".to_owned();
    }
    format!(
        "Wardroom is at {head}{}{head:#}\nSign in once as the owner: {}\nOr talk here: wardroom chat",
        ready.url, ready.link
    )
}

async fn suggest_model() {
    let found = local_model().await.and_then(|found| offer(&found));
    match found {
        Some(lines) => anstream::eprintln!(
            "No model is configured, so the demo story answers. An Ollama runs here; to use it, \
             write into wardroom.toml:\n{lines}"
        ),
        None => anstream::eprintln!(
            "No model is configured, so the demo story answers. Write a [models.default] with \
             provider, base_url and model into wardroom.toml."
        ),
    }
}

/// Log lines go to stderr: for people at a terminal, as JSON for everything else.
fn log_events() {
    let filter = EnvFilter::try_from_env("WARDROOM_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,rmcp=warn"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(crate::logs::Clean);
    // An error only says that somebody else logs already.
    let _ = match crate::terminal::is_live() {
        true => logs.compact().try_init(),
        false => logs.json().try_init(),
    };
}

/// Resolves at the first request to stop; at the second, the process ends at once.
fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let unheard = |error: std::io::Error| {
        Failure::caused("the system does not let us listen for signals", &error, "")
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
            // Nothing is lost: the next start takes everything up from its last commit.
            std::process::exit(1);
        });
    })
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Failure::caused(error.to_string(), &error, "")
    }
}
