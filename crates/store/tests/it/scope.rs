//! Two orgs in one store: every read of the second sees nothing of the first, by any id.

use crate::world::*;
use serde_json::json;
use std::path::Path;
use wardroom_domain::*;
use wardroom_store::*;

/// Everything that the first org has, of each noun one.
struct Everything {
    conversation: ConversationId,
    message: MessageId,
    row: TaskRow,
    question: Approval,
    hash: Digest,
    file: FileId,
}

fn grant(user: UserId, workspace: WorkspaceId, digest: Digest) -> Grant {
    Grant {
        id: GrantId::mint(at(0), fresh()),
        workspace,
        requester: Some(user),
        kind: ActionKind {
            digest,
            text: "apply".into(),
        },
        tier: RiskTier::L1Mutating,
        granted_by: user,
        granted_at: at(1),
        expires_at: None,
        revoked_at: None,
    }
}

fn guest() -> Identity {
    Identity {
        connector: "telegram".into(),
        external_id: "1".into(),
    }
}

async fn fill(world: &World) -> Everything {
    let conversation = world.conversation("main").await;
    let row = world.running().await;
    let (task, alice, hash) = (row.task.id, world.alice, Digest::of_bytes(b"secret"));
    let question = world.question(task);
    let message = world.message(conversation, "hi");
    let inbound = Inbound {
        connector: "web".into(),
        external_id: "1".into(),
        text: "hi".into(),
        files: vec![],
    };
    let call = ToolCall {
        id: "a".into(),
        tool: "shell".into(),
        arguments: json!({}),
    };
    let effect = Effect {
        id: question.effect,
        task,
        digest: call.digest(),
        call,
        tier: RiskTier::L0Readonly,
        class: RetryClass::View,
    };
    let file = FileId::mint(at(0), fresh());
    let (bytes, media_type, object) = (1, "text/plain".to_owned(), "sha256/aa".to_owned());
    let everything = Everything {
        conversation,
        message: message.id,
        question: question.clone(),
        row,
        hash,
        file,
    };
    let writes: Vec<Write> = vec![
        NewToken {
            id: TokenId::mint(at(0), fresh()),
            user: alice,
            name: "t".into(),
            hash,
            created_at: at(1),
        }
        .into(),
        NewLink {
            hash,
            user: alice,
            expires_at: at(60),
        }
        .into(),
        NewSession {
            id: SessionId::mint(at(0), fresh()),
            user: alice,
            hash,
            label: "x".into(),
            created_at: at(1),
            expires_at: at(60),
        }
        .into(),
        SetPassword {
            user: alice,
            hash: "$".into(),
        }
        .into(),
        LinkedIdentity {
            identity: guest(),
            user: alice,
            display: "A".into(),
            linked_at: at(1),
            linked_by: "x".into(),
        }
        .into(),
        NewInvite {
            id: InviteId::mint(at(0), fresh()),
            hash,
            role: Role::Member,
            made_by: alice,
            created_at: at(1),
            expires_at: at(60),
        }
        .into(),
        NewPairing {
            id: PairingId::mint(at(0), fresh()),
            hash,
            identity: guest(),
            display: "A".into(),
            created_at: at(1),
            expires_at: at(60),
        }
        .into(),
        GiveGrant {
            grant: grant(alice, world.workspace, hash),
            approval: question.id,
        }
        .into(),
        Admit {
            inbound,
            conversation,
            user: alice,
            at: at(1),
        }
        .into(),
        message.into(),
        Feed {
            stream: task.to_string(),
            event: "status".into(),
            at: at(1),
            data: json!({}),
        }
        .into(),
        Journal {
            task,
            fence: 1,
            kind: "turn".into(),
            body: json!({}),
        }
        .into(),
        PutEffect {
            effect: effect.clone(),
            step: 1,
            fence: 1,
            at: at(1),
        }
        .into(),
        Signal {
            task,
            dedup_key: "a".into(),
            kind: "told".into(),
            body: json!({}),
            at: at(1),
        }
        .into(),
        question.into(),
        Applied {
            task,
            effect: effect.id,
            workspace: world.workspace,
            snapshot: "s".into(),
            changes: json!([]),
            summary: "s".into(),
            at: at(1),
        }
        .into(),
        Artifact {
            task,
            name: "a".into(),
            bytes,
            media_type: media_type.clone(),
            sha256: hash,
            object: object.clone(),
            at: at(1),
        }
        .into(),
        StoredFile {
            id: file,
            owner: alice,
            name: "a".into(),
            bytes,
            media_type,
            sha256: hash,
            object,
            at: at(1),
        }
        .into(),
        Usage {
            user: alice,
            task: Some(task),
            conversation: None,
            model: "m".into(),
            role: "r".into(),
            task_type: None,
            input_tokens: 1,
            output_tokens: 1,
            cached_tokens: 0,
            cost_micros: 1,
            at: at(1),
        }
        .into(),
        Outbox {
            id: OutboxId::mint(at(0), fresh()),
            dedup_key: "a".into(),
            destination: "web".into(),
            body: json!({}),
            at: at(1),
        }
        .into(),
        Remember {
            user: alice,
            key: "k".into(),
            answer: Remembered {
                request: hash,
                status: 200,
                body: "{}".into(),
                at: at(1),
            },
        }
        .into(),
        Arrived {
            connector: "telegram:main".into(),
            external_id: "1".into(),
            place: "telegram:main/1".into(),
            body: json!({}),
            at: at(1),
        }
        .into(),
        Feed {
            stream: conversation.to_string(),
            event: "message".into(),
            at: at(1),
            data: json!({}),
        }
        .into(),
        Bind {
            conversation,
            user: alice,
            place: "telegram:main/1".into(),
            is_private: true,
            at: at(1),
        }
        .into(),
        SetHub {
            connector: "telegram:main".into(),
            place: Some("telegram:main/-5".into()),
            by: alice,
            at: at(1),
        }
        .into(),
        NewButton {
            hash,
            place: "telegram:main/1".into(),
            deed: "stop".into(),
            subject: task.to_string(),
            person: None,
            expires_at: at(60),
        }
        .into(),
        PutDocument {
            kind: "policy".into(),
            seen_version: 0,
            author: "alice".into(),
            body: json!({}),
            at: at(1),
        }
        .into(),
        event(Chain::Task(task), AuditKind::TaskCreated).into(),
        world.new_task().into(),
    ];
    world.commit(writes).await.unwrap();
    for _ in 0..limits::CODE_ATTEMPTS_MAX {
        let guess = FailedAttempt {
            subject: "guesser".into(),
            at: at(1),
        };
        world.commit(vec![guess.into()]).await.unwrap();
    }
    everything
}

/// How many things an org finds through every read there is, asked with the first org's ids.
async fn found_by(world: &World, org: OrgId, all: &Everything) -> Vec<(&'static str, usize)> {
    let store = &world.store;
    let (task, alice, first) = (all.row.task.id, world.alice, Page::first());
    macro_rules! count {
        ($($read:ident($($argument:expr),*) $how:ident;)*) => {
            vec![$((stringify!($read), count!(@$how store.$read(org, $($argument),*).await.unwrap()))),*]
        };
        (@one $found:expr) => { usize::from($found.is_some()) };
        (@many $found:expr) => { $found.len() };
        (@page $found:expr) => { $found.items.len() };
        (@number $found:expr) => { usize::try_from($found).unwrap() };
    }
    count! {
        user(alice) one;
        user_named("alice") one;
        users() many;
        password(alice) one;
        token_owner(all.hash) one;
        session_owner(all.hash, at(2)) one;
        link(all.hash) one;
        tokens(None) many;
        identity(&guest()) one;
        identities(None) many;
        invites() many;
        pairings(at(2)) many;
        pairing_of(all.hash, at(2)) one;
        attempts_closed_until("guesser", at(2)) one;
        grants_in_force(world.workspace) many;
        grants() many;
        sessions(alice, at(2)) many;
        workspace(world.workspace) one;
        private_workspace(alice) one;
        workspace_at(alice, Path::new("/srv/alice")) one;
        workspaces(alice) many;
        context(world.context) one;
        context_named("private") one;
        conversation(all.conversation) one;
        conversation_by_key(alice, "main") one;
        conversations(alice, 10) many;
        message(all.message) one;
        messages_after(all.conversation, 0, 10) many;
        messages_before(all.conversation, 99, 10) many;
        recent_messages(all.conversation, 999) many;
        inbox_row("web", "1") one;
        inbox_pending() many;
        feed_after(&task.to_string(), 0, 10) many;
        feed_end(&task.to_string()) number;
        task(task) one;
        tasks(&TaskFilter::default(), &first) page;
        task_counts() many;
        due_deadlines(at(9999), 10) many;
        held_per_user() many;
        next_ready() one;
        ready_count(at(9999)) number;
        journal(task, 0) many;
        effects(task) many;
        effects_open(task) many;
        effect(all.question.effect) one;
        signals(task) many;
        approval(all.question.id) one;
        approvals(&ApprovalFilter::default(), &first) page;
        approvals_due(at(9999), 10) many;
        applied(task) many;
        artifacts(task) many;
        artifact(task, "a") one;
        file(all.file) one;
        usage_totals(UsageBy::Model, &UsageFilter::default()) many;
        outbox_due(at(9999), 10) many;
        outbox_heads(at(9999), 10) many;
        outbox_receipt("a") one;
        outbox_places("a") many;
        arrivals_pending(10) many;
        binding(all.conversation) one;
        private_places(alice) many;
        bindings_behind(10) many;
        hubs() many;
        button(all.hash) one;
        remembered(alice, "k") one;
        document("policy") one;
        document_version("policy", 1) one;
        document_history("policy", 99, 10) many;
        audit_events(&AuditFilter::default(), &first) page;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_crosses_orgs() {
    let world = World::new().await;
    let all = fill(&world).await;
    for (read, found) in found_by(&world, world.org, &all).await {
        assert!(found > 0, "{read} finds its own");
    }
    let foreign = OrgId::mint(at(0), fresh());
    let foreign = world
        .store
        .ensure_org(foreign, "elsewhere", at(0))
        .await
        .unwrap();
    for (read, found) in found_by(&world, foreign, &all).await {
        assert_eq!(found, 0, "{read} leaks");
    }
    assert!(world.store.orphans(foreign).await.unwrap().is_empty());
    let limits = ClaimLimits {
        per_user: 9,
        per_workspace: 9,
    };
    let worker = WorkerId::mint(at(0), 1);
    let request = ClaimRequest {
        worker,
        now: at(9999),
        tasks_max: 9,
        limits,
    };
    assert!(
        world
            .store
            .claim(foreign, request)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_crosses_orgs() {
    let world = World::new().await;
    let all = fill(&world).await;
    let foreign = OrgId::mint(at(0), fresh());
    let foreign = world
        .store
        .ensure_org(foreign, "elsewhere", at(0))
        .await
        .unwrap();
    let (task, question) = (all.row.task.id, &all.question);
    let (id, approval) = (world.alice, question.id);
    let decision = ApprovalDecision::Approve;
    let attempts: Vec<Write> = vec![
        SetRole {
            user: id,
            role: Role::Overlord,
        }
        .into(),
        SetUserStatus {
            user: id,
            status: UserStatus::Removed,
            at: at(2),
        }
        .into(),
        UseLink {
            hash: all.hash,
            at: at(2),
        }
        .into(),
        world.message(all.conversation, "from afar").into(),
        world.new_task().into(),
        save(&all.row, TaskStatus::Canceled, None).into(),
        ReleaseTask {
            task,
            fence: 1,
            ready_at: at(1),
        }
        .into(),
        Journal {
            task,
            fence: 1,
            kind: "turn".into(),
            body: json!({}),
        }
        .into(),
        Signal {
            task,
            dedup_key: "b".into(),
            kind: "cancel".into(),
            body: json!({}),
            at: at(1),
        }
        .into(),
        Decide {
            id: approval,
            decision,
            by: None,
            at: at(2),
            digest: None,
            answer: None,
        }
        .into(),
        Spend {
            id: approval,
            at: at(2),
        }
        .into(),
        world.question(task).into(),
        Undone {
            task,
            effect: question.effect,
            at: at(2),
            by: id,
        }
        .into(),
    ];
    for attempt in attempts {
        let refused = world.store.commit(foreign, vec![attempt.clone()]).await;
        assert!(
            matches!(refused, Err(CommitError::Refused(_))),
            "{attempt:?}"
        );
    }
    let row = world.store.task(world.org, task).await.unwrap().unwrap();
    assert_eq!((row.task, row.ver), (all.row.task, 0));
}
