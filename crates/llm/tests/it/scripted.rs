//! Stories: played, restarted, served over HTTP, and refused with a line.

use serde_json::Value;
use wardroom_llm::{Message, ModelRequest, Story, ToolSchema};
use wardroom_testkit::models::{Dialect, StoryBrain};

use crate::world::{ask, model, stand_in, tool};

fn coordinator() -> Vec<ToolSchema> {
    vec![
        tool("delegate", "instructions"),
        tool("task_status", "task_id"),
    ]
}

fn executor() -> Vec<ToolSchema> {
    vec![tool("shell", "command"), tool("file_write", "path")]
}

/// Plays until the story answers without a call, and writes down what happened, a line a turn.
fn journal(story: &Story, tools: Vec<ToolSchema>, said: &str) -> String {
    let messages = vec![Message::user(said)];
    let mut request = ModelRequest {
        messages,
        tools,
        ..ModelRequest::default()
    };
    let mut lines = Vec::new();
    loop {
        let turn = story.next(&request);
        assert_eq!(
            turn,
            story.next(&request),
            "the same conversation has the same next turn"
        );
        if !turn.text.is_empty() {
            lines.push(format!("says {}", turn.text.replace('\n', "⏎")));
        }
        let content = turn
            .calls
            .iter()
            .cloned()
            .map(wardroom_llm::Part::ToolCall)
            .collect();
        request
            .messages
            .push(Message::new(wardroom_llm::Role::Assistant, content));
        for call in &turn.calls {
            let words = call
                .arguments
                .as_object()
                .unwrap()
                .values()
                .filter_map(Value::as_str);
            let words: String = words
                .collect::<Vec<_>>()
                .join(" · ")
                .chars()
                .take(60)
                .collect();
            lines.push(format!("calls {} {}", call.name, words.replace('\n', "⏎")));
            let result = format!("<{}>", call.name);
            request
                .messages
                .push(Message::tool_result(&call.id, result, false));
        }
        if turn.calls.is_empty() {
            return lines.join("\n");
        }
    }
}

#[test]
fn the_demo_answers_delegates_and_works() {
    let story = Story::demo().unwrap();
    assert!(journal(&story, coordinator(), "Hello there").starts_with("says Hello!"));
    let largest = "find the five largest files here and write them to report.md";
    let delegated = journal(&story, coordinator(), largest);
    assert!(
        delegated.contains("calls delegate Find the five largest files"),
        "{delegated}"
    );
    let survey = journal(&story, coordinator(), "Please survey this folder");
    assert_eq!(survey.matches("calls delegate").count(), 3, "{survey}");
    let work = journal(
        &story,
        executor(),
        "Tidy this folder: list the five largest files",
    );
    let steps: Vec<_> = work
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        steps.join(", "),
        "says First, calls shell, says Now, calls shell, calls shell, calls file_write, says The",
        "{work}"
    );
    let lost = journal(&story, coordinator(), "Write me a sonnet");
    assert!(
        lost.contains("have no line for \"Write me a sonnet\"")
            && lost.contains("[models.default]"),
        "{lost}"
    );
}

#[test]
fn the_demo_tells_results_and_bows_to_a_refusal() {
    let story = Story::demo().unwrap();
    let heard = "<untrusted-n1 source=\"result of delegated work\">\n**Tidy the folder** (task_1, \
                 SUCCEEDED)\nThe folder is tidy.\n</untrusted-n1>\nTell the person what came of it.";
    assert_eq!(
        journal(&story, Vec::new(), heard),
        "says **Tidy the folder** (task_1, SUCCEEDED)⏎The folder is tidy."
    );
    let denied = "Notice: denied by a person; do not try the same again";
    assert!(journal(&story, executor(), denied).contains("not approved"));
}

/// Conversations keep what was said, not the calls on the way to it.
#[test]
fn a_shortened_history_does_not_confuse_a_story() {
    let story = Story::parse(
        r#"
rules:
  - when: "status"
    steps:
      - call: [{tool: task_status}]
      - say: "All is well: {{last_tool_result}}"
  - when: "name"
    steps:
      - say: "What is your name?"
      - say: "Pleased to meet you."
"#,
    )
    .unwrap();
    let mut request = ModelRequest::default();
    let mut next = |said: &str| {
        request.messages.push(Message::user(said));
        let turn = story.next(&request);
        request.messages.push(Message::assistant(&turn.text));
        turn.text
    };
    assert_eq!(next("status?"), "");
    assert!(next("Fine.").contains("no line for"));
    assert_eq!(next("Ask for my name."), "What is your name?");
    assert_eq!(next("Ada"), "Pleased to meet you.");
}

#[test]
fn captures_times_and_results_have_their_say() {
    let story = Story::parse(
        r#"
rules:
  - when: "/count (\\w+) in (\\S+)/"
    steps:
      - call: [{tool: shell, arguments: {command: "grep -c {{1}} {{2}} # {{.Go}}"}}]
      - say: "{{1}}: {{last_tool_result}} ({{request}})"
  - when: "again"
    times: 1
    say: "once"
  - when: "again"
    say: "no more"
"#,
    )
    .unwrap();
    assert_eq!(
        journal(&story, executor(), "Count foxes in a.txt"),
        "calls shell grep -c foxes a.txt # {{.Go}}\nsays foxes: <shell> (Count foxes in a.txt)"
    );
    let mut request = ModelRequest::default();
    let mut heard = Vec::new();
    for _ in 0..3 {
        request.messages.push(Message::user("Again!"));
        let turn = story.next(&request);
        request.messages.push(Message::assistant(&turn.text));
        heard.push(turn.text);
    }
    assert_eq!(heard, ["once", "no more", "no more"]);
}

#[test]
fn steering_in_mid_story_does_not_lose_the_thread() {
    let story = Story::demo().unwrap();
    let messages = vec![Message::user("Tidy this folder")];
    let mut request = ModelRequest {
        messages,
        tools: executor(),
        ..ModelRequest::default()
    };
    let first = story.next(&request);
    let call = first.calls[0].clone();
    let content = vec![wardroom_llm::Part::ToolCall(call.clone())];
    request
        .messages
        .push(Message::new(wardroom_llm::Role::Assistant, content));
    request
        .messages
        .push(Message::tool_result(&call.id, "a\nb", false));
    request.messages.push(Message::user("Be quick about it."));
    let second = story.next(&request);
    assert!(
        second.calls[0].arguments.to_string().contains("-delete"),
        "{second:?}"
    );
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let table = [
        ("rules:\n  - when: a\n    sya: b\n", 3, "sya"),
        ("rules:\n  - when: a\n", 2, "needs say, call or steps"),
        (
            "rules:\n  - say: a\n  - when: '/(/'\n    say: b\n",
            3,
            "without closing",
        ),
        (
            "rules:\n  - say: a\n  - say: '{{nobody}}'\n",
            3,
            "{{nobody}} is unknown",
        ),
        (
            "rules:\n  - call:\n    - tool: shell\n      arguments: [1]\n",
            3,
            "not a mapping",
        ),
        ("rules: []\n", 1, "no rules"),
        ("rules:\n  - say: [unclosed\n", 2, ""),
        ("", 1, ""),
    ];
    for (yaml, line, reason) in table {
        let error = Story::parse(yaml).unwrap_err();
        assert_eq!(error.line, line, "{yaml}: {error}");
        assert!(error.to_string().contains(reason), "{yaml}: {error}");
    }
}

#[tokio::test]
async fn a_story_sounds_the_same_over_http() {
    let server = stand_in(Dialect::Anthropic, StoryBrain(Story::demo().unwrap())).await;
    let request = ModelRequest {
        messages: vec![Message::user("Please tidy this folder")],
        tools: coordinator(),
        ..ModelRequest::default()
    };
    let reply = ask(&model("m", "anthropic", &server, ""), &request)
        .await
        .0
        .unwrap();
    let turn = Story::demo().unwrap().next(&request);
    assert_eq!(reply.calls[0].arguments, turn.calls[0].arguments);
}
