//! One call is put to policy, with everything that stands behind and around it.

use crate::authorize::{Case, effect_of, time_for};
use crate::run::Run;
use crate::wishes::{Foreseen, Wishes};
use crate::{Wrong, outward, raise, standing};
use wardroom_domain::{Approval, Effect};
use wardroom_executors::{Errand, Passage};
use wardroom_policy::classify::PUSH_RULE;
use wardroom_policy::decide::{ANYONE, Circumstances, Decision, Destination, Reach, Request};
use wardroom_policy::typed::fetched;
use wardroom_tools::{Foreign, Standing};

/// A call with policy's word on it.
pub(crate) struct Weighed {
    pub(crate) effect: Effect,
    pub(crate) decision: Decision<Errand>,
    /// The mandate to ask about in place of the call.
    pub(crate) foreseen: Option<Foreseen>,
}

/// Asks policy about a call as things stand now. `decided` is what a person said about it.
pub(crate) async fn weigh(
    run: &mut Run,
    case: &Case,
    decided: Option<&Approval>,
) -> Result<Weighed, Wrong> {
    let policy = run.crew.policy_now().await?;
    let wishes = Wishes::of(run, case.reach == Reach::Outside).await?;
    let behind = wishes.around();
    let effect = effect_of(run, case);
    let errand = Errand {
        effect: effect.clone(),
        fence: run.fence,
        timeout: time_for(run, &case.call),
        foreign: case.foreign.clone(),
        passage: passage_of(case),
    };
    let heading = Heading::of(run, case);
    let readers: Vec<&str> = heading.readers.iter().map(String::as_str).collect();
    let standing = standing::around(run).await?;
    let request = Request {
        requester: &run.requester,
        origin: run.task.origin,
        tool: &case.call.tool,
        arguments: &case.call.arguments,
        reach: case.reach.clone(),
        destination: (case.reach == Reach::Outside).then(|| Destination {
            address: &heading.address,
            recipient: None,
            readers: &readers,
        }),
        verdict: case.verdict.clone(),
        labels: &run.task.labels,
        digest: effect.digest,
        approval: decided,
        circumstances: Circumstances {
            is_vouched: case.foreign.as_ref().is_some_and(is_vouched),
            context: Some(run.task.context),
            agent: &run.task.agent,
            raised: raise::raised(run),
            mandate: behind.mandate,
            typed: behind.typed,
            named_by_org: behind.named_by_org,
            done: behind.done,
            ..standing.circumstances(run)
        },
    };
    let now = run.crew.clock.now();
    let decision = policy.decide(errand, &request, now);
    let foreseen = match decision {
        Decision::Ask { .. } => wishes.to_ask(&policy, &request, now).cloned(),
        _ => None,
    };
    Ok(Weighed {
        effect,
        decision,
        foreseen,
    })
}

/// Where a call leads that leaves the box, and who may read it there.
#[derive(Default)]
struct Heading {
    address: String,
    readers: Vec<String>,
}

impl Heading {
    /// The org lets a server that it vouches for act for the requester. A place among the
    /// arguments leads further, and so does a server that nobody vouches for.
    fn of(run: &Run, case: &Case) -> Self {
        let Some(foreign) = &case.foreign else {
            return Self::to_anyone(outward::address(&case.targets));
        };
        let places = fetched(&case.call.arguments);
        let server = format!("mcp:{}", foreign.server);
        match &places[..] {
            [] if is_vouched(foreign) => Self {
                address: String::new(),
                readers: vec![server, run.requester.user.to_string()],
            },
            // Which of several places would be meant is not known, so no one of them is named.
            [] | [_, _, ..] => Self::to_anyone(String::new()),
            [(_, place)] => Self::to_anyone(place.clone()),
        }
    }

    fn to_anyone(address: String) -> Self {
        Self {
            address,
            readers: vec![ANYONE.to_owned()],
        }
    }
}

/// What the org vouched for is the definition that it took in, and no other.
fn is_vouched(foreign: &Foreign) -> bool {
    foreign.vouched.is_some() && foreign.standing == Standing::Accepted
}

/// What is open to an errand while it is carried out.
fn passage_of(case: &Case) -> Passage {
    match case.reach {
        Reach::Outside if case.foreign.is_some() => Passage::Shut,
        Reach::Outside if case.verdict.rule == PUSH_RULE => Passage::Push,
        Reach::Outside => Passage::Open,
        _ => Passage::Shut,
    }
}
