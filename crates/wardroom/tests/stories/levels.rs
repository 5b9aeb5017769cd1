//! How far an agent may go, by the level that the org gives it: level 0 reads its workspace and does
//! nothing else, level 1 changes it and runs what is named.

use crate::egress::{ends_with_yes, open_to, plain, url};
use crate::script::{Script, script};
use crate::{laptop, world};
use serde_json::json;
use std::path::Path;
use wardroom_api::policy::PutPolicy;
use wardroom_api::task::{CreateTask, Task, TaskFilter};
use wardroom_domain::WorkspaceId;
use wardroom_testkit::website::Website;
use wardroom_testkit::world::{Person, World};

async fn at_level(owner: &Person, level: &str) {
    let put = PutPolicy {
        agents: Some(json!({"executor": {"level": level}})),
        ..PutPolicy::default()
    };
    owner.client.put_policy(&put).await.expect("a policy");
}

/// What the task hears of its last call.
async fn hears(owner: &Person, workspace: WorkspaceId, work: Script) -> String {
    let create = CreateTask {
        text: work.says("{last}").to_string(),
        workspace: Some(workspace),
        ..CreateTask::default()
    };
    let task = owner.client.create_task(&create, None).await;
    ends_with_yes(owner, task.expect("a task").id).await
}

/// Two agents: the usual one changes what it likes, the other reads.
async fn with_a_reader(owner: &Person) {
    let put = PutPolicy {
        agents: Some(json!({"executor": {"level": "ELEVATED"}, "reader": {"level": "RESTRICTED"}})),
        ..PutPolicy::default()
    };
    owner.client.put_policy(&put).await.expect("a policy");
}

/// What all models of the world were sent.
fn told(world: &World) -> String {
    let recorded = world.model.recorded();
    let sent = recorded.iter().map(|sent| sent.body.to_string());
    sent.collect()
}

async fn all_tasks(owner: &Person) -> Vec<Task> {
    let listed = owner.client.tasks(&TaskFilter::default()).await;
    listed.expect("the tasks").tasks
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_named_keeps_its_level_and_hands_it_to_the_tasks_that_it_spawns() {
    let world = world(laptop()).await;
    let owner = world.owner();
    with_a_reader(&owner).await;
    let writes = |name: &str| {
        script()
            .calls("file_write", json!({"path": name, "content": "written"}))
            .says("{last}")
    };
    let spawns = script()
        .calls(
            "spawn_task",
            json!({"instructions": writes("child.txt").to_string()}),
        )
        .calls(
            "file_write",
            json!({"path": "parent.txt", "content": "written"}),
        )
        .says("{last}");
    let order = |agent: &str, work: &Script| {
        (
            "delegate",
            json!({"title": agent, "agent": agent, "instructions": work.to_string()}),
        )
    };
    let request = script()
        .calls_all(&[
            order("reader", &spawns),
            order("executor", &writes("own.txt")),
        ])
        .says("Begun.");
    let reply = owner.says(&request.to_string(), None).await;
    owner.awaits_words(reply.conversation, "All told").await;
    let tasks = all_tasks(&owner).await;
    let mut agents: Vec<_> = tasks.iter().map(|task| task.agent.as_str()).collect();
    agents.sort_unstable();
    assert_eq!(agents, ["executor", "reader", "reader"]);
    let private = std::fs::read_dir(world.data().join("workspaces")).expect("a folder");
    let mut files: Vec<_> = private
        .flatten()
        .filter_map(|folder| std::fs::read_dir(folder.path()).ok())
        .flat_map(|files| files.flatten().map(|file| file.file_name()))
        .collect();
    files.retain(|name| name.to_string_lossy().ends_with(".txt"));
    assert_eq!(files, ["own.txt"], "only the usual agent wrote: {tasks:?}");
    assert!(told(&world).contains("Agents by name: reader."));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_nobody_knows_gets_no_work() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let work = script().shell("touch was-here");
    let order = |agent: &str| {
        let order = json!({"title": "a", "agent": agent, "instructions": work.to_string()});
        script().calls("delegate", order).says("{last}").to_string()
    };
    let reply = owner.says(&order("ghost"), None).await.reply;
    assert!(
        reply.contains("there is no agent `ghost` here, and no other to name"),
        "{reply}"
    );
    with_a_reader(&owner).await;
    let reply = owner.says(&order("ghost"), None).await.reply;
    assert!(
        reply.contains("there is no agent `ghost` here: name one of reader"),
        "{reply}"
    );
    assert!(all_tasks(&owner).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_agent_is_named_no_more_is_as_narrow_as_the_usual_one() {
    let world = world(laptop()).await;
    let owner = world.owner();
    with_a_reader(&owner).await;
    let work = script()
        .calls("ask_person", json!({"question": "go on?"}))
        .calls(
            "file_write",
            json!({"path": "late.txt", "content": "written"}),
        )
        .says("{last}");
    let order = json!({"title": "a", "agent": "reader", "instructions": work.to_string()});
    let request = script().calls("delegate", order).says("Begun.");
    owner.says(&request.to_string(), None).await;
    let question = owner.is_asked().await;
    at_level(&owner, "RESTRICTED").await;
    let answer = wardroom_api::approval::Decide {
        decision: wardroom_api::approval::Verdict::Approve,
        digest: Some(question.digest),
        remember: None,
        answer: Some("yes".to_owned()),
    };
    owner
        .client
        .decide(question.id, &answer)
        .await
        .expect("an answer");
    let task = all_tasks(&owner).await.remove(0);
    let ended = owner.awaits_end(task.id).await;
    assert_eq!(ended.agent, "reader");
    let said = ended.result.unwrap_or_default();
    assert!(said.contains("RESTRICTED"), "{said}");
}

/// The names of the tools that the model was sent last.
fn offered(world: &World) -> Vec<String> {
    let sent = world.model.recorded();
    let tools = &sent.last().expect("a turn").body["tools"];
    let names = tools.as_array().into_iter().flatten();
    names
        .filter_map(|tool| tool["function"]["name"].as_str().map(str::to_owned))
        .collect()
}

fn page(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("page.md")).expect("the page")
}

#[tokio::test(flavor = "multi_thread")]
async fn level_0_reads_its_workspace_and_neither_writes_nor_runs_nor_leaves() {
    let site = Website::start(plain);
    let world = world(open_to(&[&site])).await;
    let owner = world.owner();
    let folder = world.project(&[("page.md", "# As it was\n")]);
    let workspace = owner.opens(&folder).await;
    at_level(&owner, "RESTRICTED").await;
    let read = script().calls("file_read", json!({"path": "page.md"}));
    assert!(hears(&owner, workspace, read).await.contains("As it was"));
    let tools = offered(&world);
    for taken in [
        "shell",
        "file_write",
        "file_edit",
        "file_move",
        "file_delete",
        "md_write",
        "http_fetch",
        "apply",
    ] {
        assert!(
            !tools.iter().any(|tool| tool == taken),
            "{taken}: {tools:?}"
        );
    }
    assert!(tools.iter().any(|tool| tool == "file_read"), "{tools:?}");
    let asked = world
        .model
        .recorded()
        .last()
        .expect("a turn")
        .body
        .to_string();
    assert!(asked.contains("Your level is RESTRICTED"));
    // A model that calls what it was not sent meets the kernel.
    for work in [
        script().shell("echo it ran"),
        script().writes("page.md", "changed"),
        script().writes("new.md", "made"),
        script().calls("md_write", json!({"path": "page.md", "content": "changed"})),
        script().calls(
            "file_edit",
            json!({"path": "page.md", "find": "As", "replace": "Not as"}),
        ),
        script().calls("file_move", json!({"from": "page.md", "to": "away.md"})),
        script().calls("file_delete", json!({"path": "page.md"})),
    ] {
        let call = work.to_string();
        let said = hears(&owner, workspace, work).await;
        assert!(!said.contains("it ran"), "{call}: {said}");
        assert!(
            said.contains("an agent of level RESTRICTED may not do this"),
            "{call}: {said}"
        );
    }
    let away = script().calls("http_fetch", json!({"url": url(&site, "/")}));
    let said = hears(&owner, workspace, away).await;
    assert!(
        said.contains("reaches nothing outside of its workspace"),
        "{said}"
    );
    assert!(site.visits().is_empty());
    assert_eq!(page(&folder), "# As it was\n");
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 1);
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn level_1_changes_its_workspace_and_runs_what_is_named_and_a_change_of_level_counts_at_once()
{
    let setup = laptop().with("[sandbox]\nstandard_programs = [\"sh\", \"bash\", \"cat\", \"chmod\", \"git\", \"/usr/lib/git-core\"]\n");
    let world = world(setup).await;
    let owner = world.owner();
    let folder = world.project(&[("page.md", "# As it was\n")]);
    let workspace = owner.opens(&folder).await;
    at_level(&owner, "STANDARD").await;
    let allowed = "git init -q /tmp/sub && echo more > /tmp/sub/made && cat page.md /tmp/sub/made && git -C /tmp/sub status --short && echo more > made";
    let said = hears(&owner, workspace, script().shell(allowed)).await;
    assert!(
        said.contains("As it was") && said.contains("more") && said.contains("?? made"),
        "{said}"
    );
    let asked = world
        .model
        .recorded()
        .last()
        .expect("a turn")
        .body
        .to_string();
    assert!(asked.contains("only these programs run: sh bash cat chmod git"));
    assert!(offered(&world).iter().any(|tool| tool == "shell"));
    for (command, why) in [
        ("id", "not named"),
        ("/usr/bin/env true", "not named"),
        (
            "cat /usr/bin/id > /tmp/mine; chmod 755 /tmp/mine; /tmp/mine",
            "its own making",
        ),
        ("git -c alias.x='!id' x", "a child of what is named"),
        (
            "git -c core.pager=id --paginate log",
            "a child of what is named",
        ),
    ] {
        let said = hears(&owner, workspace, script().shell(command)).await;
        assert!(!said.contains("uid="), "{command} ({why}): {said}");
    }
    let refused = hears(&owner, workspace, script().shell("id")).await;
    assert!(refused.contains("ermission denied"), "{refused}");
    assert!(
        refused.contains("an agent of level STANDARD may not do this"),
        "{refused}"
    );
    // Another level counts for the next task, and no level at all is not narrowed.
    at_level(&owner, "RESTRICTED").await;
    let said = hears(&owner, workspace, script().shell("cat page.md")).await;
    assert!(!said.contains("As it was"), "{said}");
    let free = PutPolicy {
        agents: Some(json!({})),
        ..PutPolicy::default()
    };
    owner.client.put_policy(&free).await.expect("a policy");
    assert!(
        hears(&owner, workspace, script().shell("id"))
            .await
            .contains("uid=")
    );
    assert_eq!(page(&folder), "# As it was\n");
}
