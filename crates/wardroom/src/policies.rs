//! The org's policy: through the server where one runs, else in its store.

use crate::failure::Failure;
use crate::office::{Office, open_to_read};
use crate::place::Place;
use serde_json::Value;
use wardroom_api::client::Client;
use wardroom_api::policy::{
    ExplainPolicy, ExplainedCall, OwnRules, PolicyVersion, PutPolicy, RollbackPolicy,
};
use wardroom_domain::{OrgId, Principal, Role, UserId};
use wardroom_policy::decide::{self, Fault, Policy as Rules, PolicyDocument};
use wardroom_server::config::ORG_NAME;
use wardroom_server::rulebook::{Change, Rulebook};
use wardroom_server::telling;

/// Where the policy is looked after.
pub enum Policies {
    /// By the server.
    Server(Client),
    /// In the store, without one.
    Store(Box<Office>, Box<Rules>),
}

/// What somebody has written into a file.
pub enum Written {
    /// A whole document, in TOML.
    Document(String),
    /// Rules alone, in Cedar.
    Rules(String),
}

impl Written {
    fn read(self) -> Result<Change, Failure> {
        let (document, text) = match self {
            Self::Document(text) => {
                let document = PolicyDocument::parse(&text).map_err(|fault| unfit(&fault))?;
                (document, Some(text))
            }
            Self::Rules(rules) => (PolicyDocument::of_rules(rules), None),
        };
        Ok(Change::Put(Box::new(document), text))
    }
}

/// A change that is in force.
pub struct Changed {
    pub version: i64,
    pub warnings: Vec<String>,
}

impl Policies {
    /// Finds out which of the two, to change it.
    pub async fn of(place: &Place) -> Result<Self, Failure> {
        if place.has_server() {
            return Ok(Self::Server(place.client()?));
        }
        let rules = Box::new(place.config()?.policy());
        Ok(Self::Store(Box::new(Office::open(place).await?), rules))
    }

    /// Puts a document in force; what it leaves out stays.
    pub async fn set(&self, written: Written) -> Result<Changed, Failure> {
        let Self::Server(client) = self else {
            return self.change(written.read()?).await;
        };
        let put = match written {
            Written::Document(text) => PutPolicy {
                text: Some(text),
                ..PutPolicy::default()
            },
            Written::Rules(rules) => PutPolicy {
                rules: Some(rules),
                ..PutPolicy::default()
            },
        };
        let policy = client.put_policy(&put).await?;
        Ok(Changed {
            version: policy.version,
            warnings: policy.warnings,
        })
    }

    /// Makes an old version the newest.
    pub async fn roll_back(&self, version: i64) -> Result<Changed, Failure> {
        match self {
            Self::Server(client) => {
                let policy = client.roll_back_policy(&RollbackPolicy { version }).await?;
                Ok(Changed {
                    version: policy.version,
                    warnings: policy.warnings,
                })
            }
            Self::Store(..) => self.change(Change::Rollback(version)).await,
        }
    }

    /// Puts a person's own rules in force.
    pub async fn set_own(&self, user: UserId, rules: String) -> Result<(), Failure> {
        match self {
            Self::Server(client) => Ok(client.put_own_rules(user, &OwnRules { rules }).await?),
            Self::Store(..) => self.change(Change::Own(user, rules)).await.map(drop),
        }
    }

    /// The versions, newest first.
    pub async fn history(&self) -> Result<Vec<PolicyVersion>, Failure> {
        match self {
            Self::Server(client) => Ok(client.policy_history().await?.versions),
            Self::Store(office, _) => {
                let versions = Rulebook::history(&office.store, office.org).await?;
                Ok(versions.into_iter().map(telling::version).collect())
            }
        }
    }

    async fn change(&self, change: Change) -> Result<Changed, Failure> {
        let Self::Store(office, rules) = self else {
            return Err(Failure::new(
                "a server runs here, so it makes the change",
                "",
            ));
        };
        let author = office.author();
        let book = Rulebook::new((**rules).clone());
        let prepared = book
            .prepare(&office.store, office.org, change, author)
            .await?;
        office.write(prepared.writes).await?;
        Ok(Changed {
            version: prepared.version,
            warnings: prepared.warnings,
        })
    }
}

/// The policy in force as a table.
pub async fn table(place: &Place) -> Result<String, Failure> {
    if place.has_server() {
        return Ok(place.client()?.policy().await?.table);
    }
    Ok(decide::table(&in_store(place).await?))
}

/// What would become of a call.
pub async fn explain(
    place: &Place,
    asked: ExplainPolicy,
    role: Role,
) -> Result<ExplainedCall, Failure> {
    if place.has_server() {
        return Ok(place.client()?.explain_policy(&asked).await?);
    }
    let policy = in_store(place).await?;
    let requester = Principal {
        user: asked.user.unwrap_or_else(nobody),
        ..somebody(role)
    };
    Ok(telling::explained(&policy, &requester, asked))
}

/// The rules of the store without a server; those of the configuration where there is no store.
async fn in_store(place: &Place) -> Result<Rules, Failure> {
    let config = place.config()?;
    let base = config.policy();
    if config.store_file().is_some_and(|file| !file.exists()) {
        return Ok(base);
    }
    let store = open_to_read(&config)?;
    let Some(org) = store.org_named(ORG_NAME).await? else {
        return Ok(base);
    };
    Ok(Rulebook::new(base).read(&store, org).await?.policy)
}

/// Somebody of a role, for questions that are about no particular person.
pub fn somebody(role: Role) -> Principal {
    Principal {
        org: OrgId::mint(wardroom_domain::Timestamp::default(), 0),
        user: nobody(),
        name: role.to_string(),
        role,
        via: "policy".to_owned(),
    }
}

fn nobody() -> UserId {
    UserId::mint(wardroom_domain::Timestamp::default(), 0)
}

fn unfit(fault: &Fault) -> Failure {
    Failure::new(
        format!("{fault}; the policy in force stays"),
        "See docs/security/policy.md for what a document may say.",
    )
}

/// Arguments as a JSON object.
pub fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}
