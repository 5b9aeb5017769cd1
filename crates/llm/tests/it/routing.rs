//! Who is asked, when, with what, and what it costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wardroom_llm::{
    Delta, Image, Message, ModelCall, ModelRole, Part, Preview, Router, RoutingSettings,
};
use wardroom_testkit::models::{Asked, Dialect, Fault, Said};

use crate::world::{FAST, call, model, permit, router, says, stand_in};

fn named(name: &'static str) -> impl Fn(&Asked) -> Said + Send + Sync + 'static {
    move |_| Said::text(format!("This is {name} speaking."))
}

#[tokio::test]
async fn a_fallback_replaces_the_preview_and_tells_of_its_attempts() {
    let primary = stand_in(Dialect::OpenAi, named("primary")).await;
    let backup = stand_in(Dialect::Anthropic, named("backup")).await;
    primary.will([Fault::CutStream, Fault::ServerError]);
    let router = router(vec![
        model("primary", "openai", &primary, "retries_max = 1\n"),
        model(
            "backup",
            "anthropic",
            &backup,
            "price_in_per_mtok = 3\nprice_out_per_mtok = 15\n",
        ),
    ]);
    let mut shown: BTreeMap<u32, String> = BTreeMap::new();
    let mut preview = |piece: Preview| {
        if let Delta::Text { text } = piece.delta {
            shown.entry(piece.attempt).or_default().push_str(&text);
        }
    };
    let conversed = router
        .converse(permit(call()), &says("Speak."), &mut preview)
        .await
        .unwrap();
    assert_eq!(
        (conversed.model.as_str(), &*conversed.reply.text),
        ("backup", "This is backup speaking.")
    );
    let attempts = conversed.attempts.iter();
    let attempts: Vec<_> = attempts
        .map(|attempt| (attempt.number, &*attempt.model, attempt.error.code()))
        .collect();
    assert_eq!(
        attempts,
        [(1, "primary", "malformed"), (2, "primary", "overloaded")]
    );
    assert_eq!(shown.keys().collect::<Vec<_>>(), [&1, &3]);
    assert_eq!(shown[&3], conversed.reply.text);
    let usage = backup.usage();
    assert_eq!(
        conversed.cost.micro_usd,
        usage.input_tokens * 3 + usage.output_tokens * 15
    );
}

#[tokio::test]
async fn retry_after_is_honoured_and_too_long_a_wait_is_not_waited() {
    let server = stand_in(Dialect::OpenAi, named("primary")).await;
    let backup = stand_in(Dialect::OpenAi, named("backup")).await;
    let router = router(vec![
        model("primary", "openai", &server, ""),
        model("backup", "openai", &backup, ""),
    ]);
    server.will([Fault::RateLimited {
        retry_after_s: Some(0.3),
    }]);
    let begun = Instant::now();
    let patient = router
        .converse(permit(call()), &says("Speak."), &mut |_| {})
        .await
        .unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        (
            patient.model.as_str(),
            patient.attempts[0].waited.as_millis()
        ),
        ("primary", 300)
    );

    server.will([Fault::RateLimited {
        retry_after_s: Some(3600.0),
    }]);
    let passed = router
        .converse(permit(call()), &says("Speak."), &mut |_| {})
        .await
        .unwrap();
    assert_eq!(
        (passed.model.as_str(), passed.attempts.len()),
        ("backup", 1)
    );
}

#[tokio::test]
async fn role_and_task_type_choose_the_chain() {
    let quick = stand_in(Dialect::Ollama, named("quick")).await;
    let strong = stand_in(Dialect::Anthropic, named("strong")).await;
    let scholar = stand_in(Dialect::Zai, named("scholar")).await;
    let routing = RoutingSettings {
        coordinator: vec!["quick".into()],
        executor: vec!["strong".into()],
        task_types: BTreeMap::from([("research".into(), vec!["scholar".into()])]),
    };
    let models = [
        model("quick", "ollama", &quick, ""),
        model("strong", "anthropic", &strong, ""),
        model("scholar", "zai", &scholar, ""),
    ];
    let router = Router::new(models, routing, FAST).unwrap();
    let table = [
        (ModelRole::Coordinator, None, "quick"),
        (ModelRole::Executor, None, "strong"),
        (ModelRole::Executor, Some("research"), "scholar"),
        (ModelRole::Executor, Some("code"), "strong"),
    ];
    for (role, task_type, expected) in table {
        let call = ModelCall {
            role,
            task_type: task_type.map(str::to_owned),
            ..call()
        };
        let conversed = router
            .converse(permit(call), &says("Speak."), &mut |_| {})
            .await
            .unwrap();
        assert_eq!(conversed.model, expected, "{role:?} {task_type:?}");
    }
}

fn looks(asked: &Asked) -> Said {
    let sees = asked.request.messages.iter().any(Message::has_images);
    let told = asked
        .request
        .messages
        .iter()
        .any(|message| message.text().contains("cannot see"));
    Said::text(format!("sees {sees}, told {told}"))
}

#[tokio::test]
async fn pictures_go_to_models_that_see_and_others_are_told() {
    let blind = stand_in(Dialect::OpenAi, looks).await;
    let seeing = stand_in(Dialect::OpenAi, looks).await;
    let image = Image {
        media_type: "image/png".into(),
        bytes_base64: "iVBORw0KGgo=".into(),
    };
    let mut request = says("What is this?");
    request.messages[0].content.push(Part::Image(image));
    let with_images = || ModelCall {
        needs_images: true,
        ..call()
    };

    let both = router(vec![
        model("blind", "openai", &blind, ""),
        model("seeing", "openai", &seeing, "sees_images = true\n"),
    ]);
    let conversed = both
        .converse(permit(with_images()), &request, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(
        (&*conversed.model, &*conversed.reply.text),
        ("seeing", "sees true, told false")
    );

    let alone = router(vec![model("blind", "openai", &blind, "")]);
    let conversed = alone
        .converse(permit(with_images()), &request, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(conversed.reply.text, "sees false, told true");
}

#[tokio::test]
async fn a_persons_own_key_goes_to_its_model_only() {
    let primary = stand_in(Dialect::OpenAi, named("primary")).await;
    let backup = stand_in(Dialect::Anthropic, named("backup")).await;
    let router = router(vec![
        model("primary", "openai", &primary, ""),
        model("backup", "anthropic", &backup, ""),
    ]);
    let own_keys = BTreeMap::from([("primary".into(), "sk-of-alice".into())]);
    let call = ModelCall { own_keys, ..call() };
    assert!(!format!("{call:?}").contains("sk-of-alice"));
    let conversed = router
        .converse(permit(call), &says("Speak."), &mut |_| {})
        .await
        .unwrap();
    // The stand-in does not know alice's key, so the road leads on to the backup.
    assert_eq!(
        (&*conversed.model, conversed.attempts[0].error.code()),
        ("backup", "refused")
    );
    assert_eq!(
        primary.recorded()[0].headers["authorization"],
        "Bearer sk-of-alice"
    );
    assert_eq!(backup.recorded()[0].headers["x-api-key"], crate::world::KEY);
    assert!(!format!("{:?}", conversed.attempts).contains("sk-of-alice"));
}

#[tokio::test]
async fn when_nobody_answers_the_sentence_names_everyone_asked() {
    let primary = stand_in(Dialect::OpenAi, named("primary")).await;
    let backup = stand_in(Dialect::Anthropic, named("backup")).await;
    primary.will([Fault::ServerError, Fault::Overloaded]);
    backup.will([Fault::RateLimited {
        retry_after_s: Some(60.0),
    }]);
    let router = router(vec![
        model("primary", "openai", &primary, "retries_max = 1\n"),
        model("backup", "anthropic", &backup, ""),
    ]);
    let exhausted = router
        .converse(permit(call()), &says("Speak."), &mut |_| {})
        .await
        .unwrap_err();
    assert_eq!(
        exhausted.to_string(),
        "no model could answer: primary: the provider is overloaded or failing (HTTP 503): That \
         model is currently overloaded with other requests (server_error); backup: the provider \
         limits our rate and asks us to wait 60 s"
    );
}
