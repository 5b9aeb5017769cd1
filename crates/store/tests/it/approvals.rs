//! Questions: decided once, by one, in time, about what was seen; spent once.

use crate::world::*;
use wardroom_domain::*;
use wardroom_store::*;

fn decide(question: &Approval, decision: ApprovalDecision, by: UserId) -> Decide {
    let (id, digest) = (question.id, Some(question.digest));
    Decide {
        id,
        decision,
        by: Some(by),
        at: at(50),
        digest,
        answer: None,
    }
}

async fn asked() -> (World, Approval) {
    let world = World::new().await;
    let row = world.running().await;
    let question = world.question(row.task.id);
    world.commit(vec![question.clone().into()]).await.unwrap();
    (world, question)
}

fn conflict(error: CommitError) -> Conflict {
    match error {
        CommitError::Refused(conflict) => conflict,
        error => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_deciders_one_wins() {
    let (world, question) = asked().await;
    let deciders: Vec<_> = (0..20_u128)
        .map(|number| {
            let by = UserId::mint(at(0), number);
            let how = [ApprovalDecision::Approve, ApprovalDecision::Deny][number as usize % 2];
            let (store, org) = (world.store.clone(), world.org);
            let decision = decide(&question, how, by);
            tokio::spawn(async move { (by, store.commit(org, vec![decision.into()]).await) })
        })
        .collect();
    let mut winners = vec![];
    for decider in deciders {
        match decider.await.unwrap() {
            (by, Ok(_)) => winners.push(by),
            (_, Err(error)) => {
                assert!(matches!(conflict(error), Conflict::AlreadyDecided { .. }));
            }
        }
    }
    assert_eq!(winners.len(), 1);
    let row = world
        .store
        .approval(world.org, question.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.approval.decided_by, Some(winners[0]));
    let filter = ApprovalFilter {
        open_only: true,
        ..Default::default()
    };
    let open = world
        .store
        .approvals(world.org, &filter, &Page::first())
        .await
        .unwrap();
    assert!(open.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn late_or_blind_decisions_are_refused() {
    let (world, question) = asked().await;
    let (approval, alice) = (question.id, world.alice);
    let yes = decide(&question, ApprovalDecision::Approve, alice);
    let refused =
        async |decision: Decide| conflict(world.commit(vec![decision.into()]).await.unwrap_err());
    let blind = Decide {
        digest: Some(Digest::of("something else")),
        ..yes.clone()
    };
    assert_eq!(refused(blind).await, Conflict::DigestMismatch { approval });
    let late = Decide {
        at: at(100),
        ..yes.clone()
    };
    assert_eq!(refused(late).await, Conflict::Expired { approval });
    let nobody = Decide {
        id: ApprovalId::mint(at(0), fresh()),
        ..yes.clone()
    };
    assert!(matches!(refused(nobody).await, Conflict::NotFound { .. }));

    assert!(
        world
            .store
            .approvals_due(world.org, at(99), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world
            .store
            .approvals_due(world.org, at(100), 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let decision = ApprovalDecision::Expire;
    let expire = Decide {
        decision,
        by: None,
        at: at(100),
        ..yes.clone()
    };
    world.commit(vec![expire.into()]).await.unwrap();
    assert_eq!(
        refused(yes).await,
        Conflict::AlreadyDecided { approval, decision }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_is_spent_once_and_a_no_never() {
    let (world, question) = asked().await;
    let approval = question.id;
    let spend = |second| Spend {
        id: approval,
        at: at(second),
    };
    let unasked = world.commit(vec![spend(40).into()]).await.unwrap_err();
    assert_eq!(conflict(unasked), Conflict::NotApproved { approval });
    let yes = decide(&question, ApprovalDecision::Approve, world.alice);
    world.commit(vec![yes.into()]).await.unwrap();
    // It was said in time, so it counts although it is spent after that.
    let spenders: Vec<_> = (0..20)
        .map(|_| {
            let (store, org) = (world.store.clone(), world.org);
            let spend = spend(160);
            tokio::spawn(async move { store.commit(org, vec![spend.into()]).await })
        })
        .collect();
    let mut spent = 0;
    for spender in spenders {
        match spender.await.unwrap() {
            Ok(_) => spent += 1,
            Err(error) => assert_eq!(conflict(error), Conflict::Spent { approval }),
        }
    }
    assert_eq!(spent, 1);

    let refused = world.question(question.task);
    let (approval, task) = (refused.id, Some(question.task));
    world.commit(vec![refused.clone().into()]).await.unwrap();
    let no = decide(&refused, ApprovalDecision::Deny, world.alice);
    world.commit(vec![no.into()]).await.unwrap();
    let spent = world
        .commit(vec![
            Spend {
                id: approval,
                at: at(60),
            }
            .into(),
        ])
        .await
        .unwrap_err();
    assert_eq!(conflict(spent), Conflict::NotApproved { approval });
    let filter = ApprovalFilter {
        task,
        ..Default::default()
    };
    let all = world
        .store
        .approvals(world.org, &filter, &Page::first())
        .await
        .unwrap();
    assert_eq!(all.items.len(), 2);
}
