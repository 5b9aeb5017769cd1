//! `wardroom chat`: talking with the coordinator.

use super::task::open_workspace;
use crate::chat::{Decider, Session};
use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::place::Place;
use crate::terminal::{Input, style, visible};
use clap::Args;
use std::path::PathBuf;
use wardroom_api::client::Client;
use wardroom_api::problem::Code;
use wardroom_domain::WorkspaceId;

/// Talk with the coordinator
///
/// The crew works on a copy-on-write view of the folder and asks once, with a diff, before it
/// changes anything.
#[derive(Debug, Args)]
pub struct Chat {
    /// Say this, wait for what comes of it, and leave
    text: Option<String>,
    /// The folder to work on [default: the current one]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

impl Chat {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let client = place.client()?;
        block_on(async {
            let me = client.me().await?;
            let workspace = self.workspace(place, &client).await?;
            match &self.text {
                Some(text) => {
                    let decider = Decider::at_terminal()?;
                    let mut session = Session::new(client, workspace, decider, place.json);
                    session.once(text, place.json).await
                }
                None => {
                    let input = Input::start(Some(place.data_dir.join("chat_history")))?;
                    let mut session =
                        Session::new(client, workspace, Decider::Person(input), false);
                    greet(&mut session, &me.user.name, me.user.role.as_str());
                    session.talk().await
                }
            }
        })
    }

    /// The folder that the crew works on; none for the private workspace.
    async fn workspace(
        &self,
        place: &Place,
        client: &Client,
    ) -> Result<Option<WorkspaceId>, Failure> {
        if let Some(dir) = &self.workspace {
            return open_workspace(client, dir).await.map(Some);
        }
        if place.is_remote() {
            tell("The crew works in your private workspace.");
            return Ok(None);
        }
        let here = std::env::current_dir().map_err(|error| {
            Failure::caused(
                "the current folder cannot be read",
                &error,
                "Name one with --workspace DIR.",
            )
        })?;
        match client
            .open_workspace(&wardroom_api::workspace::OpenWorkspace {
                path: here.to_string_lossy().into_owned(),
            })
            .await
        {
            Ok(workspace) => {
                tell(&format!("The crew works on a view of {}.", workspace.path));
                Ok(Some(workspace.id))
            }
            Err(error) if error.code() == Some(Code::WorkspaceRefused) => {
                tell(&format!(
                    "{error} The crew works in your private workspace instead."
                ));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn tell(text: &str) {
    let faint = style::FAINT;
    anstream::eprintln!("{faint}{}{faint:#}", visible(text));
}

fn greet(session: &mut Session, name: &str, role: &str) {
    let faint = style::FAINT;
    let version = env!("CARGO_PKG_VERSION");
    session.watch.screen.say(&format!(
        "{faint}Wardroom {version}. You are {} ({role}). /help lists commands, Ctrl-D leaves.{faint:#}",
        visible(name)
    ));
}
