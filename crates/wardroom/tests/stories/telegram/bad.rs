//! Bad input: each is handled, told, and loses nothing.

use super::{GROUP, Place, TOKEN};
use crate::script::follows;
use crate::{company, laptop};
use serde_json::json;
use wardroom_testkit::telegram::{Hiccup, Human, TelegramStandIn};
use wardroom_testkit::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_is_taken_and_a_longer_one_refused_politely() {
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let long = "é👩🏽‍🚀 ".repeat(5000);
    place.telegram.says(TOKEN, &alice, &long);
    place.hears(42, "You said").await;
    wardroom_testkit::world::eventually("all of it", || async {
        let sent = place.telegram.sent(TOKEN, 42);
        let said: usize = sent.iter().map(|sent| sent.text.matches('é').count()).sum();
        (said == 5000).then_some(())
    })
    .await;
    place.telegram.says(TOKEN, &alice, &"x".repeat(200_000));
    place.hears(42, "put long text into a file").await;
}

/// The letters of the answers to somebody, without what is said around them.
fn letters(place: &Place, of: char) -> usize {
    let sent = place.telegram.sent(TOKEN, 42);
    sent.iter().map(|sent| sent.text.matches(of).count()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_characters_come_and_go_whole() {
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    place.telegram.says(TOKEN, &alice, &"q".repeat(100_000));
    wardroom_testkit::world::eventually("exactly as many as were said", || async {
        (letters(&place, 'q') == 100_000).then_some(())
    })
    .await;
    // Two bytes each: as many are beyond what a message may have, and it is told so.
    place.telegram.says(TOKEN, &alice, &"ы".repeat(100_000));
    place.hears(42, "200000 bytes").await;
    assert_eq!(letters(&place, 'ы'), 0);
    place
        .asks(&alice, "still there?", "You said: still there?")
        .await;
    let kinds = place
        .world
        .verb(&["audit", "list", "--json", "--limit", "500"])
        .expect("the log");
    assert!(kinds.matches("message.received").count() >= 2, "{kinds}");
    assert!(place.world.audit_is_whole());
}

/// Telegram brings kinds that a bot did not ask for to webhooks that were set by hand.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_an_unknown_kind_is_answered_written_down_and_holds_up_nothing() {
    let telegram = TelegramStandIn::start(&[(TOKEN, "crew_bot")]).await;
    let telegram = telegram.expect("the stand-in listens");
    let section = format!(
        "[connectors.telegram.main]\ntoken = \"secret:telegram\"\nmode = \"webhook\"\n\
         webhook_secret = \"secret:hook\"\napi_base = \"{}\"\n\n",
        telegram.base_url()
    );
    let setup = company()
        .secret("telegram", TOKEN)
        .secret("hook", "hush")
        .with(&section);
    let world = World::start(setup, follows).await;
    let place = Place { world, telegram };
    let post = |update: serde_json::Value| {
        let url = format!("{}/telegram/webhook", place.world.url());
        let post = move || crate::http::post_update(&url, Some("hush"), &update.to_string());
        tokio::task::spawn_blocking(post)
    };
    let alice = Human::new(42, "Alice");
    let start = format!("/start {}", place.invites("member"));
    let start = place.telegram.says(TOKEN, &alice, &start);
    let start = place.telegram.update(start);
    assert_eq!(post(start).await.expect("an answer"), 200);
    place.hears(42, "Welcome").await;
    let from = json!({"id": 42, "is_bot": false, "first_name": "Alice"});
    let chat = json!({"id": 42, "type": "private", "first_name": "Alice"});
    let thought = json!({"update_id": 900_000_001, "telepathy": {"from": from, "chat": chat, "thought": "hm"}});
    for _ in 0..2 {
        assert_eq!(post(thought.clone()).await.expect("an answer"), 200);
    }
    place.hears(42, "I cannot read this (telepathy)").await;
    // One that tells neither who nor where, and one that tells nothing at all.
    for nobody in [
        json!({"update_id": 900_000_002, "weather": {"wind": 7}}),
        json!({"update_id": 900_000_003}),
    ] {
        assert_eq!(post(nobody).await.expect("an answer"), 200);
    }
    let after = place.telegram.says(TOKEN, &alice, "still there?");
    let after = place.telegram.update(after);
    assert_eq!(post(after).await.expect("an answer"), 200);
    place.hears(42, "You said: still there?").await;
    assert_eq!(
        place.telegram.sent(TOKEN, 42).len(),
        3,
        "brought twice, it is answered once"
    );
    let log = place
        .world
        .verb(&["audit", "list", "--json", "--limit", "500"])
        .expect("the log");
    assert_eq!(log.matches("telepathy").count(), 1, "{log}");
    assert!(place.world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_understands_is_answered() {
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let from = json!({"id": 42, "is_bot": false, "first_name": "Alice"});
    let chat = json!({"id": 42, "type": "private", "first_name": "Alice"});
    // Of a known kind, in a shape that this version cannot read.
    place.telegram.brings_raw(
        TOKEN,
        "message",
        json!({"from": from, "chat": chat, "text": {"no": "text"}}),
    );
    place.hears(42, "I cannot read this").await;
    // A message without words or files.
    place.telegram.sends(
        TOKEN,
        42,
        &alice,
        json!({"dice": {"emoji": "🎲", "value": 3}}),
    );
    place
        .asks(&alice, "still there?", "You said: still there?")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_becomes_a_supergroup_and_nothing_is_lost() {
    let place = Place::start(company()).await;
    place.telegram.group(-5, "old deck");
    let ada = place.joins(41, "Ada", "admin").await;
    place
        .telegram
        .says_in(TOKEN, -5, &ada, "/admin_channel enable");
    place.hears(-5, "gather here").await;
    place.telegram.upgrades(TOKEN, -5, GROUP, &ada);
    place.asks(&ada, "a private word", "You said").await;
    place.hears(GROUP, "a private word").await;
    place.telegram.says_in(TOKEN, GROUP, &ada, "/status");
    place.hears(GROUP, "Nothing of yours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_the_bot_finds_his_answers_when_he_comes_back() {
    let place = Place::start(company()).await;
    let ada = place.joins(41, "Ada", "admin").await;
    place.watches(&ada).await;
    let alice = place.joins(42, "Alice", "member").await;
    place.telegram.says(TOKEN, &alice, "an important question");
    place.telegram.blocks(TOKEN, &alice, true);
    place.hears(GROUP, "shut me out").await;
    crate::pause(1500).await;
    place.telegram.blocks(TOKEN, &alice, false);
    place.hears(42, "You said: an important question").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_waited_for_in_order() {
    let place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    place.telegram.hiccups(
        "sendMessage",
        [Hiccup::Flood(1), Hiccup::Status(500), Hiccup::Flood(1)],
    );
    for number in 0..5 {
        place
            .telegram
            .says(TOKEN, &alice, &format!("number {number}"));
    }
    place.hears(42, "number 4").await;
    let sent = place.telegram.sent(TOKEN, 42);
    let said: Vec<_> = sent
        .iter()
        .filter(|sent| sent.text.contains("number"))
        .map(|sent| sent.text.clone())
        .collect();
    let expected: Vec<_> = (0..5)
        .map(|number| format!("You said: number {number}"))
        .collect();
    assert_eq!(said, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_told_and_the_rest_goes_on() {
    let setup = laptop()
        .secret("bad", "3000:revoked")
        .secret("gone", "4000:unreached");
    let place = {
        let telegram =
            wardroom_testkit::telegram::TelegramStandIn::start(&[(TOKEN, "crew_bot")]).await;
        let telegram = telegram.expect("the stand-in listens");
        let base = telegram.base_url();
        let setup = setup.secret("telegram", TOKEN).with(&format!(
            "[connectors.telegram.main]\ntoken = \"secret:telegram\"\napi_base = \"{base}\"\n\n\
             [connectors.telegram.dead]\ntoken = \"secret:bad\"\napi_base = \"{base}\"\n\n\
             [connectors.telegram.gone]\ntoken = \"secret:gone\"\napi_base = \"http://127.0.0.1:1\"\n\n"
        ));
        let world = wardroom_testkit::world::World::start(setup, crate::script::follows).await;
        Place { world, telegram }
    };
    let alice = place.joins(42, "Alice", "member").await;
    place.asks(&alice, "hello", "You said: hello").await;
    // The portal tells the two apart when somebody asks it to try them.
    let (owner, member) = (place.world.token("owner"), place.world.token("Alice"));
    let listed = crate::govern::get(&place.world, "/v1/connectors", &member).json();
    for name in ["telegram:main", "telegram:dead"] {
        assert!(listed.to_string().contains(name), "{name} in {listed}");
    }
    let tries = |name: &str, token: &str| {
        let line = format!("POST /v1/connectors/{name}/test");
        crate::govern::send(&place.world, &line, token, json!({}))
    };
    let main = tries("telegram:main", &owner).json();
    assert_eq!(main["answers"], true, "{main}");
    assert!(main["detail"].to_string().contains("crew_bot"), "{main}");
    let dead = tries("telegram:dead", &owner);
    assert_eq!(dead.json()["answers"], false, "{}", dead.body);
    assert!(
        dead.body.contains("key") && !dead.body.contains("3000:revoked"),
        "{}",
        dead.body
    );
    assert_eq!(tries("telegram:main", &member).status, 403);
    assert_eq!(tries("telegram:none", &owner).status, 404);
    let log = place
        .world
        .verb(&["audit", "list", "--json", "--limit", "500"])
        .expect("the log");
    assert!(
        log.contains("connector.changed") && log.contains("telegram:dead"),
        "{log}"
    );
    // One is refused, and nobody is there to refuse the other: both are told without their token.
    let log = place.world.log();
    assert!(
        log.contains("telegram:dead") && log.contains("telegram:gone"),
        "{log}"
    );
    for token in ["3000:revoked", "4000:unreached"] {
        assert!(!log.contains(token), "no token in the log: {log}");
    }
}
