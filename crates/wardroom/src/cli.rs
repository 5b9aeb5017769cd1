//! The command line: the flags that every verb takes, and the verbs.

use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::verbs;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A crew of agents that works in sandboxes, asks before it acts, and keeps a record.
#[derive(Debug, Parser)]
#[command(
    name = "wardroom",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
#[command(after_help = "Begin with `wardroom demo`, or with `wardroom up` and `wardroom chat`.")]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

/// The flags that every verb takes.
#[derive(Debug, Args)]
pub struct Globals {
    /// The data directory [default: $XDG_DATA_HOME/wardroom]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "WARDROOM_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,
    /// The configuration file [default: DIR/wardroom.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "WARDROOM_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// A server to talk to, with the token in WARDROOM_TOKEN [default: the one of the data
    /// directory]
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Up(verbs::up::Up),
    Demo(verbs::demo::Demo),
    Chat(verbs::chat::Chat),
    #[command(subcommand)]
    Task(verbs::task::Task),
    #[command(subcommand)]
    Approval(verbs::approval::Approval),
    #[command(subcommand)]
    Policy(verbs::policy::Policy),
    Sanitize(verbs::sanitize::Sanitize),
    #[command(subcommand)]
    Audit(verbs::audit::Audit),
    #[command(subcommand)]
    User(verbs::user::User),
    #[command(subcommand)]
    Token(verbs::token::Token),
    #[command(subcommand)]
    Invite(verbs::invite::Invite),
    #[command(subcommand)]
    Pairing(verbs::pairing::Pairing),
    #[command(subcommand)]
    Emergency(verbs::emergency::Emergency),
    #[command(subcommand)]
    Secret(verbs::secret::Secret),
    #[command(subcommand)]
    Sandbox(verbs::sandbox::Sandbox),
    #[command(subcommand)]
    Mcp(verbs::mcp::Mcp),
    Doctor(verbs::doctor::Doctor),
    #[command(subcommand)]
    Config(verbs::config::Config),
    Migrate(verbs::migrate::Migrate),
    #[command(subcommand)]
    Store(verbs::store::Store),
    Completions(verbs::completions::Completions),
    /// Print the document that describes the HTTP API
    #[command(hide = true)]
    Openapi,
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> Result<Exit, Failure> {
        let place = Place::new(self.globals);
        match self.verb {
            Verb::Up(up) => up.run(&place?),
            Verb::Demo(demo) => demo.run(),
            Verb::Chat(chat) => chat.run(&place?),
            Verb::Task(task) => task.run(&place?),
            Verb::Approval(approval) => approval.run(&place?),
            Verb::Policy(policy) => policy.run(&place?),
            Verb::Sanitize(sanitize) => sanitize.run(),
            Verb::Audit(audit) => audit.run(&place?),
            Verb::User(user) => user.run(&place?),
            Verb::Token(token) => token.run(&place?),
            Verb::Invite(invite) => invite.run(&place?),
            Verb::Pairing(pairing) => pairing.run(&place?),
            Verb::Emergency(emergency) => emergency.run(&place?),
            Verb::Secret(secret) => secret.run(&place?),
            Verb::Sandbox(sandbox) => sandbox.run(&place?),
            Verb::Mcp(mcp) => mcp.run(&place?),
            Verb::Doctor(doctor) => doctor.run(&place?),
            Verb::Config(config) => config.run(&place?),
            Verb::Migrate(migrate) => migrate.run(&place?),
            Verb::Store(store) => store.run(&place?),
            Verb::Completions(completions) => completions.run(),
            Verb::Openapi => {
                crate::output::lines(&wardroom_server::openapi())?;
                Ok(Exit::Done)
            }
        }
    }
}
