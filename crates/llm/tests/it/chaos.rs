//! Every way of failing, in every dialect: named right, survived by a retry, survived by a
//! fallback.

use std::time::Duration;

use wardroom_llm::ModelError;
use wardroom_testkit::models::{Asked, Fault, Said};

use crate::world::{DIALECTS, QUICK, ask, call, model, permit, router, says, stand_in};

fn speaks(_: &Asked) -> Said {
    Said::text("A reply that is long enough to be cut in the middle.")
}

/// Each fault with the code of the error that it must become.
fn faults() -> Vec<(Fault, &'static str)> {
    vec![
        (
            Fault::RateLimited {
                retry_after_s: Some(0.1),
            },
            "rate_limited",
        ),
        (
            Fault::RateLimited {
                retry_after_s: None,
            },
            "rate_limited",
        ),
        (Fault::ServerError, "overloaded"),
        (Fault::Overloaded, "overloaded"),
        (Fault::BadGateway, "overloaded"),
        (Fault::Hang, "timed_out"),
        (Fault::HangMidStream, "timed_out"),
        (Fault::SlowFirstByte(Duration::from_secs(5)), "timed_out"),
        (Fault::Reset, "unreachable"),
        (Fault::CutStream, "malformed"),
        (Fault::ErrorMidStream, "overloaded"),
        (Fault::MalformedJson, "malformed"),
        (Fault::Empty, "malformed"),
        (Fault::BrokenToolArguments, "malformed"),
    ]
}

#[tokio::test]
async fn every_fault_becomes_the_right_error() {
    let dialects = DIALECTS.map(|(dialect, provider)| async move {
        let server = stand_in(dialect, speaks).await;
        let routed = model("m", provider, &server, QUICK);
        for (fault, code) in faults() {
            server.will([fault.clone()]);
            let error = ask(&routed, &says("Speak.")).await.0.unwrap_err();
            assert_eq!(error.code(), code, "{provider} {fault:?}: {error}");
            assert!(error.is_retryable(), "{provider} {fault:?}");
            assert!(
                error.to_string().len() < 600,
                "{provider} {fault:?}: {error}"
            );
        }
    });
    futures_util::future::join_all(dialects).await;
}

#[tokio::test]
async fn an_error_inside_a_good_status_is_an_error() {
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, speaks).await;
        server.will([Fault::ErrorInsideOk]);
        let error = ask(&model("m", provider, &server, ""), &says("Speak."))
            .await
            .0
            .unwrap_err();
        assert!(error.is_retryable(), "{provider}: {error}");
    }
}

#[tokio::test]
async fn every_fault_is_survived_by_a_retry_and_by_a_fallback() {
    let journeys = faults().into_iter().map(|(fault, code)| async move {
        let primary = stand_in(DIALECTS[0].0, speaks).await;
        let backup = stand_in(DIALECTS[5].0, speaks).await;
        let once_more = format!("retries_max = 1\n{QUICK}");
        let router = router(vec![
            model("primary", "openai", &primary, &once_more),
            model("backup", "anthropic", &backup, ""),
        ]);
        primary.will([fault.clone()]);
        let retried = router
            .converse(permit(call()), &says("Speak."), &mut |_| {})
            .await
            .unwrap();
        assert_eq!(
            (&*retried.model, retried.attempts.len()),
            ("primary", 1),
            "{fault:?}"
        );
        assert_eq!(retried.attempts[0].error.code(), code, "{fault:?}");

        primary.will([fault.clone(), fault.clone()]);
        let fallen = router
            .converse(permit(call()), &says("Speak."), &mut |_| {})
            .await
            .unwrap();
        assert_eq!(
            (&*fallen.model, fallen.attempts.len()),
            ("backup", 2),
            "{fault:?}"
        );
    });
    futures_util::future::join_all(journeys).await;
}

/// Whether arguments fit a schema and whether a tool exists is the caller's to judge: it answers
/// the model with a sentence, so such replies must reach it.
#[tokio::test]
async fn wrong_but_well_formed_calls_reach_the_caller() {
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, speaks).await;
        let routed = model("m", provider, &server, "");
        server.will([Fault::WrongToolArguments, Fault::UnknownTool]);
        let wrong = ask(&routed, &says("Work.")).await.0.unwrap();
        assert_eq!(wrong.calls[0].arguments["unheard_of"], 42, "{provider}");
        let unknown = ask(&routed, &says("Work.")).await.0.unwrap();
        assert_eq!(unknown.calls[0].name, "launch_rockets", "{provider}");
    }
}

#[tokio::test]
async fn what_will_not_get_better_is_not_repeated() {
    let server = stand_in(DIALECTS[0].0, speaks).await;
    let mut request = says("Speak.");
    request.tools[0].name = "no spaces please".into();
    let error = ask(&model("m", "openai", &server, ""), &request)
        .await
        .0
        .unwrap_err();
    assert!(
        matches!(error, ModelError::BadRequest { status: 400, .. }),
        "{error}"
    );
    let router = router(vec![model("m", "openai", &server, "retries_max = 5\n")]);
    let exhausted = router
        .converse(permit(call()), &request, &mut |_| {})
        .await
        .unwrap_err();
    assert_eq!(exhausted.attempts.len(), 1, "{exhausted}");
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let server = stand_in(DIALECTS[0].0, speaks).await;
    let routed = model("m", "openai", &server, "");
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = ask(&routed, &says("Speak.")).await.0.unwrap_err();
    assert_eq!(error.code(), "unreachable", "{error}");
}

#[tokio::test]
async fn a_runaway_answer_is_cut_off() {
    for (dialect, provider) in DIALECTS {
        let server = stand_in(dialect, speaks).await;
        server.will([Fault::Huge]);
        let error = ask(&model("m", provider, &server, ""), &says("Speak."))
            .await
            .0
            .unwrap_err();
        assert!(
            error.to_string().contains("longer than 8388608 bytes"),
            "{provider}: {error}"
        );
    }
}
