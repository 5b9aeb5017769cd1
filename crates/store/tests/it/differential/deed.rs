//! Random operations, each on things that are there, and now and then on things that are not.

use super::oracle::Oracle;
use crate::world::at;
use serde_json::json;
use std::path::PathBuf;
use wardroom_domain::*;
use wardroom_store::*;

/// An operation. Tasks, questions, deliveries and posts are numbers; [`Players`] knows their ids.
#[derive(Clone, Debug)]
pub enum Deed {
    Create {
        task: usize,
        person: usize,
        ready: Option<i64>,
    },
    Claim {
        most: usize,
        per_user: u32,
    },
    ClaimOne {
        task: usize,
    },
    Save {
        task: usize,
        fence: u64,
        ver: u64,
        status: TaskStatus,
        ready: Option<i64>,
    },
    Release {
        task: usize,
        fence: u64,
        ready: i64,
    },
    Hold {
        task: usize,
        fence: u64,
    },
    Mail {
        task: usize,
        key: u64,
    },
    Read {
        task: usize,
        up_to: i64,
    },
    Intend {
        task: usize,
        effect: u32,
        fence: u64,
    },
    Settle {
        task: usize,
        effect: u32,
        fence: u64,
    },
    Ask {
        question: usize,
        task: usize,
    },
    Decide {
        question: usize,
        decision: ApprovalDecision,
        when: i64,
        is_about_it: bool,
    },
    Spend {
        question: usize,
    },
    Admit {
        delivery: u64,
    },
    Answer {
        delivery: u64,
    },
    Post {
        post: usize,
        key: u64,
        place: u64,
    },
    Sent {
        post: usize,
    },
    Failed {
        post: usize,
        next: i64,
    },
    Dropped {
        post: usize,
    },
    Restart,
}

/// The ids of everything that a seed may speak of.
pub struct Players {
    pub org: OrgId,
    pub people: [UserId; 2],
    folders: [WorkspaceId; 2],
    context: ContextId,
    conversation: ConversationId,
    pub tasks: Vec<TaskId>,
    pub questions: Vec<ApprovalId>,
    pub posts: Vec<OutboxId>,
    seed: u64,
}

/// How many of each there are: few, so that they meet.
const TASKS: usize = 10;
const QUESTIONS: usize = 6;
const POSTS: usize = 16;

impl Players {
    pub fn new(seed: u64) -> Self {
        let id = |number: u64| u128::from(seed) << 64 | u128::from(number);
        Self {
            org: OrgId::mint(at(0), id(1)),
            people: [UserId::mint(at(0), id(2)), UserId::mint(at(0), id(3))],
            folders: [
                WorkspaceId::mint(at(0), id(4)),
                WorkspaceId::mint(at(0), id(5)),
            ],
            context: ContextId::mint(at(0), id(6)),
            conversation: ConversationId::mint(at(0), id(7)),
            tasks: (100..)
                .take(TASKS)
                .map(|n| TaskId::mint(at(0), id(n)))
                .collect(),
            questions: (200..)
                .take(QUESTIONS)
                .map(|n| ApprovalId::mint(at(0), id(n)))
                .collect(),
            posts: (300..)
                .take(POSTS)
                .map(|n| OutboxId::mint(at(0), id(n)))
                .collect(),
            seed: seed.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1,
        }
    }

    /// The first rows, the same in every store.
    pub async fn come_in(&self, store: &Store) {
        store.ensure_org(self.org, "home", at(0)).await.unwrap();
        let mut writes = Vec::new();
        for (place, (&id, &folder)) in self.people.iter().zip(&self.folders).enumerate() {
            let name = format!("person-{place}");
            writes.push(Write::from(User {
                id,
                name: name.clone(),
                role: Role::Member,
                status: UserStatus::Active,
                created_at: at(0),
            }));
            writes.push(Write::from(Workspace {
                id: folder,
                kind: WorkspaceKind::Private,
                owner: id,
                path: PathBuf::from(format!("/srv/{name}")),
                created_at: at(0),
            }));
        }
        store.commit(self.org, writes).await.unwrap();
        let context = Context {
            id: self.context,
            name: "private".to_owned(),
            kind: "private".to_owned(),
            settings: json!({}),
            created_at: at(0),
        };
        store.ensure_context(self.org, context).await.unwrap();
        let talk = Conversation {
            id: self.conversation,
            owner: self.people[0],
            key: "talk".to_owned(),
            context: self.context,
            workspace: self.folders[0],
            created_at: at(0),
        };
        store.commit(self.org, vec![talk.into()]).await.unwrap();
    }

    fn chance(&mut self, end: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % end
    }

    fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.chance(count as u64)).unwrap()
    }

    /// Mostly what fits the task as it stands, so that something happens.
    pub fn next(&mut self, oracle: &Oracle) -> Deed {
        let task = self.place(TASKS);
        let (fence, ver) = oracle.fence_and_ver(task);
        let stale = self.chance(6) == 0;
        let fence = if stale {
            fence.wrapping_sub(1).min(9)
        } else {
            fence
        };
        let question = self.place(QUESTIONS);
        let post = self.place(POSTS);
        let when = i64::try_from(self.chance(60)).unwrap();
        let effect = u32::try_from(self.chance(4)).unwrap();
        match self.chance(26) {
            0 | 1 => Deed::Create {
                task,
                person: self.place(2),
                ready: (self.chance(4) > 0).then_some(when / 2),
            },
            2..=4 => Deed::Claim {
                most: self.place(4),
                per_user: 1 + self.chance(4) as u32,
            },
            5 => Deed::ClaimOne { task },
            6..=9 => Deed::Save {
                task,
                fence,
                ver: ver.wrapping_add(u64::from(self.chance(8) == 0)),
                status: TaskStatus::ALL[self.place(TaskStatus::ALL.len())],
                ready: (self.chance(2) == 0).then_some(when),
            },
            10 => Deed::Release {
                task,
                fence,
                ready: when,
            },
            11 => Deed::Hold { task, fence },
            12 | 13 => Deed::Mail {
                task,
                key: self.chance(4),
            },
            14 => Deed::Read {
                task,
                up_to: when / 15,
            },
            15 | 16 => Deed::Intend {
                task,
                effect,
                fence,
            },
            17 => Deed::Settle {
                task,
                effect,
                fence,
            },
            18 => Deed::Ask { question, task },
            19 | 20 => Deed::Decide {
                question,
                decision: ApprovalDecision::ALL[self.place(3)],
                when: if self.chance(5) == 0 { 150 } else { when },
                is_about_it: self.chance(5) > 0,
            },
            21 => Deed::Spend { question },
            22 => match self.chance(2) {
                0 => Deed::Admit {
                    delivery: self.chance(8),
                },
                _ => Deed::Answer {
                    delivery: self.chance(8),
                },
            },
            23 | 24 => match self.chance(5) {
                0 | 1 => Deed::Post {
                    post,
                    key: self.chance(24),
                    place: self.chance(3),
                },
                2 => Deed::Sent { post },
                3 => Deed::Failed {
                    post,
                    next: when * 2,
                },
                _ => Deed::Dropped { post },
            },
            _ if self.chance(12) == 0 => Deed::Restart,
            _ => Deed::Spend { question },
        }
    }

    fn task(&self, task: usize, person: usize) -> Task {
        Task {
            id: self.tasks[task],
            status: TaskStatus::Queued,
            kind: TaskType::General,
            title: "count".to_owned(),
            text: "count the files".to_owned(),
            requester: self.people[person],
            origin: Origin::Api,
            context: self.context,
            workspace: self.folders[person],
            conversation: None,
            parent: None,
            agent: "executor".to_owned(),
            tier: RiskTier::L0Readonly,
            priority: Priority::NORMAL,
            progress: Progress::default(),
            result: None,
            error: None,
            applied: None,
            labels: Labels::owner(self.people[person]),
            deadline: at(3600),
            created_at: at(1),
            updated_at: at(1),
        }
    }

    fn effect(&self, task: usize, effect: u32) -> Effect {
        let call = ToolCall {
            id: "1".to_owned(),
            tool: "shell".to_owned(),
            arguments: json!({"command": effect}),
        };
        Effect {
            id: Effect::id_of(self.tasks[task], effect, &call),
            task: self.tasks[task],
            tier: RiskTier::L1Mutating,
            class: RetryClass::Blind,
            digest: call.digest(),
            call,
        }
    }

    /// The id under which [`super::seen`] shows an effect.
    pub fn effect_id(&self, task: usize, effect: u32) -> EffectId {
        self.effect(task, effect).id
    }
}

fn outcome() -> Outcome {
    Outcome {
        is_error: false,
        text: String::new(),
        detail: json!({}),
        labels: Labels::external(),
    }
}

impl Deed {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Claim { .. } => "claim",
            Self::ClaimOne { .. } => "claim_one",
            Self::Save { .. } => "save",
            Self::Release { .. } => "release",
            Self::Hold { .. } => "hold",
            Self::Mail { .. } => "mail",
            Self::Read { .. } => "read",
            Self::Intend { .. } => "intend",
            Self::Settle { .. } => "settle",
            Self::Ask { .. } => "ask",
            Self::Decide { .. } => "decide",
            Self::Spend { .. } => "spend",
            Self::Admit { .. } => "admit",
            Self::Answer { .. } => "answer",
            Self::Post { .. } => "post",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
            Self::Dropped { .. } => "dropped",
            Self::Restart => "restart",
        }
    }

    /// What a store answers: `done`, with what was given, or the name of the refusal.
    pub async fn ask(&self, store: &Store, players: &Players) -> String {
        let org = players.org;
        let request = |most, per_user| ClaimRequest {
            worker: WorkerId::mint(at(0), 1),
            now: at(50),
            tasks_max: most,
            limits: ClaimLimits {
                per_user,
                per_workspace: 100,
            },
        };
        match *self {
            Self::Claim { most, per_user } => {
                let rows = store.claim(org, request(most, per_user)).await.unwrap();
                let number = |row: TaskRow| players.tasks.iter().position(|id| *id == row.task.id);
                let taken: Vec<_> = rows.into_iter().filter_map(number).collect();
                format!("done {taken:?}")
            }
            Self::ClaimOne { task } => {
                let claimed = store
                    .claim_task(org, players.tasks[task], request(1, 1))
                    .await;
                answer(claimed.map(|row| row.is_some().to_string()))
            }
            _ => {
                let committed = store.commit(org, self.writes(store, players).await).await;
                answer(committed.map(|_| String::new()))
            }
        }
    }

    async fn writes(&self, store: &Store, players: &Players) -> Vec<Write> {
        match *self {
            Self::Create {
                task,
                person,
                ready,
            } => vec![Write::from(CreateTask {
                task: players.task(task, person),
                depth: 0,
                snapshot: json!({}),
                ready_at: ready.map(at),
                batch: None,
            })],
            Self::Save {
                task,
                fence,
                ver,
                status,
                ready,
            } => {
                let row = store.task(players.org, players.tasks[task]).await.unwrap();
                let known = row.map_or_else(|| players.task(task, 0), |row| row.task);
                let journal = Journal {
                    task: players.tasks[task],
                    fence,
                    kind: "fact".to_owned(),
                    body: json!(status),
                };
                let saved = SaveTask {
                    task: Task { status, ..known },
                    snapshot: json!({}),
                    fence,
                    ver,
                    ready_at: ready.map(at),
                };
                vec![journal.into(), saved.into()]
            }
            Self::Release { task, fence, ready } => vec![Write::from(ReleaseTask {
                task: players.tasks[task],
                fence,
                ready_at: at(ready),
            })],
            Self::Hold { task, fence } => {
                vec![Write::from(HoldTask {
                    task: players.tasks[task],
                    fence,
                })]
            }
            Self::Mail { task, key } => vec![Write::from(Signal {
                task: players.tasks[task],
                dedup_key: key.to_string(),
                kind: "told".to_owned(),
                body: json!({}),
                at: at(4),
            })],
            Self::Read { task, up_to } => vec![Write::from(ConsumeSignals {
                task: players.tasks[task],
                up_to_seq: up_to,
            })],
            Self::Intend {
                task,
                effect,
                fence,
            } => vec![Write::from(PutEffect {
                effect: players.effect(task, effect),
                step: effect,
                fence,
                at: at(5),
            })],
            Self::Settle {
                task,
                effect,
                fence,
            } => vec![Write::from(SettleEffect {
                id: players.effect_id(task, effect),
                task: players.tasks[task],
                state: EffectState::Done,
                outcome: Some(outcome()),
                fence,
                at: at(6),
            })],
            Self::Ask { question, task } => vec![players.question(question, task).into()],
            Self::Decide {
                question,
                decision,
                when,
                is_about_it,
            } => vec![Write::from(Decide {
                id: players.questions[question],
                decision,
                by: (decision != ApprovalDecision::Expire).then_some(players.people[0]),
                at: at(when),
                digest: Some(match is_about_it {
                    true => about(),
                    false => Digest::of_bytes(b"something else"),
                }),
                answer: None,
            })],
            Self::Spend { question } => {
                vec![Write::from(Spend {
                    id: players.questions[question],
                    at: at(60),
                })]
            }
            Self::Admit { delivery } => vec![Write::from(Admit {
                inbound: Inbound {
                    connector: "api".to_owned(),
                    external_id: delivery.to_string(),
                    text: "hello".to_owned(),
                    files: Vec::new(),
                },
                conversation: players.conversation,
                user: players.people[0],
                at: at(1),
            })],
            Self::Answer { delivery } => vec![Write::from(InboxDone {
                connector: "api".to_owned(),
                external_id: delivery.to_string(),
                reply: None,
            })],
            Self::Post { post, key, place } => vec![Write::from(Outbox {
                id: players.posts[post],
                dedup_key: key.to_string(),
                destination: format!("telegram:main/{place}"),
                body: json!({}),
                at: at(1),
            })],
            Self::Sent { post } => vec![Write::from(OutboxSent {
                id: players.posts[post],
                at: at(2),
                receipt: None,
            })],
            Self::Failed { post, next } => vec![Write::from(OutboxFailed {
                id: players.posts[post],
                error: "away".to_owned(),
                next_at: at(next),
            })],
            Self::Dropped { post } => vec![Write::from(OutboxDropped {
                id: players.posts[post],
                error: "refused".to_owned(),
                at: at(2),
            })],
            Self::Claim { .. } | Self::ClaimOne { .. } | Self::Restart => Vec::new(),
        }
    }
}

fn about() -> Digest {
    Digest::of_bytes(b"what is asked about")
}

impl Players {
    fn question(&self, question: usize, task: usize) -> Approval {
        Approval {
            id: self.questions[question],
            question: Question::Permission,
            task: self.tasks[task],
            effect: self.effect_id(task, 0),
            requester: self.people[0],
            tool: "apply".to_owned(),
            arguments: json!({}),
            digest: about(),
            tier: RiskTier::L2Destructive,
            rationale: "removes 1 file".to_owned(),
            rule: "deletes-files".to_owned(),
            source: PolicySource::OrgDefault,
            labels: Labels::owner(self.people[0]),
            created_at: at(1),
            expires_at: at(100),
            decision: None,
            decided_by: None,
            decided_at: None,
            answer: None,
            agent: "executor".to_owned(),
            covers: None,
            four_eyes: false,
            first_by: None,
        }
    }
}

fn answer(result: Result<String, CommitError>) -> String {
    match result {
        Ok(given) if given.is_empty() => "done".to_owned(),
        Ok(given) => format!("done {given}"),
        Err(CommitError::Refused(refusal)) => {
            let text = format!("{refusal:?}");
            let end = text
                .find(|c: char| !c.is_alphanumeric())
                .unwrap_or(text.len());
            text[..end].to_owned()
        }
        Err(other) => panic!("{other}"),
    }
}
