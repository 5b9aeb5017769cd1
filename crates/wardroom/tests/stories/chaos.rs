//! Models fail in every way that they know; people get an answer and tasks an end.

use crate::script::{follows, script};
use crate::{laptop, world};
use std::time::Duration;
use wardroom_api::audit::AuditFilter;
use wardroom_domain::{AuditKind, TaskStatus};
use wardroom_testkit::models::{Dialect, Fault, ModelStandIn, Options};
use wardroom_testkit::world::{Person, Setup};

/// Every way to fail, once.
fn every_fault() -> Vec<Fault> {
    vec![
        Fault::RateLimited {
            retry_after_s: Some(0.1),
        },
        Fault::RateLimited {
            retry_after_s: None,
        },
        Fault::ServerError,
        Fault::Overloaded,
        Fault::BadGateway,
        Fault::Hang,
        Fault::HangMidStream,
        Fault::SlowFirstByte(Duration::from_secs(20)),
        Fault::Reset,
        Fault::CutStream,
        Fault::ErrorMidStream,
        Fault::ErrorInsideOk,
        Fault::MalformedJson,
        Fault::Empty,
        Fault::BrokenToolArguments,
        Fault::WrongToolArguments,
        Fault::UnknownTool,
        Fault::Huge,
    ]
}

/// Asks each model once and waits for it only shortly.
fn impatient() -> Setup {
    laptop().patience(
        "retries_max = 0\ntimeout_ms = 6000\nfirst_byte_timeout_ms = 1000\nidle_timeout_ms = 1000\n",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_chat_ends_in_a_reply_and_the_next_message_works() {
    let world = world(impatient()).await;
    let owner = world.owner();
    for fault in every_fault() {
        world.model.will([fault.clone()]);
        let reply = owner.says("hello", None).await;
        assert!(!reply.reply.trim().is_empty(), "{fault:?}");
        assert!(reply.tasks.is_empty(), "{fault:?} begins no task");
        let next = owner
            .says("and again", Some(reply.conversation))
            .await
            .reply;
        assert_eq!(next, "You said: and again", "after {fault:?}");
    }
    assert!(!world.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_a_task_ends_with_a_result_or_a_reason() {
    let many = "[limits]\nexecutors_per_user = 30\ntasks_per_workspace = 30\n";
    let world = world(impatient().with(many)).await;
    let owner = world.owner();
    let faults = every_fault();
    world.model.will(faults.clone());
    let mut tasks = Vec::new();
    for number in 0..faults.len() {
        let request = script()
            .shell(&format!("echo {number}"))
            .says("counted {last}");
        tasks.push(owner.asks(&request.to_string()).await);
    }
    for task in tasks {
        let ended = owner.awaits_end(task).await;
        let says = ended.result.or(ended.error).unwrap_or_default();
        assert!(!says.trim().is_empty(), "{task} is {}", ended.status);
    }
    assert_eq!(owner.says("hello", None).await.reply, "You said: hello");
    assert!(!world.log().contains("panicked"));
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_never_comes_back_fails_its_task_with_the_reason() {
    let world = world(impatient()).await;
    let owner = world.owner();
    world.model.will(vec![Fault::ServerError; 20]);
    let task = owner.asks("anything").await;
    let ended = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let why = ended.error.unwrap_or_default();
    assert!(why.contains("no model could answer"), "{why}");
}

async fn falls(owner: &Person) -> usize {
    let filter = AuditFilter {
        kind: Some(AuditKind::ModelFellBack),
        ..AuditFilter::default()
    };
    let page = owner.client.audit_events(&filter).await;
    page.expect("the log").events.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_model_of_the_chain_answers_and_that_is_written_down() {
    let spare = ModelStandIn::start(Options::open(Dialect::OpenAi), follows).await;
    let spare = spare.expect("a second model");
    let world = world(impatient().spare("spare", &spare)).await;
    let owner = world.owner();
    world.model.will([Fault::ServerError]);
    assert_eq!(owner.says("hello", None).await.reply, "You said: hello");
    assert_eq!(falls(&owner).await, 1, "a fall in chat");
    world.model.will([Fault::BadGateway]);
    let task = owner.asks(&script().says("spared").to_string()).await;
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(done.result.as_deref(), Some("spared"));
    assert_eq!(falls(&owner).await, 2, "a fall in a task");
    assert_eq!(spare.recorded().len(), 2, "the spare answered both");
}
