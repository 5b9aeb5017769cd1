//! Lives of tasks, written as the events that happen to them.

use proptest::prelude::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_engine::*;

fn now() -> Timestamp {
    Timestamp::from_micros(1_000_000)
}

fn life() -> Life {
    Life::new(TaskId::mint(now(), 1), Timestamp::from_micros(i64::MAX))
}

fn call(tool: &str, n: u32) -> ToolCall {
    ToolCall {
        id: format!("call-{n}"),
        tool: tool.into(),
        arguments: json!({ "n": n }),
    }
}

fn reply(text: &str, calls: Vec<ToolCall>) -> Event {
    Event::Replied(Reply {
        text: text.into(),
        calls,
        model: "test".into(),
        tokens: 10,
    })
}

fn outcome(is_error: bool) -> Outcome {
    let detail = serde_json::Value::Null;
    Outcome {
        is_error,
        text: "done".into(),
        detail,
        labels: Labels::owner("user_a"),
    }
}

fn effect(life: &Life, call: &ToolCall, class: RetryClass) -> Box<Effect> {
    let id = Effect::id_of(life.task, life.steps, call);
    let (tier, digest) = (RiskTier::L0Readonly, call.digest());
    Box::new(Effect {
        id,
        task: life.task,
        call: call.clone(),
        tier,
        class,
        digest,
    })
}

fn allow(life: &Life, call: &ToolCall) -> Event {
    let effect = effect(life, call, RetryClass::View);
    Event::Judged(Judgement::Allowed {
        effect,
        rule: "test".into(),
        approval: None,
    })
}

fn ask(life: &Life, call: &ToolCall) -> (Event, ApprovalId) {
    let effect = effect(life, call, RetryClass::Blind);
    let id = ApprovalId::mint(now(), 9);
    let approval = Approval {
        id,
        question: Question::Permission,
        task: life.task,
        effect: effect.id,
        requester: UserId::mint(now(), 2),
        tool: call.tool.clone(),
        arguments: call.arguments.clone(),
        digest: effect.digest,
        tier: RiskTier::L2Destructive,
        rationale: "removes".into(),
        rule: "test".into(),
        source: PolicySource::OrgDefault,
        labels: Labels::owner("user_a"),
        created_at: now(),
        expires_at: now(),
        decision: None,
        decided_by: None,
        decided_at: None,
        answer: None,
        agent: "executor".to_owned(),
        covers: None,
        four_eyes: false,
        first_by: None,
    };
    (
        Event::Judged(Judgement::Ask {
            approval: Box::new(approval),
            effect,
        }),
        id,
    )
}

/// Plays events on a life and answers where it stands and what it wants.
fn play(life: Life, event: Event) -> (Life, Next) {
    match step(&life, event, now()) {
        Ok(step) => (step.life, step.next),
        // Refused: nothing happens, and the story that follows sees it.
        Err(_) => (life, Next::End),
    }
}

#[test]
fn a_task_with_one_command_and_no_changes() {
    let (life, next) = play(life(), Event::Claimed { interrupted: None });
    assert_eq!((life.status, next), (TaskStatus::Running, Next::CallModel));
    let shell = call("shell", 1);
    let (life, next) = play(life, reply("", vec![shell.clone()]));
    assert_eq!(next, Next::Judge(shell.clone()));
    let event = allow(&life, &shell);
    let (life, next) = play(life, event);
    let Next::Carry(effect) = next else {
        panic!("{next:?}")
    };
    let (life, next) = play(
        life,
        Event::Settled {
            effect,
            outcome: outcome(false),
        },
    );
    assert_eq!(next, Next::CallModel);
    let (life, next) = play(life, reply("there are 3", vec![]));
    assert_eq!(next, Next::Look);
    let (life, next) = play(life, Event::Looked { changes: None });
    assert_eq!((life.status, next), (TaskStatus::Succeeded, Next::End));
    assert_eq!(
        (life.answer.as_deref(), life.applied),
        (Some("there are 3"), None)
    );
    assert!(
        step(&life, Event::DeadlinePassed, now()).is_err(),
        "nothing follows an end"
    );
}

#[test]
fn refused_changes_are_told_to_the_model_and_not_asked_about_twice() {
    let (life, _) = play(life(), Event::Claimed { interrupted: None });
    let (life, _) = play(life, reply("done", vec![]));
    let changes = Some(Digest::of("a change"));
    let (life, next) = play(life, Event::Looked { changes });
    let Next::Judge(apply) = next else {
        panic!("{next:?}")
    };
    assert_eq!(apply.tool, "apply");
    let (event, approval) = ask(&life, &apply);
    let (life, next) = play(life, event);
    assert_eq!(
        (life.status, next),
        (TaskStatus::WaitingApproval, Next::Park { ready_at: None })
    );
    let decided = Event::Decided {
        approval,
        decision: ApprovalDecision::Deny,
        by: None,
        answer: Some(outcome(true)),
    };
    let (life, next) = play(life, decided);
    assert_eq!((life.status, next), (TaskStatus::Running, Next::CallModel));
    let (life, next) = play(life, reply("then it stays as it was", vec![]));
    assert_eq!(next, Next::Look);
    let (life, _) = play(life, Event::Looked { changes });
    assert_eq!(
        (life.status, life.applied),
        (TaskStatus::Succeeded, Some(false))
    );
}

#[test]
fn a_blind_effect_is_never_repeated_by_itself() {
    let (life, _) = play(life(), Event::Claimed { interrupted: None });
    let send = call("http_request", 1);
    let (life, _) = play(life, reply("", vec![send.clone()]));
    let event = allow(&life, &send);
    let (life, _) = play(life, event);
    let classes = [
        (Some(RetryClass::View), "Repeat"),
        (Some(RetryClass::Queryable), "Check"),
        (Some(RetryClass::Blind), "AskInDoubt"),
        (None, "AskInDoubt"),
    ];
    for (interrupted, wish) in classes {
        let (_, next) = play(life.clone(), Event::Claimed { interrupted });
        assert!(
            format!("{next:?}").starts_with(wish),
            "{interrupted:?}: {next:?}"
        );
    }
}

#[test]
fn spawned_tasks_run_side_by_side_and_their_answers_come_back_together() {
    let (life, _) = play(life(), Event::Claimed { interrupted: None });
    let (one, two) = (TaskId::mint(now(), 21), TaskId::mint(now(), 22));
    let calls = vec![call("spawn_task", 1), call("spawn_task", 2)];
    let (life, _) = play(life, reply("", calls));
    let (life, next) = play(life, Event::Judged(Judgement::Spawn { child: one }));
    assert!(matches!(next, Next::Judge(_)));
    let (life, next) = play(life, Event::Judged(Judgement::Spawn { child: two }));
    assert_eq!(
        (life.status, next),
        (TaskStatus::Queued, Next::Park { ready_at: None })
    );
    let (life, next) = play(
        life,
        Event::ChildEnded {
            child: two,
            outcome: outcome(false),
        },
    );
    assert_eq!(next, Next::Park { ready_at: None });
    let (life, next) = play(
        life,
        Event::ChildEnded {
            child: one,
            outcome: outcome(true),
        },
    );
    assert_eq!((life.status, next), (TaskStatus::Running, Next::CallModel));
}

#[test]
fn the_same_call_again_and_again_is_a_loop() {
    let (mut life, _) = play(life(), Event::Claimed { interrupted: None });
    for _ in 0..limits::SAME_CALL_MAX - 1 {
        let shell = call("shell", 1);
        let (after, _) = play(life, reply("", vec![shell.clone()]));
        let event = allow(&after, &shell);
        let (after, next) = play(after, event);
        let Next::Carry(effect) = next else {
            panic!("{next:?}")
        };
        (life, _) = play(
            after,
            Event::Settled {
                effect,
                outcome: outcome(false),
            },
        );
    }
    let (life, next) = play(life, reply("", vec![call("shell", 1)]));
    assert_eq!((life.status, next), (TaskStatus::Failed, Next::End));
    assert!(life.error.unwrap().contains("4 times in a row"));
}

/// Any event at all, with ids that sometimes fit the life.
fn any_event(life: &Life, choice: u8, n: u32) -> Event {
    let open = life
        .open_line()
        .map(|line| line.call.clone())
        .unwrap_or_else(|| call("shell", n));
    let (carried, asked) = match life.phase {
        Phase::Carrying { effect } => (effect, ApprovalId::mint(now(), 1)),
        Phase::Asking {
            approval, effect, ..
        } => (effect, approval),
        _ => (EffectId::mint(now(), 5), ApprovalId::mint(now(), 5)),
    };
    match choice % 13 {
        0 => Event::Claimed {
            interrupted: Some(RetryClass::ALL[n as usize % 7]),
        },
        1 => reply("text", vec![]),
        2 => reply("", vec![call("shell", n), call("spawn_task", n + 1)]),
        3 => Event::ModelFailed {
            reason: "no".into(),
            may_retry: n.is_multiple_of(2),
        },
        4 => allow(life, &open),
        5 => ask(life, &open).0,
        6 => Event::Settled {
            effect: carried,
            outcome: outcome(n.is_multiple_of(2)),
        },
        7 => Event::Decided {
            approval: asked,
            decision: ApprovalDecision::ALL[n as usize % 3],
            by: None,
            answer: (n % 2 == 1).then(|| outcome(true)),
        },
        8 => Event::Looked {
            changes: Some(Digest::of(&(n % 3))),
        },
        9 => Event::Judged(Judgement::Spawn {
            child: TaskId::mint(now(), u128::from(n % 4)),
        }),
        10 => Event::ChildEnded {
            child: TaskId::mint(now(), u128::from(n % 4)),
            outcome: outcome(false),
        },
        11 => Event::Resolved {
            effect: carried,
            outcome: (n % 2 == 1).then(|| outcome(false)),
        },
        _ if n.is_multiple_of(29) => Event::Canceled { why: "test".into() },
        _ => Event::Told {
            typed: None,
            text: "t".into(),
            by: None,
            labels: Labels::external(),
        },
    }
}

proptest! {
    #[test]
    fn any_events_in_any_order_keep_the_laws(events in prop::collection::vec((any::<u8>(), any::<u32>()), 1..120)) {
        let mut life = life();
        for (choice, n) in events {
            let event = any_event(&life, choice, n % 1000);
            let Ok(step) = step(&life, event, now()) else { continue };
            for fact in &step.facts {
                if let Fact::Moved { from, to, .. } = fact {
                    prop_assert!(from.may_become(*to), "{from} -> {to}");
                }
            }
            let moved = step.facts.iter().any(|fact| matches!(fact, Fact::Moved { .. }));
            prop_assert_eq!(moved, life.status != step.life.status || step.facts.iter().filter(|fact| matches!(fact, Fact::Moved { .. })).count() > 1);
            prop_assert_eq!(step.next == Next::End, step.life.status.is_terminal());
            prop_assert_eq!(step.life.phase == Phase::Ended, step.life.status.is_terminal());
            life = step.life;
        }
    }
}
