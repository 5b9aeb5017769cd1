//! Which models may be asked: what the lists of role, agent and context, and a person's scopes, all
//! let through.

use crate::Wrong;
use crate::crew::Crew;
use std::collections::BTreeSet;
use wardroom_domain::{ContextId, Principal, ScopeKind, Scopes};
use wardroom_policy::decide::{Allowlist, Layer};

/// The lists around a call for somebody, read anew for every turn.
pub(crate) async fn lists(
    crew: &Crew,
    requester: &Principal,
    agent: &str,
    context: ContextId,
) -> Result<Vec<Allowlist>, Wrong> {
    let policy = crew.policy_now().await?;
    let mut lists = policy.allowlists(requester.role, agent, Some(context), None);
    let scopes = crew.store.scopes(crew.org, requester.user).await?;
    lists.extend(of_scopes(requester, &scopes));
    Ok(lists)
}

fn of_scopes(requester: &Principal, scopes: &Scopes) -> Option<Allowlist> {
    let named = scopes
        .0
        .iter()
        .filter(|scope| scope.kind == ScopeKind::Model);
    let models: BTreeSet<String> = named.map(|scope| scope.name.clone()).collect();
    (!models.is_empty()).then(|| only(&requester.name, models))
}

fn only(name: &str, models: BTreeSet<String>) -> Allowlist {
    Allowlist {
        layer: Layer::Role,
        name: name.to_owned(),
        tools: None,
        models: Some(models),
    }
}

/// Where nobody can say which models are allowed, none is.
pub(crate) fn or_none(lists: Result<Vec<Allowlist>, Wrong>) -> Vec<Allowlist> {
    lists.unwrap_or_else(|wrong| {
        tracing::warn!(%wrong, "the policy cannot be read, so no model is asked");
        vec![only("nobody", BTreeSet::new())]
    })
}
