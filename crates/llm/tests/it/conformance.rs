//! What must hold in every dialect while the provider behaves.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wardroom_llm::{Finish, Image, Message, ModelError, Part, Role, find_ollama, http::Clients};
use wardroom_testkit::models::{Asked, Dialect, ModelStandIn, Options, Said};

use crate::world::{DIALECTS, KEY, ask, build, model, says, stand_in};

const SPEECH: &str = "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich. 🦊";

fn speaks(_: &Asked) -> Said {
    Said::text(SPEECH)
}

#[tokio::test]
async fn text_streams_in_and_the_reply_is_whole() {
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, speaks).await;
        let (reply, shown) = ask(&model("m", provider, &server, ""), &says("Speak.")).await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.text.as_str(), reply.finish),
            (SPEECH, Finish::Stop),
            "{provider}"
        );
        assert_eq!(
            shown, SPEECH,
            "{provider}: the preview adds up to the reply"
        );
        assert_eq!(reply.model, "wise-1", "{provider}");
        assert_eq!(reply.usage, server.usage(), "{provider}");
        assert!(
            !reply.usage.is_estimated && reply.usage.input_tokens > 0,
            "{provider}"
        );
    }
}

/// Calls two tools, then repeats what they returned.
fn works(asked: &Asked) -> Said {
    let last = asked.request.messages.iter().rev();
    let results = last.take_while(|message| message.role != Role::Assistant);
    let results = results
        .flat_map(|message| &message.content)
        .filter_map(|part| match part {
            Part::ToolResult { text, .. } => Some(text.as_str()),
            _ => None,
        });
    let mut results: Vec<_> = results.collect();
    results.sort();
    match results.as_slice() {
        [] => Said {
            text: "I look.".into(),
            ..Said::default()
        }
        .and_call("shell", json!({"command": "ls -l \"a b\""}))
        .and_call("file_read", json!({"path": "ä/ö.md"})),
        results => Said::text(results.join(" | ")),
    }
}

#[tokio::test]
async fn parallel_tool_calls_go_out_and_their_results_come_back() {
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, works).await;
        let routed = model("m", provider, &server, "");
        let mut request = says("Work.");
        let mut ids = Vec::new();
        for _ in 0..2 {
            let reply = ask(&routed, &request).await.0.unwrap();
            assert_eq!(reply.finish, Finish::ToolCalls, "{provider}");
            let calls: Vec<_> = reply
                .calls
                .iter()
                .map(|call| (&*call.name, &call.arguments))
                .collect();
            let expected = [
                ("shell", &json!({"command": "ls -l \"a b\""})),
                ("file_read", &json!({"path": "ä/ö.md"})),
            ];
            assert_eq!(calls, expected, "{provider}");
            ids.extend(reply.calls.iter().map(|call| call.id.clone()));
            request.messages.push(reply.to_message());
            let [first, second] = &reply.calls[..] else {
                panic!("{provider}")
            };
            request
                .messages
                .push(Message::tool_result(&first.id, "two files", false));
            request
                .messages
                .push(Message::tool_result(&second.id, "no such file", true));
            let answer = ask(&routed, &request).await.0.unwrap();
            assert!(
                answer.text.contains("no such file | two files")
                    || answer.text.contains("Error: no such file | two files"),
                "{provider}: {}",
                answer.text
            );
            request.messages.push(answer.to_message());
            request.messages.push(Message::user("Work again."));
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4, "{provider}: the ids of a conversation differ");
    }
}

#[tokio::test]
async fn a_conversation_moves_from_any_dialect_to_any_other() {
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, works).await;
        let mut request = says("Work.");
        let reply = ask(&model("m", provider, &server, ""), &request)
            .await
            .0
            .unwrap();
        request.messages.push(reply.to_message());
        for call in &reply.calls {
            request
                .messages
                .push(Message::tool_result(&call.id, "fine", false));
        }
        request.messages.push(Message::user("And hurry."));
        for (other, other_provider) in DIALECTS {
            let server = stand_in(other, works).await;
            let reply = ask(&model("m", other_provider, &server, ""), &request)
                .await
                .0;
            assert_eq!(
                reply.unwrap().text,
                "fine | fine",
                "{provider} to {other_provider}"
            );
        }
    }
}

#[tokio::test]
async fn pictures_arrive_and_settings_are_sent() {
    let sees = |asked: &Asked| match asked.request.messages.iter().any(Message::has_images) {
        true => Said {
            is_cut: true,
            ..Said::text("A fox")
        },
        false => Said::text("Nothing"),
    };
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, sees).await;
        let routed = model(
            "m",
            provider,
            &server,
            "sees_images = true\ntemperature = 0.5\nmax_tokens = 9\n",
        );
        let mut request = says("What is this?");
        let image = Image {
            media_type: "image/png".into(),
            bytes_base64: "iVBORw0KGgo=".into(),
        };
        request.messages[0].content.push(Part::Image(image));
        request.stop = vec!["END".into()];
        request.user_key = Some("user-digest".into());
        let reply = ask(&routed, &request).await.0.unwrap();
        assert_eq!(
            (reply.text.as_str(), reply.finish),
            ("A fox", Finish::Length),
            "{provider}"
        );
        let body = &server.recorded()[0].body;
        assert_eq!(
            (&body["temperature"], &body["max_tokens"]),
            (&json!(0.5), &json!(9)),
            "{provider}"
        );
    }
}

#[tokio::test]
async fn the_key_travels_in_the_header_of_the_dialect_and_nowhere_else() {
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, speaks).await;
        let routed = model("m", provider, &server, "");
        ask(&routed, &says("Speak.")).await.0.unwrap();
        let mut own = says("Speak.");
        own.own_key = Some("sk-of-alice".into());
        let refused = ask(&routed, &own).await.0.unwrap_err();
        assert!(
            matches!(refused, ModelError::Refused { status: 401, .. }),
            "{provider}: {refused}"
        );
        let recorded = server.recorded();
        let sent = |at: usize| match dialect {
            Dialect::Anthropic => recorded[at].headers["x-api-key"].clone(),
            _ => recorded[at].headers["authorization"].replace("Bearer ", ""),
        };
        assert_eq!(
            (sent(0).as_str(), sent(1).as_str()),
            (KEY, "sk-of-alice"),
            "{provider}"
        );
        assert!(!recorded[0].body.to_string().contains(KEY), "{provider}");
        if dialect == Dialect::OpenRouter {
            assert_eq!(recorded[0].headers["x-title"], "Wardroom");
        }
    }
}

/// A redirect would carry the key to another host.
#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let target = stand_in(Dialect::OpenAi, speaks).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let location = format!("{}/chat/completions", target.base_url());
    let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(moved.as_bytes()).await.unwrap();
    });
    let text = format!("provider = \"openai\"\nbase_url = \"http://{address}/v1\"\nmodel = \"x\"");
    let routed = build("m", &text, Some(KEY)).unwrap();
    let error = ask(&routed, &says("Speak.")).await.0.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("set base_url to the final address"),
        "{error}"
    );
    assert!(target.recorded().is_empty());
}

#[tokio::test]
async fn servers_that_know_less_are_met_half_way() {
    let mut options = Options::new(Dialect::OpenAi, KEY);
    options.refuses_stream_options = true;
    let server = ModelStandIn::start(options.clone(), speaks).await.unwrap();
    let routed = model("m", "openai", &server, "");
    for _ in 0..2 {
        let reply = ask(&routed, &says("Speak.")).await.0.unwrap();
        assert!(reply.text == SPEECH && reply.usage.is_estimated && reply.usage.output_tokens > 0);
    }
    assert_eq!(server.recorded().len(), 3, "the refusal is remembered");

    options.never_streams = true;
    options.refuses_stream_options = false;
    let server = ModelStandIn::start(options.clone(), works).await.unwrap();
    let reply = ask(&model("m", "openai", &server, ""), &says("Work."))
        .await
        .0
        .unwrap();
    assert_eq!((reply.calls.len(), reply.text.as_str()), (2, "I look."));
}

#[tokio::test]
async fn a_model_without_function_calling_works_by_prompt() {
    let mut options = Options::new(Dialect::Ollama, KEY);
    options.refuses_tools = true;
    let server = ModelStandIn::start(options, |asked: &Asked| {
        let system = asked.request.messages[0].text();
        assert!(system.contains("## shell") && asked.request.tools.is_empty());
        match asked.request.messages.last().unwrap().text() {
            text if text.contains("two files") => Said::text("There are two."),
            _ => Said::text("I look.\n```tool\n{\"name\": \"shell\", \"arguments\": {\"command\": \"ls\"}}\n```"),
        }
    })
    .await
    .unwrap();
    let refused = ask(&model("m", "ollama", &server, ""), &says("Work."))
        .await
        .0
        .unwrap_err();
    assert!(
        refused.to_string().contains("set tools = \"prompted\""),
        "{refused}"
    );

    let routed = model("m", "ollama", &server, "tools = \"prompted\"\n");
    let mut request = says("Work.");
    let (reply, shown) = ask(&routed, &request).await;
    let reply = reply.unwrap();
    assert_eq!(
        (shown.as_str(), reply.text.as_str()),
        ("I look.\n", "I look.")
    );
    assert_eq!(
        (reply.calls[0].name.as_str(), reply.finish),
        ("shell", Finish::ToolCalls)
    );
    request.messages.push(reply.to_message());
    request
        .messages
        .push(Message::tool_result(&reply.calls[0].id, "two files", false));
    assert_eq!(
        ask(&routed, &request).await.0.unwrap().text,
        "There are two."
    );
}

#[tokio::test]
async fn a_running_ollama_is_found_and_silence_is_no_error() {
    let clients = Clients::new();
    let server = ModelStandIn::start(Options::open(Dialect::Ollama), speaks)
        .await
        .unwrap();
    let found = find_ollama(&clients, &format!("http://{}", server.address()))
        .await
        .unwrap();
    assert_eq!(
        (found.base_url, found.models),
        (server.base_url(), vec!["stand-in:latest".into()])
    );
    assert_eq!(find_ollama(&clients, "http://127.0.0.1:1").await, None);

    let text = format!(
        "provider = \"ollama\"\nbase_url = \"{}\"\nmodel = \"x\"",
        server.base_url()
    );
    let reply = ask(&build("m", &text, None).unwrap(), &says("Speak."))
        .await
        .0;
    assert_eq!(reply.unwrap().text, SPEECH);
}
