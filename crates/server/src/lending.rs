//! Secrets for tasks: lent under the lease of the worker that holds the task, on the record before
//! the value leaves, and never one that the server itself lives on.

use crate::config::{Config, KeyReference};
use crate::vault::Vault;
use secrecy::SecretString;
use std::collections::BTreeSet;
use wardroom_coordinator::Clock;
use wardroom_domain::{Borrower, Lending, NoSecret, OrgId, SecretSource};
use wardroom_store::{CommitError, Conflict, HoldTask, SecretName, Store, Touch};

/// The secrets of the store, as tasks may use them.
pub(crate) struct Lender {
    vault: Vault,
    store: Store,
    org: OrgId,
    clock: Clock,
    /// The names that the configuration refers to: keys of models, tokens of connectors.
    reserved: BTreeSet<String>,
}

impl Lender {
    pub(crate) fn new(
        config: &Config,
        vault: Vault,
        store: Store,
        org: OrgId,
        clock: Clock,
    ) -> Self {
        Self {
            vault,
            store,
            org,
            clock,
            reserved: reserved(config),
        }
    }

    /// A name that may be lent, if there is a secret of it.
    async fn named(&self, name: &str) -> Result<SecretName, NoSecret> {
        if self.reserved.contains(name) {
            return Err(NoSecret::Reserved(name.to_owned()));
        }
        let unknown = || NoSecret::Unknown(name.chars().take(64).collect());
        let parsed = SecretName::parse(name).map_err(|_| unknown())?;
        let rows = self.store.secret_names(self.org).await;
        let rows = rows.map_err(|error| unavailable(name, &error))?;
        match rows.iter().any(|row| row.name == name) {
            true => Ok(parsed),
            false => Err(unknown()),
        }
    }

    async fn open(&self, name: &str, borrower: &Borrower) -> Result<SecretString, NoSecret> {
        let parsed = self.named(name).await?;
        let (effect, tool) = (borrower.effect, &borrower.tool);
        let purpose = format!("lent to {effect} ({tool}) for {}", borrower.audience);
        let touch = Touch {
            actor: borrower.task.to_string(),
            via: None,
            at: self.clock.now(),
        };
        let hold = HoldTask {
            task: borrower.task,
            fence: borrower.fence,
        };
        let opened = self
            .vault
            .lend(&self.store, self.org, &parsed, &purpose, touch, hold);
        match opened.await {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(NoSecret::Unknown(name.to_owned())),
            Err(CommitError::Refused(Conflict::Fenced { .. })) => Err(NoSecret::Stale),
            Err(error) => Err(unavailable(name, &error)),
        }
    }
}

impl SecretSource for Lender {
    fn check<'a>(&'a self, name: &'a str) -> Lending<'a, ()> {
        Box::pin(async move { self.named(name).await.map(drop) })
    }

    fn lend<'a>(&'a self, name: &'a str, borrower: &'a Borrower) -> Lending<'a, SecretString> {
        Box::pin(self.open(name, borrower))
    }
}

fn unavailable(name: &str, error: &dyn std::error::Error) -> NoSecret {
    NoSecret::Unavailable {
        name: name.to_owned(),
        reason: error.to_string(),
    }
}

/// What the server itself lives on.
fn reserved(config: &Config) -> BTreeSet<String> {
    let models = config
        .models
        .values()
        .filter_map(|model| model.api_key.as_ref());
    let headers = config
        .mcp
        .values()
        .flat_map(|server| server.headers.values());
    let telegram = config.connectors.telegram.values();
    let tokens = telegram.flat_map(|bot| std::iter::once(&bot.token).chain(&bot.webhook_secret));
    let all = models.chain(headers).chain(tokens);
    all.filter_map(|key| match key {
        KeyReference::Secret(name) => Some(name.clone()),
        KeyReference::Env(_) => None,
    })
    .collect()
}
