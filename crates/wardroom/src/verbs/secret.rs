//! `wardroom secret`: values that people set and nobody reads back. Through the server where one
//! runs, else in its store.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::office::Office;
use crate::output::{columns, print};
use crate::place::Place;
use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};
use std::io::{IsTerminal, Read};
use wardroom_api::client::Client;
use wardroom_api::secret::{PutSecret, Secret as Shown, SecretList};
use wardroom_domain::limits::SECRET_BYTES_MAX;
use wardroom_server::Vault;
use wardroom_store::{RemoveSecret, SecretName, SecretRow, UnfitSecret, fit_value};

/// Store keys and passwords, sealed; nobody reads them back
#[derive(Debug, Subcommand)]
pub enum Secret {
    /// Set a secret, or give it a new value, from stdin
    Set {
        /// What `secret:NAME` in the configuration says
        #[arg(value_parser = SecretName::parse)]
        name: SecretName,
    },
    /// List secrets, without their values
    List,
    /// Make a new master key and seal every secret under it
    RotateKey,
    /// Remove a secret
    Remove {
        #[arg(value_parser = SecretName::parse)]
        name: SecretName,
    },
}

impl Secret {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        block_on(async {
            match self {
                Self::Set { name } => {
                    let value = read_value()?;
                    Secrets::of(place).await?.set(&name, &value).await?;
                    anstream::eprintln!(
                        "`{name}` is stored. Models show it from their next call on, connectors and foreign servers from the next start."
                    );
                }
                Self::List => print(place.json, &Secrets::of(place).await?.all().await?, table)?,
                Self::RotateKey => {
                    let count = Secrets::of(place).await?.rotate().await?;
                    anstream::eprintln!(
                        "The master key is a new one, and {count} secrets are sealed under it. \
                         Backups from before need the old one."
                    );
                }
                Self::Remove { name } => {
                    Secrets::of(place).await?.remove(&name).await?;
                    anstream::eprintln!("`{name}` is removed.");
                }
            }
            Ok(Exit::Done)
        })
    }
}

/// Where secrets are looked after.
enum Secrets {
    /// By the server.
    Server(Client),
    /// In the store, without one.
    Store(Box<Office>, Vault),
}

impl Secrets {
    async fn of(place: &Place) -> Result<Self, Failure> {
        if place.has_server() {
            return Ok(Self::Server(place.client()?));
        }
        let vault = Vault::find(&place.config()?, |name| std::env::var(name).ok());
        Ok(Self::Store(Box::new(Office::open(place).await?), vault))
    }

    async fn set(&self, name: &SecretName, value: &SecretString) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let value = value.expose_secret().to_owned();
                Ok(client
                    .put_secret(name.as_str(), &PutSecret { value })
                    .await?)
            }
            Self::Store(office, vault) => {
                let touch = office.touch();
                let sealed = vault
                    .seal(&office.store, office.org, name, value, touch)
                    .await?;
                office.write(vec![sealed.into()]).await
            }
        }
    }

    async fn all(&self) -> Result<SecretList, Failure> {
        match self {
            Self::Server(client) => Ok(client.secrets().await?),
            Self::Store(office, _) => {
                let rows = office.store.secret_names(office.org).await?;
                let secrets = rows.into_iter().map(shown).collect();
                Ok(SecretList { secrets })
            }
        }
    }

    async fn rotate(&self) -> Result<u64, Failure> {
        match self {
            Self::Server(client) => Ok(client.rotate_key().await?.secrets),
            Self::Store(office, vault) => {
                let touch = office.touch();
                let rotated = vault.rotate(&office.store, office.org, touch);
                Ok(rotated.await? as u64)
            }
        }
    }

    async fn remove(&self, name: &SecretName) -> Result<(), Failure> {
        match self {
            Self::Server(client) => Ok(client.remove_secret(name.as_str()).await?),
            Self::Store(office, _) => {
                let (name, touch) = (name.clone(), office.touch());
                office
                    .write(vec![RemoveSecret { name, touch }.into()])
                    .await
            }
        }
    }
}

fn shown(row: SecretRow) -> Shown {
    Shown {
        name: row.name,
        version: row.version,
        created_at: row.created_at,
        created_by: row.created_by,
    }
}

fn table(list: &SecretList) -> String {
    let rows: Vec<_> = list
        .secrets
        .iter()
        .map(|secret| {
            vec![
                secret.name.clone(),
                secret.version.to_string(),
                secret.created_at.to_string(),
                secret.created_by.clone(),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => "No secrets. `wardroom secret set NAME` stores one, from stdin.".to_owned(),
        false => columns(&["NAME", "VERSION", "SET", "BY"], &rows),
    }
}

/// The value: all of stdin but the end of its last line, so that it stands in no command line.
fn read_value() -> Result<SecretString, Failure> {
    if std::io::stdin().is_terminal() {
        anstream::eprintln!("Type the value, it will show, and end with Ctrl-D:");
    }
    let mut text = String::new();
    // Enough to see that it is too long.
    let most = SECRET_BYTES_MAX as u64 + 3;
    let read = std::io::stdin().take(most).read_to_string(&mut text);
    read.map_err(|error| {
        Failure::caused(
            "the value cannot be read from stdin",
            &error,
            "Pipe it in as text.",
        )
    })?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    Ok(fit_value(value.to_owned())?)
}

impl From<UnfitSecret> for Failure {
    fn from(unfit: UnfitSecret) -> Self {
        Failure::new(
            unfit.to_string(),
            "Pipe the value in: `wardroom secret set NAME <FILE`.",
        )
    }
}
