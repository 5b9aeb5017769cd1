//! One method per endpoint, grouped by noun.

use super::{Client, ClientError, EventStream, TIMEOUT_ANSWER};
use crate::approval::{Approval, ApprovalFilter, ApprovalList, Decide};
use crate::artifact::{ArtifactList, File};
use crate::audit::{AuditEventList, AuditFilter};
use crate::diff::{Diff, Undone};
use crate::emergency::{ControlMoved, Emergency, MoveControl};
use crate::grant::GrantList;
use crate::health::{Health, Readiness};
use crate::invite::{ConfirmPairing, CreateInvite, Invite, InviteList, PairingList};
use crate::mcp::{AcceptTool, McpServer, McpServerList};
use crate::message::{MessageList, PostMessage, Reply};
use crate::page::Page;
use crate::policy::{
    ExplainPolicy, ExplainedCall, OwnRules, Policy, PolicyHistory, PutPolicy, RollbackPolicy,
};
use crate::quota::{HeldQuota, OwnQuota};
use crate::secret::{KeyRotated, PutSecret, SecretList};
use crate::session::{CreateSession, Session, SessionList};
use crate::task::{CreateTask, ResolveEffect, Task, TaskEnvelope, TaskFilter, TaskList, TellTask};
use crate::token::{CreateToken, CreatedToken, TokenList};
use crate::usage::{Usage, UsageFilter};
use crate::user::{
    Bypass, CreateUser, Identity, Me, SetBypassMode, Standing, UpdateUser, User, UserList,
};
use crate::workspace::{OpenWorkspace, Workspace, WorkspaceList};
use reqwest::{Method, Url, multipart};
use serde_json::json;
use wardroom_domain::{
    ApprovalId, ConversationId, GrantId, InviteId, PairingId, SessionId, TaskId, TokenId, UserId,
};

/// For requests that ask for nothing in particular.
const NO_QUERY: &[(&str, &str)] = &[];

/// The server itself.
impl Client {
    /// `GET /healthz`
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("healthz", &NO_QUERY).await
    }

    /// `GET /readyz`
    pub async fn readiness(&self) -> Result<Readiness, ClientError> {
        self.get("readyz", &NO_QUERY).await
    }

    /// `GET /v1/me`
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.get("v1/me", &NO_QUERY).await
    }

    /// `GET /v1/usage`
    pub async fn usage(&self, filter: &UsageFilter) -> Result<Usage, ClientError> {
        self.get("v1/usage", filter).await
    }
}

/// Talking to the coordinator.
impl Client {
    /// `POST /v1/messages`; a second call with the same key says nothing twice.
    pub async fn post_message(
        &self,
        message: &PostMessage,
        key: Option<&str>,
    ) -> Result<Reply, ClientError> {
        self.change(Method::POST, "v1/messages", message, key).await
    }

    /// `POST /v1/messages` with the reply as it is written; ends with `done`.
    pub fn stream_message(
        &self,
        message: &PostMessage,
        key: &str,
    ) -> Result<EventStream, ClientError> {
        EventStream::of_message(self.clone(), self.url("v1/messages")?, message, key)
    }

    /// `GET /v1/conversations/{id}/messages`
    pub async fn messages(
        &self,
        conversation: ConversationId,
        page: &Page,
    ) -> Result<MessageList, ClientError> {
        self.get(&format!("v1/conversations/{conversation}/messages"), page)
            .await
    }

    /// `GET /v1/conversations/{id}/events`, from the start or after a known event.
    pub fn conversation_events(
        &self,
        conversation: ConversationId,
        after: Option<i64>,
    ) -> Result<EventStream, ClientError> {
        let url = self.url(&format!("v1/conversations/{conversation}/events"))?;
        Ok(EventStream::of_subject(self.clone(), url, after))
    }

    /// `POST /v1/files`
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Result<File, ClientError> {
        let part = multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = multipart::Form::new().part("file", part);
        let request = self.http.post(self.url("v1/files")?).multipart(form);
        self.read(self.send(request).await?).await
    }
}

/// Tasks.
impl Client {
    /// `POST /v1/tasks`
    pub async fn create_task(
        &self,
        task: &CreateTask,
        key: Option<&str>,
    ) -> Result<Task, ClientError> {
        let made: TaskEnvelope = self.change(Method::POST, "v1/tasks", task, key).await?;
        Ok(made.task)
    }

    /// `GET /v1/tasks/{id}`
    pub async fn task(&self, id: TaskId) -> Result<Task, ClientError> {
        let found: TaskEnvelope = self.get(&format!("v1/tasks/{id}"), &NO_QUERY).await?;
        Ok(found.task)
    }

    /// `GET /v1/tasks`
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<TaskList, ClientError> {
        self.get("v1/tasks", filter).await
    }

    /// `POST /v1/tasks/{id}/cancel`
    pub async fn cancel_task(&self, id: TaskId) -> Result<Task, ClientError> {
        self.move_task(id, "cancel").await
    }

    /// `POST /v1/tasks/{id}/retry`
    pub async fn retry_task(&self, id: TaskId) -> Result<Task, ClientError> {
        self.move_task(id, "retry").await
    }

    async fn move_task(&self, id: TaskId, verb: &str) -> Result<Task, ClientError> {
        let moved: TaskEnvelope = self
            .post(&format!("v1/tasks/{id}/{verb}"), &json!({}))
            .await?;
        Ok(moved.task)
    }

    /// `POST /v1/tasks/{id}/messages`
    pub async fn tell_task(&self, id: TaskId, tell: &TellTask) -> Result<Task, ClientError> {
        let told: TaskEnvelope = self.post(&format!("v1/tasks/{id}/messages"), tell).await?;
        Ok(told.task)
    }

    /// `POST /v1/tasks/{id}/resolve`
    pub async fn resolve_effect(
        &self,
        id: TaskId,
        answer: &ResolveEffect,
    ) -> Result<Task, ClientError> {
        let resolved: TaskEnvelope = self.post(&format!("v1/tasks/{id}/resolve"), answer).await?;
        Ok(resolved.task)
    }

    /// `GET /v1/tasks/{id}/events`, from the start or after a known event; ends with `done`.
    pub fn task_events(&self, id: TaskId, after: Option<i64>) -> Result<EventStream, ClientError> {
        let url = self.url(&format!("v1/tasks/{id}/events"))?;
        Ok(EventStream::of_subject(self.clone(), url, after))
    }

    /// `GET /v1/tasks/{id}/diff`
    pub async fn diff(&self, id: TaskId) -> Result<Diff, ClientError> {
        self.get(&format!("v1/tasks/{id}/diff"), &NO_QUERY).await
    }

    /// `POST /v1/tasks/{id}/undo`
    pub async fn undo(&self, id: TaskId) -> Result<Undone, ClientError> {
        self.post(&format!("v1/tasks/{id}/undo"), &json!({})).await
    }

    /// `GET /v1/tasks/{id}/artifacts`
    pub async fn artifacts(&self, id: TaskId) -> Result<ArtifactList, ClientError> {
        self.get(&format!("v1/tasks/{id}/artifacts"), &NO_QUERY)
            .await
    }

    /// `GET /v1/tasks/{id}/artifacts/{name}`
    pub async fn artifact(&self, id: TaskId, name: &str) -> Result<bytes::Bytes, ClientError> {
        self.bytes(&format!("v1/tasks/{id}/artifacts/{}", segment(name)))
            .await
    }
}

/// Approvals.
impl Client {
    /// `GET /v1/approvals`
    pub async fn approvals(&self, filter: &ApprovalFilter) -> Result<ApprovalList, ClientError> {
        self.get("v1/approvals", filter).await
    }

    /// `POST /v1/approvals/{id}/decision`
    pub async fn decide(&self, id: ApprovalId, decide: &Decide) -> Result<Approval, ClientError> {
        self.post(&format!("v1/approvals/{id}/decision"), decide)
            .await
    }

    /// `GET /v1/grants`
    pub async fn grants(&self) -> Result<GrantList, ClientError> {
        self.get("v1/grants", &NO_QUERY).await
    }

    /// `DELETE /v1/grants/{id}`
    pub async fn revoke_grant(&self, id: GrantId) -> Result<(), ClientError> {
        self.delete(&format!("v1/grants/{id}")).await
    }
}

/// Workspaces.
impl Client {
    /// `GET /v1/workspaces`
    pub async fn workspaces(&self) -> Result<WorkspaceList, ClientError> {
        self.get("v1/workspaces", &NO_QUERY).await
    }

    /// `POST /v1/workspaces`, over the Unix socket only.
    pub async fn open_workspace(&self, open: &OpenWorkspace) -> Result<Workspace, ClientError> {
        self.post("v1/workspaces", open).await
    }
}

/// People and how they come in.
impl Client {
    /// `GET /v1/users`
    pub async fn users(&self, page: &Page) -> Result<UserList, ClientError> {
        self.get("v1/users", page).await
    }

    /// `POST /v1/users`
    pub async fn create_user(&self, user: &CreateUser) -> Result<User, ClientError> {
        self.post("v1/users", user).await
    }

    /// `PATCH /v1/users/{id}`
    pub async fn update_user(&self, id: UserId, update: &UpdateUser) -> Result<User, ClientError> {
        self.change(Method::PATCH, &format!("v1/users/{id}"), update, None)
            .await
    }

    /// `POST /v1/users/{id}/bypass-mode`
    pub async fn set_bypass(&self, id: UserId, set: &SetBypassMode) -> Result<Bypass, ClientError> {
        self.post(&format!("v1/users/{id}/bypass-mode"), set).await
    }

    /// `GET /v1/users/{id}/quota`
    pub async fn quota(&self, id: UserId) -> Result<HeldQuota, ClientError> {
        self.get(&format!("v1/users/{id}/quota"), &NO_QUERY).await
    }

    /// `PUT /v1/users/{id}/quota`
    pub async fn set_quota(&self, id: UserId, own: &OwnQuota) -> Result<HeldQuota, ClientError> {
        self.change(Method::PUT, &format!("v1/users/{id}/quota"), own, None)
            .await
    }

    /// `GET /v1/tokens`
    pub async fn tokens(&self, page: &Page) -> Result<TokenList, ClientError> {
        self.get("v1/tokens", page).await
    }

    /// `POST /v1/tokens`
    pub async fn create_token(&self, token: &CreateToken) -> Result<CreatedToken, ClientError> {
        self.post("v1/tokens", token).await
    }

    /// `DELETE /v1/tokens/{id}`
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), ClientError> {
        self.delete(&format!("v1/tokens/{id}")).await
    }

    /// `POST /v1/sessions`
    pub async fn create_session(&self, create: &CreateSession) -> Result<Session, ClientError> {
        self.post("v1/sessions", create).await
    }

    /// `GET /v1/sessions`
    pub async fn sessions(&self) -> Result<SessionList, ClientError> {
        self.get("v1/sessions", &NO_QUERY).await
    }

    /// `DELETE /v1/sessions/{id}`
    pub async fn end_session(&self, id: SessionId) -> Result<(), ClientError> {
        self.delete(&format!("v1/sessions/{id}")).await
    }

    /// `GET /v1/users/{id}/standing`
    pub async fn standing(&self, id: UserId) -> Result<Standing, ClientError> {
        self.get(&format!("v1/users/{id}/standing"), &NO_QUERY)
            .await
    }

    /// `DELETE /v1/identities/{connector}/{external_id}`
    pub async fn unlink_identity(
        &self,
        connector: &str,
        external_id: &str,
    ) -> Result<(), ClientError> {
        let path = format!("{}/{}", segment(connector), segment(external_id));
        self.delete(&format!("v1/identities/{path}")).await
    }

    /// `POST /v1/invites`
    pub async fn create_invite(&self, invite: &CreateInvite) -> Result<Invite, ClientError> {
        self.post("v1/invites", invite).await
    }

    /// `GET /v1/invites`
    pub async fn invites(&self) -> Result<InviteList, ClientError> {
        self.get("v1/invites", &NO_QUERY).await
    }

    /// `DELETE /v1/invites/{id}`
    pub async fn revoke_invite(&self, id: InviteId) -> Result<(), ClientError> {
        self.delete(&format!("v1/invites/{id}")).await
    }

    /// `GET /v1/pairings`
    pub async fn pairings(&self) -> Result<PairingList, ClientError> {
        self.get("v1/pairings", &NO_QUERY).await
    }

    /// `POST /v1/pairings/confirm`
    pub async fn confirm_pairing(&self, confirm: &ConfirmPairing) -> Result<Identity, ClientError> {
        self.post("v1/pairings/confirm", confirm).await
    }

    /// `DELETE /v1/pairings/{id}`
    pub async fn refuse_pairing(&self, id: PairingId) -> Result<(), ClientError> {
        self.delete(&format!("v1/pairings/{id}")).await
    }
}

/// Secrets.
impl Client {
    /// `GET /v1/secrets`
    pub async fn secrets(&self) -> Result<SecretList, ClientError> {
        self.get("v1/secrets", &NO_QUERY).await
    }

    /// `PUT /v1/secrets/{name}`
    pub async fn put_secret(&self, name: &str, put: &PutSecret) -> Result<(), ClientError> {
        let url = self.url(&format!("v1/secrets/{}", segment(name)))?;
        let request = self.http.put(url).json(put).timeout(TIMEOUT_ANSWER);
        self.send(request).await.map(drop)
    }

    /// `POST /v1/secret-key/rotate`
    pub async fn rotate_key(&self) -> Result<KeyRotated, ClientError> {
        self.post("v1/secret-key/rotate", &serde_json::json!({}))
            .await
    }

    /// `DELETE /v1/secrets/{name}`
    pub async fn remove_secret(&self, name: &str) -> Result<(), ClientError> {
        self.delete(&format!("v1/secrets/{}", segment(name))).await
    }
}

/// Governing.
impl Client {
    /// `GET /v1/audit-events`
    pub async fn audit_events(&self, filter: &AuditFilter) -> Result<AuditEventList, ClientError> {
        self.get("v1/audit-events", filter).await
    }

    /// `GET /v1/mcp`
    pub async fn mcp_servers(&self) -> Result<McpServerList, ClientError> {
        self.get("v1/mcp", &NO_QUERY).await
    }

    /// `POST /v1/mcp/{name}/accept`
    pub async fn accept_tool(
        &self,
        server: &str,
        accept: &AcceptTool,
    ) -> Result<McpServer, ClientError> {
        let path = format!("v1/mcp/{}/accept", segment(server));
        self.post(&path, accept).await
    }

    /// `GET /v1/policy`
    pub async fn policy(&self) -> Result<Policy, ClientError> {
        self.get("v1/policy", &NO_QUERY).await
    }

    /// `PUT /v1/policy`
    pub async fn put_policy(&self, put: &PutPolicy) -> Result<Policy, ClientError> {
        self.change(Method::PUT, "v1/policy", put, None).await
    }

    /// `GET /v1/policy/history`
    pub async fn policy_history(&self) -> Result<PolicyHistory, ClientError> {
        self.get("v1/policy/history", &NO_QUERY).await
    }

    /// `POST /v1/policy/rollback`
    pub async fn roll_back_policy(&self, back: &RollbackPolicy) -> Result<Policy, ClientError> {
        self.post("v1/policy/rollback", back).await
    }

    /// `POST /v1/policy/explain`
    pub async fn explain_policy(
        &self,
        asked: &ExplainPolicy,
    ) -> Result<ExplainedCall, ClientError> {
        self.post("v1/policy/explain", asked).await
    }

    /// `PUT /v1/users/{id}/policy`
    pub async fn put_own_rules(&self, user: UserId, own: &OwnRules) -> Result<(), ClientError> {
        let url = self.url(&format!("v1/users/{user}/policy"))?;
        let request = self.http.put(url).json(own).timeout(TIMEOUT_ANSWER);
        self.send(request).await.map(drop)
    }

    /// `GET /v1/emergency`
    pub async fn emergency(&self) -> Result<Emergency, ClientError> {
        self.get("v1/emergency", &NO_QUERY).await
    }

    /// `POST /v1/emergency`
    pub async fn move_control(&self, control: &MoveControl) -> Result<ControlMoved, ClientError> {
        self.post("v1/emergency", control).await
    }
}

/// A name as one segment of a path: a slash in it stays part of the name.
fn segment(name: &str) -> String {
    let Ok(mut url) = Url::parse("http://localhost/") else {
        return String::new();
    };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop().push(name);
    }
    url.path().trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(super::segment("a b/c?.md"), "a%20b%2Fc%3F.md");
    }
}
