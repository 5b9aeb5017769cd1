//! OpenAPI schemas of the domain's ids, words, times and digests.
//!
//! The domain knows no OpenAPI, so each of its scalar types has a marker here of the same name,
//! used as `#[schema(value_type = schema::TaskId)]`. The words come from the domain's own tables:
//! a new variant appears in the document by itself.

use crate::{approval, diff, sandbox, task};
use std::borrow::Cow;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use wardroom_domain as domain;

/// A ULID in Crockford's base 32.
const ULID_PATTERN: &str = "[0-7][0-9A-HJKMNP-TV-Z]{25}";

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

macro_rules! id_schemas {
    ($($name:ident)*) => {$(
        /// The id of the domain with the same name.
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let prefix = wardroom_domain::$name::PREFIX;
                text().pattern(Some(format!("^{prefix}_{ULID_PATTERN}$"))).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

macro_rules! word_schemas {
    ($($name:ident from $owner:path: $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = <$owner>::ALL.iter().map(|word| word.as_str());
                text().enum_values(Some(words)).description(Some($doc)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

id_schemas! {
    OrgId UserId TokenId SessionId WorkspaceId ContextId ConversationId MessageId TaskId EffectId
    ApprovalId FileId InviteId PairingId GrantId
}

word_schemas! {
    TaskStatus from domain::TaskStatus: "Where a task stands.";
    TaskType from domain::TaskType: "What kind of work it is.";
    EffectState from domain::EffectState: "Where an effect stands.";
    RiskTier from domain::RiskTier: "The risk of one concrete action, mildest first.";
    ApprovalDecision from domain::ApprovalDecision: "How a question ended.";
    PolicySource from domain::PolicySource: "Which layer of policy made a decision.";
    Question from domain::Question: "What a question is about.";
    Integrity from domain::Integrity: "Where a value came from, most trusted first.";
    Role from domain::Role: "What a person may do at most, least first.";
    UserStatus from domain::UserStatus: "Whether a person may act at all.";
    Origin from domain::Origin: "The door through which a task was asked for.";
    Speaker from domain::Speaker: "Who speaks.";
    WorkspaceKind from domain::WorkspaceKind: "Who made the folder.";
    AuditKind from domain::AuditKind: "What happened.";
    DoubtAnswer from task::DoubtAnswer: "What a person found out about an effect in doubt.";
    ChangeKind from diff::ChangeKind: "What became of one path.";
    Verdict from approval::Verdict: "What a person may say to a question.";
    Remember from approval::Remember: "For how long a yes counts.";
    Enforced from sandbox::Enforced: "Who holds a border of the sandbox.";
    ScopeKind from domain::ScopeKind: "What a role can be narrowed to.";
    BypassMode from domain::BypassMode: "Whether a person's mutating actions go unasked.";
}

/// A moment as RFC 3339.
#[derive(Debug)]
pub enum Timestamp {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Timestamp {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Timestamp")
    }
}

/// A SHA-256 digest.
#[derive(Debug)]
pub enum Digest {}

impl PartialSchema for Digest {
    fn schema() -> RefOr<Schema> {
        text().pattern(Some("^sha256:[0-9a-f]{64}$")).into()
    }
}

impl ToSchema for Digest {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Digest")
    }
}

#[cfg(test)]
mod tests {
    use crate::task::{CreateTask, Task};
    use serde_json::json;
    use utoipa::{PartialSchema, ToSchema};

    #[test]
    fn words_ids_and_strictness_reach_the_document() {
        let mut schemas = Vec::new();
        Task::schemas(&mut schemas);
        let named = |name: &str| {
            let (_, schema) = schemas.iter().find(|(n, _)| n == name).unwrap();
            serde_json::to_value(schema).unwrap()
        };
        assert_eq!(named("TaskStatus")["enum"].as_array().unwrap().len(), 7);
        assert_eq!(
            named("TaskId")["pattern"],
            "^task_[0-7][0-9A-HJKMNP-TV-Z]{25}$"
        );
        let create = serde_json::to_value(CreateTask::schema()).unwrap();
        assert_eq!(create["additionalProperties"], json!(false));
        assert_eq!(create["required"], json!(["text"]));
    }
}
