//! What an operator is told when `[models.*]` or `[routing]` cannot be used.

use wardroom_llm::{ModelSettings, Router, RoutingSettings};

use crate::world::{FAST, build};

#[test]
fn each_mistake_has_its_sentence() {
    let openai = "provider = \"openai\"\nmodel = \"m\"\n";
    let table = [
        (
            "provider = \"opnai\"",
            "[models.default] provider \"opnai\" is unknown; did you mean \"openai\"?",
        ),
        (
            "provider = \"scripted\"",
            "[models.default] provider \"scripted\" needs script = \"story.yaml\"",
        ),
        (
            "provider = \"openai\"\nbase_url = \"http://h/v1\"",
            "[models.default] model = \"…\" is missing: the provider's name for it",
        ),
        (
            openai,
            "[models.default] provider \"openai\" needs a key: store it with `wardroom secret set default` and write api_key = \"secret:default\"",
        ),
        (
            &format!("{openai}base_url = \"localhost:11434/v1\""),
            "[models.default] base_url \"localhost:11434/v1\" is not usable: it must begin with http:// or https://",
        ),
        (
            &format!("{openai}base_url = \"http://\""),
            "[models.default] base_url \"http://\" is not usable: empty host",
        ),
        (
            &format!("{openai}base_url = \"https://me:pw@h/v1\""),
            "[models.default] base_url holds a user name or password; use api_key instead",
        ),
        (
            &format!("{openai}temperature = 3"),
            "[models.default] temperature lies between 0 and 2",
        ),
        (
            &format!("{openai}timeout_ms = 0"),
            "[models.default] a timeout is at least 1 ms",
        ),
        (
            "provider = \"scripted\"\nscript = \"gone.yaml\"",
            "[models.default] cannot read the script /nowhere/gone.yaml",
        ),
    ];
    for (text, sentence) in table {
        let error = build("default", text, None)
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(sentence), "{text}");
    }
}

#[test]
fn a_plain_key_is_refused_without_being_repeated() {
    let text = "provider = \"openai\"\nmodel = \"m\"\napi_key = \"sk-plain-text\"";
    let error = toml::from_str::<ModelSettings>(text).unwrap_err();
    let sentence = error.message();
    assert!(sentence.contains("wardroom secret set NAME"), "{sentence}");
    assert!(!sentence.contains("sk-plain-text"), "{sentence}");
}

#[test]
fn chains_name_models_that_there_are() {
    let local = "provider = \"ollama\"\nmodel = \"m\"";
    let told = |text: &str| {
        let routing: RoutingSettings = toml::from_str(text).unwrap();
        let models = [build("default", local, None).unwrap()];
        Router::new(models, routing, FAST)
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(told(""), None);
    assert_eq!(
        told("executor = [\"defualt\"]").unwrap(),
        "[routing] executor names \"defualt\", which no [models.*] defines; did you mean \"default\"?"
    );
    assert_eq!(
        told("coordinator = []").unwrap(),
        "[routing] coordinator names no model; write at least one of [models.*]"
    );
}
