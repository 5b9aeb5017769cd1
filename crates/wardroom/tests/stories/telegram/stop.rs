//! Stop means stop: in the middle of a tool, by whatever surface, the work ends with all that it
//! started, and it can be taken up again.

use super::{Place, TOKEN};
use crate::company;
use crate::remains::{marker, nothing_is_left, processes};
use crate::script::script;
use std::time::{Duration, Instant};
use wardroom_domain::{TaskId, TaskStatus};
use wardroom_testkit::telegram::{Human, Sent};
use wardroom_testkit::world::{Person, eventually};

/// "Within a second", with room for a machine that does other things too.
const AT_ONCE: Duration = Duration::from_secs(10);

/// How somebody says it.
#[derive(Clone, Copy, Debug)]
enum Surface {
    /// The button in the portal, which is this endpoint.
    Api,
    Word,
    Button,
    CommandLine,
}

/// A tool with children, and children that have left their session.
fn forks(marker: &str) -> String {
    format!(
        "for i in 1 2 3; do (sleep {marker} & wait) & setsid sleep {marker} & done; \
         setsid nohup sh -c 'sleep {marker} & wait' > /dev/null 2>&1 & sleep {marker}"
    )
}

struct Story {
    place: Place,
    alice: Human,
    portal: Person,
}

impl Story {
    async fn begins() -> Self {
        let place = Place::start(company()).await;
        let alice = place.joins(42, "Alice", "member").await;
        let portal = place.world.person_again("Alice");
        Self {
            place,
            alice,
            portal,
        }
    }

    /// What the chat shows of the task that came to run last, and its id.
    async fn runs(&self, before: usize, marker: &str) -> (Sent, TaskId) {
        let shown = self.place.hears_after(42, before, "RUNNING").await;
        let id = TaskId::parse(&Place::id_in(&shown.text, "task_")).expect("its id");
        is_in_the_middle(marker).await;
        (shown, id)
    }

    /// At a command line of her own.
    fn types(&self, verb: &str, id: TaskId) {
        let world = &self.place.world;
        let token = world.token("Alice");
        let typed = ["task", verb, &id.to_string(), "--server", world.url()];
        let knowing = [("WARDROOM_TOKEN", token.as_str())];
        world.verb_knowing(&typed, &knowing).expect("it is done");
    }

    async fn says_stop(&self, surface: Surface, shown: &Sent, id: TaskId) {
        match surface {
            Surface::Api => drop(self.portal.client.cancel_task(id).await.expect("stopped")),
            Surface::Word => drop(self.place.asks(&self.alice, "stop", "Stopped").await),
            Surface::Button => {
                let told = self.place.presses(&self.alice, shown, "Stop").await;
                assert_eq!(told, "Stopped.");
            }
            Surface::CommandLine => self.types("cancel", id),
        }
    }

    /// The same work again, by a way that fits the surface.
    async fn takes_up_again(&self, surface: Surface, shown: &Sent, id: TaskId) {
        match surface {
            Surface::Api => drop(self.portal.client.retry_task(id).await.expect("again")),
            Surface::Word => {
                let resume = format!("/resume {id}");
                self.place.asks(&self.alice, &resume, "Begun again").await;
            }
            Surface::Button => {
                let stopped = self.place.reads(shown, "CANCELED").await;
                let told = self
                    .place
                    .presses(&self.alice, &stopped, "Begin again")
                    .await;
                assert!(told.contains("Begun again"), "{told}");
            }
            Surface::CommandLine => self.types("retry", id),
        }
    }
}

async fn is_in_the_middle(marker: &str) {
    eventually("the tool to be in the middle of its work", || async {
        (processes(marker) >= 8).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_means_stop_by_every_surface_and_the_work_can_be_taken_up_again() {
    let story = Story::begins().await;
    let (place, portal) = (&story.place, &story.portal);
    let surfaces = [
        Surface::Api,
        Surface::Word,
        Surface::Button,
        Surface::CommandLine,
    ];
    for surface in surfaces {
        let marker = marker();
        let nap = script().shell(&forks(&marker)).says("rested");
        let long = script().delegates(&[("nap", nap)]);
        let before = place.telegram.sent(TOKEN, 42).len();
        place.telegram.says(TOKEN, &story.alice, &long.to_string());
        let (shown, id) = story.runs(before, &marker).await;
        let began = Instant::now();
        story.says_stop(surface, &shown, id).await;
        let ended = portal.awaits_end(id).await;
        assert_eq!(ended.status, TaskStatus::Canceled, "{surface:?}");
        nothing_is_left(&place.world, &marker).await;
        let took = began.elapsed();
        assert!(took < AT_ONCE, "{surface:?} took {took:?}");
        // Taken up again, it works as it did, and the chat hears of it as it did.
        let before = place.telegram.sent(TOKEN, 42).len();
        story.takes_up_again(surface, &shown, id).await;
        let (_, again) = story.runs(before, &marker).await;
        assert_ne!(again, id);
        portal.client.cancel_task(again).await.expect("stopped");
        nothing_is_left(&place.world, &marker).await;
    }
    assert!(place.world.audit_is_whole());
}
