//! What tasks can do beside changing files: be steered, share work, ask, publish, deliver.

use crate::script::{script, unquoted};
use crate::{laptop, pause, world};
use serde_json::json;
use wardroom_api::approval::{Decide, Verdict};
use wardroom_api::message::PostMessage;
use wardroom_api::task::{CreateTask, TellTask};
use wardroom_domain::{Digest, Question, TaskStatus};
use wardroom_testkit::world::World;

/// Whether the model has been sent these words.
fn has_read(world: &World, words: &str) -> bool {
    let sent = world.model.recorded();
    sent.iter()
        .any(|sent| sent.body["messages"].to_string().contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn words_reach_a_running_task_at_its_next_boundary() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let request = script().shell("sleep 1.5").says("done").to_string();
    let task = owner.asks(&request).await;
    owner.awaits(task, TaskStatus::Running).await;
    pause(300).await;
    let tell = TellTask {
        text: "count the bees too".to_owned(),
    };
    owner.client.tell_task(task, &tell).await.expect("it hears");
    assert!(
        !has_read(&world, "count the bees too"),
        "not in mid-command"
    );
    owner.awaits(task, TaskStatus::Succeeded).await;
    assert!(has_read(&world, "count the bees too"));
    let late = owner.client.tell_task(task, &tell).await;
    let late = late.expect_err("it has ended");
    assert_eq!(late.code().map(|code| code.as_str()), Some("task_ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_shares_its_work_and_reads_what_came_of_it() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let part = |word: &str| {
        let part = script().shell(&format!("echo {word}")).says("part: {last}");
        ("spawn_task", json!({"instructions": part.to_string()}))
    };
    let request = script()
        .calls_all(&[part("ants"), part("bees"), part("crabs")])
        .says("whole: {last}");
    let task = owner.asks(&request.to_string()).await;
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let result = done.result.unwrap_or_default();
    assert!(result.starts_with("whole: part: "), "{result}");
    for word in ["part: ants", "part: bees", "part: crabs"] {
        assert!(has_read(&world, word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_fails_is_told_as_a_failure() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let lost = (0..6).fold(script(), |script, _| script.shell("false"));
    let request = script()
        .calls("spawn_task", json!({"instructions": lost.to_string()}))
        .says("it came to: {last}");
    let task = owner.asks(&request.to_string()).await;
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let result = done.result.unwrap_or_default();
    assert!(
        result.contains("FAILED") && result.contains("the same `shell` call"),
        "{result}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_words_waits_for_words() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let request = script()
        .calls(
            "ask_person",
            json!({"question": "which colour?", "choices": ["red", "blue"]}),
        )
        .says("so it is {last}");
    let task = owner.asks(&request.to_string()).await;
    let question = owner.is_asked().await;
    assert_eq!((question.task, question.question), (task, Question::Answer));
    assert_eq!(owner.sees(task).await.status, TaskStatus::WaitingApproval);
    let wordless = owner.decides(question.id, Verdict::Approve).await;
    let wordless = wordless.expect_err("it asks for words");
    assert_eq!(wordless.code().map(|code| code.status()), Some(422));
    let blue = Decide {
        decision: Verdict::Approve,
        digest: None,
        remember: None,
        answer: Some("blue".to_owned()),
    };
    let decided = owner.client.decide(question.id, &blue).await;
    decided.expect("an answer");
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(done.result.as_deref(), Some("so it is blue"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_says_something_before_its_end_and_delivers_a_file() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let work = script()
        .shell("head -c 300000 /dev/urandom > noise.bin; sha256sum < noise.bin")
        .calls("publish", json!({"text": "halfway there"}))
        .shell("sleep 1; sha256sum < noise.bin")
        .calls("deliver", json!({"path": "noise.bin"}))
        .shell("sha256sum < noise.bin; rm noise.bin")
        .says("{last}");
    let request = script().delegates(&[("noise", work)]).says("On it.");
    let reply = owner.says(&request.to_string(), None).await;
    let task = reply.tasks[0];
    owner
        .awaits_words(reply.conversation, "halfway there")
        .await;
    assert!(
        !owner.sees(task).await.status.is_terminal(),
        "it is still at work"
    );
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let listed = owner.client.artifacts(task).await.expect("the list");
    let artifact = &listed.artifacts[0];
    assert_eq!(
        (artifact.name.as_str(), artifact.bytes),
        ("noise.bin", 300_000)
    );
    let bytes = owner.client.artifact(task, "noise.bin").await;
    let bytes = bytes.expect("the artifact");
    assert_eq!(Digest::of_bytes(&bytes), artifact.sha256);
    let inside = done.result.unwrap_or_default();
    let outside = artifact.sha256.to_string();
    let sum = outside.trim_start_matches("sha256:");
    assert!(
        inside.starts_with(sum),
        "{inside} inside, {outside} outside"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_reach_the_task_that_works_on_them() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let file = owner
        .client
        .upload("orders.csv", b"ants,3\nbees,4\n".to_vec())
        .await;
    let file = file.expect("an upload");
    let work = || script().shell("cat /uploads/*orders.csv").says("{last}");
    let create = CreateTask {
        text: work().to_string(),
        files: vec![file.id],
        ..CreateTask::default()
    };
    let task = owner
        .client
        .create_task(&create, None)
        .await
        .expect("a task");
    let done = owner.awaits(task.id, TaskStatus::Succeeded).await;
    assert_eq!(done.result.as_deref().map(unquoted), Some("ants,3\nbees,4"));
    let post = PostMessage {
        text: script()
            .delegates(&[("orders", work())])
            .says("On it.")
            .to_string(),
        files: vec![file.id],
        ..PostMessage::default()
    };
    let reply = owner
        .client
        .post_message(&post, None)
        .await
        .expect("a reply");
    let done = owner.awaits(reply.tasks[0], TaskStatus::Succeeded).await;
    assert_eq!(done.result.as_deref().map(unquoted), Some("ants,3\nbees,4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_carried_out_is_told_to_the_model_in_a_sentence() {
    let world = world(laptop()).await;
    let owner = world.owner();
    for (tool, arguments, sentence) in [
        ("shell", json!({"cmd": "ls"}), "do not fit its schema"),
        (
            "launch_rockets",
            json!({}),
            "there is no tool `launch_rockets`",
        ),
        (
            "file_read",
            json!({"path": "../../etc/passwd"}),
            "outside the workspace",
        ),
        ("file_read", json!({"path": "nothing.txt"}), "No such file"),
        ("deliver", json!({"path": "nothing.txt"}), "nothing.txt"),
        ("apply", json!({}), "there is nothing to apply"),
    ] {
        let request = script().calls(tool, arguments).says("{last}");
        let task = owner.asks(&request.to_string()).await;
        let done = owner.awaits(task, TaskStatus::Succeeded).await;
        let result = done.result.unwrap_or_default();
        assert!(result.contains(sentence), "{tool}: {result}");
    }
    let request = script()
        .shell(r"printf '\xff\xfe\x00bad' > latin.bin; printf '\xffloud'")
        .calls("file_read", json!({"path": "latin.bin"}))
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let result = done.result.unwrap_or_default();
    assert!(result.contains("is not UTF-8 text (6 bytes)"), "{result}");
    assert!(!world.log().contains("panicked"));
}
