//! What a person sets for himself. Each change is a version of his own document, so that it can be
//! looked up and taken back; what belongs to the org cannot be set here.

use crate::gateway::Gateway;
use crate::words;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wardroom_coordinator::Wrong;
use wardroom_domain::{AuditKind, Principal, UserId};
use wardroom_store::{PutDocument, Write};

/// A person's own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Whether a message shows how his running tasks get on.
    pub(crate) progress: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { progress: true }
    }
}

fn kind(user: UserId) -> String {
    format!("settings:{user}")
}

async fn stored(gateway: &Gateway, user: UserId) -> Result<(Settings, i64), Wrong> {
    let store = &gateway.crew.store;
    let found = store.document(gateway.org(), &kind(user)).await?;
    Ok(found.map_or((Settings::default(), 0), |found| {
        // What cannot be read counts as not set.
        let settings = serde_json::from_value(found.body).unwrap_or_default();
        (settings, found.version)
    }))
}

/// What a person has set.
pub(crate) async fn settings(gateway: &Gateway, user: UserId) -> Result<Settings, Wrong> {
    Ok(stored(gateway, user).await?.0)
}

/// His settings, and what the org has set for him.
pub(super) async fn show(gateway: &Gateway, by: &Principal) -> Result<String, Wrong> {
    let (settings, version) = stored(gateway, by.user).await?;
    let limits = &gateway.crew.settings;
    Ok(format!(
        "**Yours** (version {version})\nprogress: {} — a message shows how running tasks get on\n\n\
         **The org's** (an admin changes them)\nrole: {}\ntasks at once: {}\nquestions stay open for: {} min\n\n\
         Change yours with /config progress on or off.",
        word(settings.progress),
        by.role,
        limits.executors_per_user,
        limits.approval_ttl.as_secs() / 60,
    ))
}

fn word(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

/// Changes one of them, and says what was and what is.
pub(super) async fn change(
    gateway: &Gateway,
    by: &Principal,
    key: &str,
    value: &str,
) -> Result<String, Wrong> {
    if key != "progress" {
        let text = match key {
            "role" | "model" | "limits" | "policy" | "preset" | "bypass" | "approvals" => {
                format!("`{key}` belongs to the org and is not set here; ask an admin")
            }
            _ => format!(
                "there is no setting `{}`; /config shows those that there are",
                words::line(key)
            ),
        };
        return Err(Wrong::Forbidden(text));
    }
    let progress = match value.to_lowercase().as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Wrong::Unfit("progress is on or off".to_owned())),
    };
    let (before, version) = stored(gateway, by.user).await?;
    let after = Settings { progress };
    let body = json!({"document": kind(by.user), "from": before, "to": after, "via": by.via});
    let writes = vec![
        Write::PutDocument(PutDocument {
            kind: kind(by.user),
            seen_version: version,
            author: by.user.to_string(),
            body: json!(after),
            at: gateway.crew.clock.now(),
        }),
        gateway.audit(AuditKind::UserChanged, by.user, body),
    ];
    gateway.commit(writes).await?;
    Ok(format!(
        "progress: {} → {} (version {})",
        word(before.progress),
        word(after.progress),
        version + 1
    ))
}
