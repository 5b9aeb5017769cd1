//! Talking: every message is answered, files arrive, groups are told apart, webhooks work.

use super::{GROUP, Place, SECOND, TOKEN};
use crate::script::{follows, script};
use crate::{company, laptop};
use serde_json::json;
use wardroom_testkit::models::Fault;
use wardroom_testkit::telegram::Human;
use wardroom_testkit::world::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_inputs_get_fifty_answers_though_the_model_fails() {
    let place = Place::start_thinking(laptop(), follows).await;
    let alice = place.joins(42, "Alice", "member").await;
    let inputs: Vec<String> = (0..50)
        .map(|number| match number % 10 {
            0 => "/status".to_owned(),
            1 => "/help".to_owned(),
            2 => "/nonsense".to_owned(),
            3 => "/cancel task_nothing".to_owned(),
            4 => "🙃".to_owned(),
            5 => "/approve".to_owned(),
            6 => "ünïcödé \u{202e}\u{0007} <b>&amp;</b>".to_owned(),
            7 => "/task".to_owned(),
            _ => format!("message {number}"),
        })
        .collect();
    place.world.model.will([
        Fault::ServerError,
        Fault::RateLimited {
            retry_after_s: None,
        },
        Fault::Reset,
        Fault::Empty,
    ]);
    for (number, text) in inputs.iter().enumerate() {
        let before = place.telegram.sent(TOKEN, 42).len();
        place.telegram.says(TOKEN, &alice, text);
        eventually(&format!("an answer to {number}: {text}"), || async {
            (place.telegram.sent(TOKEN, 42).len() > before).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_always_fails_is_told_about() {
    let impatient = laptop().patience("retries_max = 0\ntimeout_ms = 2000\n");
    let place = Place::start(impatient).await;
    let alice = place.joins(42, "Alice", "member").await;
    place
        .world
        .model
        .will(std::iter::repeat_n(Fault::ServerError, 8));
    place.asks(&alice, "hello", "I cannot answer now").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn help_lists_what_this_person_may_do_here() {
    let place = Place::start(company()).await;
    let ada = place.joins(41, "Ada", "admin").await;
    let alice = place.joins(42, "Alice", "member").await;
    let admin = place.asks(&ada, "/help", "/status").await;
    let member = place.asks(&alice, "/help", "/status").await;
    assert!(admin.text.contains("/emergency") && !member.text.contains("/emergency"));
    for command in [
        "/tasks",
        "/cancel",
        "/approvals",
        "/approve",
        "/deny",
        "/bypass",
        "/task",
        "/config",
        "/search",
        "/open",
    ] {
        assert!(
            member.text.contains(command),
            "{command} in {}",
            member.text
        );
    }
    assert!(!member.text.contains("/admin_channel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_land_where_their_senders_tasks_read_them() {
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let reads = script().delegates(&[(
        "read it",
        script()
            .shell("cat /uploads/*notes.txt")
            .says("It says {last}"),
    )]);
    let file = ("notes.txt", "text/plain", b"the tide is high".to_vec());
    place
        .telegram
        .sends_file(TOKEN, &alice, file, &reads.to_string());
    place.hears(42, "the tide is high").await;
    // One that is too large is told about, and nothing else is lost.
    let id = place.telegram.keeps("film.mp4", vec![0], 21 * 1024 * 1024);
    let video = json!({"document": {"file_id": id, "file_unique_id": id, "file_name": "film.mp4",
        "file_size": 21 * 1024 * 1024}, "caption": "look at this"});
    place.telegram.sends(TOKEN, 42, &alice, video);
    place.hears(42, "too large").await;
    place.hears(42, "You said: look at this").await;
    // A voice note without words.
    let id = place.telegram.keeps("v.ogg", b"OggS".to_vec(), 4);
    let voice = json!({"voice": {"file_id": id, "file_unique_id": id, "duration": 1}});
    place.telegram.sends(TOKEN, 42, &alice, voice);
    place.hears(42, "voice.ogg").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_nobody_vouches_for_gets_nothing() {
    let place = Place::start(company()).await;
    let ada = place.joins(41, "Ada", "admin").await;
    let alice = place.joins(42, "Alice", "member").await;
    place.asks(&alice, "my secret is 4711", "You said").await;
    let calls = place.model_calls();
    for text in ["/status", "/tasks", "/task do it", "/admin_channel enable"] {
        place.telegram.says_in(TOKEN, GROUP, &alice, text);
    }
    place.hears(GROUP, "I do not know this group").await;
    place.hears(GROUP, "manage-policy").await;
    let mention = json!({"text": "@crew_bot what is my secret?",
        "entities": [{"type": "mention", "offset": 0, "length": 9}]});
    place.telegram.sends(TOKEN, GROUP, &alice, mention.clone());
    eventually("five answers", || async {
        (place.telegram.sent(TOKEN, GROUP).len() >= 5).then_some(())
    })
    .await;
    assert_eq!(place.model_calls(), calls, "no model heard of it");
    // What is not said to us is not ours.
    place.telegram.says_in(TOKEN, GROUP, &alice, "just talking");
    // The admins' own group is vouched for; topics are kept apart.
    place
        .telegram
        .says_in(TOKEN, GROUP, &ada, "/admin-channel enable");
    place.hears(GROUP, "gather here").await;
    let topic = json!({"text": "/status", "message_thread_id": 7, "is_topic_message": true});
    place.telegram.sends(TOKEN, GROUP, &ada, topic);
    let told = place.hears(GROUP, "Nothing of yours").await;
    assert_eq!(told.thread, Some(7));
    // A private word of staff is mirrored, one of a member is not.
    place.asks(&ada, "a word in private", "You said").await;
    place.hears(GROUP, "a word in private").await;
    place.asks(&alice, "members whisper", "You said").await;
    let hub = place.telegram.sent(TOKEN, GROUP);
    assert!(
        hub.iter()
            .all(|sent| !sent.text.contains("members whisper") && !sent.text.contains("4711"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_opened_by_its_secret_alone() {
    let telegram = wardroom_testkit::telegram::TelegramStandIn::start(&[
        (TOKEN, "crew_bot"),
        (SECOND, "other_bot"),
    ])
    .await;
    let telegram = telegram.expect("the stand-in listens");
    let bot = |name: &str, secret: &str| {
        format!(
            "[connectors.telegram.{name}]\ntoken = \"secret:{secret}\"\nmode = \"webhook\"\n\
             webhook_secret = \"secret:{secret}_hook\"\napi_base = \"{}\"\n\n",
            telegram.base_url()
        )
    };
    let setup = company()
        .secret("first", TOKEN)
        .secret("first_hook", "hush-1")
        .secret("second", SECOND)
        .secret("second_hook", "hush-2")
        .with(&bot("main", "first"))
        .with(&bot("other", "second"));
    let world = wardroom_testkit::world::World::start(setup, follows).await;
    let place = Place { world, telegram };
    let code = place.invites("member");
    let alice = Human::new(42, "Alice");
    let start = place
        .telegram
        .says(TOKEN, &alice, &format!("/start {code}"));
    let update = place.telegram.update(start).to_string();
    let post = |path: &'static str, secret: Option<&'static str>, body: String| {
        let url = format!("{}{path}", place.world.url());
        tokio::task::spawn_blocking(move || crate::http::post_update(&url, secret, &body))
    };
    let hook = "/telegram/webhook";
    for secret in [
        None,
        Some(""),
        Some("hush"),
        Some("hush-2"),
        Some("hush-11"),
    ] {
        assert_eq!(
            post(hook, secret, update.clone()).await.expect("an answer"),
            401,
            "{secret:?}"
        );
    }
    assert_eq!(
        post("/telegram/webhook/nobody", Some("hush-1"), update.clone())
            .await
            .expect("an answer"),
        404
    );
    assert_eq!(
        post(hook, Some("hush-1"), "nonsense".to_owned())
            .await
            .expect("an answer"),
        422
    );
    // Five times at once, once in effect.
    let five: Vec<_> = (0..5)
        .map(|_| post(hook, Some("hush-1"), update.clone()))
        .collect();
    for posted in five {
        assert_eq!(posted.await.expect("an answer"), 200);
    }
    place.hears(42, "Welcome").await;
    let hello = place.telegram.says(TOKEN, &alice, "hello");
    let hello = place.telegram.update(hello).to_string();
    let five: Vec<_> = (0..5)
        .map(|_| post(hook, Some("hush-1"), hello.clone()))
        .collect();
    for posted in five {
        assert_eq!(posted.await.expect("an answer"), 200);
    }
    place.hears(42, "You said: hello").await;
    assert_eq!(place.telegram.sent(TOKEN, 42).len(), 2);
    assert_eq!(place.model_calls(), 1);
    // The other bot is another door: what it brings is answered by it.
    let other = place.telegram.says(SECOND, &alice, "to the other");
    let other = place.telegram.update(other).to_string();
    let posted = post("/telegram/webhook/other", Some("hush-2"), other);
    assert_eq!(posted.await.expect("an answer"), 200);
    eventually("an answer of the other bot", || async {
        (place.telegram.sent(SECOND, 42).len() == 1).then_some(())
    })
    .await;
    assert_eq!(
        place.telegram.sent(TOKEN, 42).len(),
        2,
        "messages never cross"
    );
    // A new version counts from then on, and the old one no more.
    place.world.sets_secret("first_hook", "hush-3");
    eventually("the new secret to open the door", || async {
        let posted = post(hook, Some("hush-3"), hello.clone()).await;
        (posted.expect("an answer") == 200).then_some(())
    })
    .await;
    let posted = post(hook, Some("hush-1"), hello.clone()).await;
    assert_eq!(posted.expect("an answer"), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_the_token_counts_without_a_restart() {
    const RENEWED: &str = "1000:renewed-token";
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    place.telegram.renews_token(TOKEN, RENEWED);
    eventually("the old token to be refused", || async {
        let log = place.world.log();
        log.contains("does not accept the key").then_some(())
    })
    .await;
    place.telegram.says(RENEWED, &alice, "hello");
    place.world.sets_secret("telegram", RENEWED);
    eventually("an answer under the new token", || async {
        let sent = place.telegram.sent(RENEWED, 42);
        let mut answers = sent
            .iter()
            .filter(|sent| sent.text.contains("You said: hello"));
        answers.next().map(drop)
    })
    .await;
    let log = place.world.log();
    assert!(!log.contains("renewed-token"), "the log tells it");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_searched_and_opened_by_whose_they_are() {
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let bob = place.joins(43, "Bob", "member").await;
    let note = script().delegates(&[(
        "a note",
        script()
            .writes(
                "log/tide.md",
                "# Tide\n\nHigh water at **noon** <b>here</b>.\n",
            )
            .says("noted"),
    )]);
    place.telegram.says(TOKEN, &alice, &note.to_string());
    place.hears(42, "All told").await;
    let found = place.asks(&alice, "/search high WATER", "tide.md").await;
    assert!(found.text.contains("High water"), "{found:?}");
    let opened = place.asks(&alice, "/open log/tide.md", "noon").await;
    assert!(opened.text.contains("<b>here</b>"), "as text: {opened:?}");
    place
        .asks(&alice, "/search nothing-of-this", "Nothing of yours")
        .await;
    for path in ["../tide.md", "/etc/passwd", "log/../../x.md", "log/none.md"] {
        place
            .asks(&alice, &format!("/open {path}"), "no note")
            .await;
    }
    // What is hers is not his to find.
    place.asks(&bob, "/search water", "Nothing of yours").await;
    place.asks(&bob, "/open log/tide.md", "no note").await;
    place.asks(&alice, "/search", "what to look for").await;
    place.asks(&alice, "/open", "path of a note").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emoji_at_the_cut_stays_whole() {
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    // "You said: " is ten units; the family stands where 4096 of them end.
    for shift in 0..12 {
        let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
        let text = format!("{}{family} end{shift}.", "x".repeat(4096 - 10 - shift));
        place.telegram.says(TOKEN, &alice, &text);
        place.hears(42, &format!("end{shift}.")).await;
    }
    let sent = place.telegram.sent(TOKEN, 42);
    assert!(sent.iter().all(|sent| !sent.text.contains('\u{fffd}')));
    let people: usize = sent
        .iter()
        .map(|sent| sent.text.matches('👨').count())
        .sum();
    assert_eq!(people, 12, "none is cut or lost");
}
