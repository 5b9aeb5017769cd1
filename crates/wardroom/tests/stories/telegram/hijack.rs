//! Somebody else's approval: by command, button, API, guessed id, forwarded message, another name,
//! another bot.

use super::{Place, SECOND, TOKEN};
use crate::company;
use crate::script::script;
use serde_json::json;
use wardroom_api::approval::Verdict;
use wardroom_domain::{ApprovalId, TaskStatus};
use wardroom_testkit::telegram::Human;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_what_is_not_his() {
    let place = Place::start_with_two(company()).await;
    let ada = place.joins(41, "Ada", "admin").await;
    place.watches(&ada).await;
    let alice = place.joins(42, "Alice", "member").await;
    let bob = place.joins(43, "Bob", "member").await;
    let owner = place.world.owner();
    let write = script().delegates(&[("a note", script().writes("note.txt", "x").says("written"))]);
    place.telegram.says(TOKEN, &alice, &write.to_string());
    let asked = place.hears(super::GROUP, "May this happen").await;
    let private = place.hears(41, "May this happen").await;
    let approval = Place::id_in(&asked.text, "apr_");
    let id = ApprovalId::parse(&approval).expect("an id");
    let task = owner.is_asked().await.task;
    let waits = || async {
        let waiting = owner.sees(task).await;
        assert_eq!(waiting.status, TaskStatus::WaitingApproval);
    };
    // By command: the requester's own, a colleague's, a guessed id.
    let command = format!("/approve {approval}");
    place.asks(&alice, &command, "No").await;
    place.asks(&bob, &command, "No").await;
    place
        .asks(&bob, "/approve apr_01JZZZZZZZZZZZZZZZZZZZZZZZ", "No")
        .await;
    waits().await;
    // By button: in the group, and with the token of somebody else's message, forged.
    let told = place.presses(&bob, &asked, "Approve").await;
    assert!(!told.contains("Approved"), "{told}");
    let stolen = private.button("Approve").expect("the admin's button");
    let press = place.telegram.presses_data(TOKEN, &bob, &private, &stolen);
    let told = place.told(&press).await;
    assert!(
        told.contains("person who asked") || told.contains("Nothing"),
        "{told}"
    );
    let elsewhere = place.hears(43, "Welcome").await;
    let press = place
        .telegram
        .presses_data(TOKEN, &bob, &elsewhere, &stolen);
    assert!(place.told(&press).await.contains("nothing here"));
    let press = place
        .telegram
        .presses_data(TOKEN, &bob, &elsewhere, "approve:guess");
    assert!(place.told(&press).await.contains("nothing here"));
    // By a stranger.
    let eve = Human::new(66, "Ada");
    let press = place.telegram.presses_data(TOKEN, &eve, &asked, &stolen);
    assert!(place.told(&press).await.contains("do not know you"));
    waits().await;
    // By API.
    let carol = place.world.person("carol", "member");
    carol
        .decides(id, Verdict::Approve)
        .await
        .expect_err("it is not hers");
    // By a forwarded and by an edited command of the admin himself.
    let origin = json!({"type": "user", "sender_user": {"id": 43, "is_bot": false, "first_name": "Bob"}, "date": 1});
    let forwarded = json!({"text": command, "forward_origin": origin});
    place.telegram.sends(TOKEN, 41, &ada, forwarded);
    place
        .hears(41, "Commands count when you send them yourself")
        .await;
    place.telegram.edits(TOKEN, 41, &ada, &command);
    waits().await;
    // By somebody who calls himself like the admin.
    let renamed = Human::new(43, "Ada");
    place.asks(&renamed, &command, "No").await;
    through_another_bot(&place, &command, &bob, &stolen).await;
    waits().await;
    assert_eq!(owner.sees(task).await.status, TaskStatus::WaitingApproval);
    // By who may: once.
    assert_eq!(place.presses(&ada, &private, "Approve").await, "Approved.");
    place.reads(&asked, "Approved by").await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    let press = place.telegram.presses_data(TOKEN, &ada, &private, &stolen);
    assert!(place.told(&press).await.contains("answered already"));
    // All of it is on the record.
    let log = place
        .world
        .verb(&["audit", "list", "--json", "--limit", "500"])
        .expect("the log");
    assert!(log.matches("approval.refused").count() >= 5, "{log}");
    assert!(place.world.audit_is_whole());
}

/// Another bot of the same org is another door: who somebody is holds there too, and what a button
/// is good for does not.
async fn through_another_bot(place: &Place, command: &str, bob: &Human, stolen: &str) {
    let guessed = "/approve apr_01JZZZZZZZZZZZZZZZZZZZZZZZ";
    for attempt in [command, guessed] {
        let before = place.telegram.sent(SECOND, bob.id).len();
        place.telegram.says(SECOND, bob, attempt);
        place.hears_second(bob.id, before, "No").await;
    }
    let renamed = Human::new(bob.id, "Ada");
    let before = place.telegram.sent(SECOND, bob.id).len();
    place.telegram.says(SECOND, &renamed, command);
    let shown = place.hears_second(bob.id, before, "No").await;
    // Whoever presses: this button was never shown here.
    let ada = Human::new(41, "Ada");
    for presser in [bob, &renamed, &ada] {
        let press = place.telegram.presses_data(SECOND, presser, &shown, stolen);
        assert!(place.told(&press).await.contains("nothing here"));
    }
    let origin = json!({"type": "user", "sender_user": {"id": 43, "is_bot": false, "first_name": "Bob"}, "date": 1});
    let forwarded = json!({"text": command, "forward_origin": origin});
    let before = place.telegram.sent(SECOND, ada.id).len();
    place.telegram.sends(SECOND, ada.id, &ada, forwarded);
    place
        .hears_second(ada.id, before, "Commands count when you send them yourself")
        .await;
    let before = place.telegram.sent(SECOND, 66).len();
    place.telegram.says(SECOND, &Human::new(66, "Ada"), command);
    place.hears_second(66, before, "do not know you").await;
    assert_eq!(
        place.telegram.sent(TOKEN, 66).len(),
        0,
        "what one bot is told is answered by that bot"
    );
}
