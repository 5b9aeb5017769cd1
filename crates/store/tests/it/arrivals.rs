//! How people come in: invitations, pairings, identities, and how often one may guess.

use crate::world::*;
use wardroom_domain::*;
use wardroom_store::*;

async fn admin(world: &World) -> UserId {
    let user = User {
        id: UserId::mint(at(0), fresh()),
        name: format!("ada{}", fresh()),
        role: Role::Admin,
        status: UserStatus::Active,
        created_at: at(0),
    };
    let id = user.id;
    world.commit(vec![user.into()]).await.unwrap();
    id
}

fn invite(made_by: UserId, code: &str, role: Role) -> NewInvite {
    NewInvite {
        id: InviteId::mint(at(1), fresh()),
        hash: Digest::of_bytes(code.as_bytes()),
        role,
        made_by,
        created_at: at(1),
        expires_at: at(1000),
    }
}

fn telegram(id: &str) -> Identity {
    Identity {
        connector: "telegram".to_owned(),
        external_id: id.to_owned(),
    }
}

fn offer(code: &str, who: &str, seconds: i64) -> Redeem {
    Redeem {
        hash: Digest::of_bytes(code.as_bytes()),
        user: UserId::mint(at(2), fresh()),
        name: "Mia Müller".to_owned(),
        identity: Some((telegram(who), "@mia".to_owned())),
        password: None,
        subject: format!("telegram {who}"),
        at: at(seconds),
    }
}

async fn offers(world: &World, offer: Redeem) -> Redeemed {
    world.store.redeem(world.org, offer).await.unwrap()
}

fn refused(why: NotRedeemed) -> Redeemed {
    Redeemed::Refused(why)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_lets_one_person_in_once_and_every_refusal_is_on_the_record() {
    let world = World::new().await;
    let ada = admin(&world).await;
    let first = invite(ada, "first", Role::Operator);
    world.commit(vec![first.into()]).await.unwrap();
    let Redeemed::Joined(mia) = offers(&world, offer("first", "1", 2)).await else {
        panic!("it is good");
    };
    assert_eq!(
        (mia.role, mia.name.as_str()),
        (Role::Operator, "Mia-Müller")
    );
    let (linked, user) = world
        .store
        .identity(world.org, &telegram("1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((linked.user, user.id), (mia.id, mia.id));
    assert!(linked.linked_by.starts_with("invite inv_"), "{linked:?}");

    for (attempt, why) in [
        (offer("first", "1", 3), NotRedeemed::Known),
        (offer("first", "2", 3), NotRedeemed::Used),
        (offer("guessed", "2", 3), NotRedeemed::Unknown),
    ] {
        assert_eq!(offers(&world, attempt).await, refused(why));
    }
    let late = invite(ada, "late", Role::Member);
    let back = invite(ada, "back", Role::Member);
    let revoke = RevokeInvite {
        id: back.id,
        at: at(2),
    };
    let writes = vec![late.into(), back.into(), revoke.into()];
    world.commit(writes).await.unwrap();
    for (attempt, why) in [
        (offer("late", "3", 1001), NotRedeemed::Expired),
        (offer("back", "3", 3), NotRedeemed::Revoked),
    ] {
        assert_eq!(offers(&world, attempt).await, refused(why));
    }
    let filter = AuditFilter {
        kind: Some(AuditKind::AccessRefused),
        ..AuditFilter::default()
    };
    let page = Page::first();
    let events = world.store.audit_events(world.org, &filter, &page).await;
    assert_eq!(events.unwrap().items.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_worth_what_its_maker_is_worth_today() {
    let world = World::new().await;
    let (ada, bob) = (admin(&world).await, admin(&world).await);
    let writes = vec![
        invite(ada, "a", Role::Admin).into(),
        invite(bob, "b", Role::Admin).into(),
        SetRole {
            user: ada,
            role: Role::Member,
        }
        .into(),
    ];
    world.commit(writes).await.unwrap();
    let demoted = offers(&world, offer("a", "1", 2)).await;
    assert_eq!(demoted, refused(NotRedeemed::MakerLacks));
    let stands = offers(&world, offer("b", "1", 2)).await;
    assert!(matches!(stands, Redeemed::Joined(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_too_often_waits_although_he_has_the_right_code_then() {
    let world = World::new().await;
    let ada = admin(&world).await;
    let right = invite(ada, "right", Role::Member);
    world.commit(vec![right.into()]).await.unwrap();
    for number in 0..limits::CODE_ATTEMPTS_MAX {
        let wrong = offers(&world, offer(&format!("guess {number}"), "7", 2)).await;
        assert_eq!(wrong, refused(NotRedeemed::Unknown));
    }
    let closed = offers(&world, offer("right", "7", 3)).await;
    assert_eq!(closed, refused(NotRedeemed::TooOften));
    let until = world
        .store
        .attempts_closed_until(world.org, "telegram 7", at(3))
        .await
        .unwrap();
    assert_eq!(until, Some(at(2).after(limits::CODE_ATTEMPTS_WINDOW)));
    let other = offers(&world, offer("right", "8", 3)).await;
    assert!(matches!(other, Redeemed::Joined(_)), "others may go on");
}

fn wish(token: &str, who: &str) -> NewPairing {
    NewPairing {
        id: PairingId::mint(at(1), fresh()),
        hash: Digest::of_bytes(token.as_bytes()),
        identity: telegram(who),
        display: "Mia".to_owned(),
        created_at: at(1),
        expires_at: at(100),
    }
}

async fn confirms(world: &World, token: &str, user: UserId, by: UserId, seconds: i64) -> Paired {
    let confirm = ConfirmPairing {
        hash: Digest::of_bytes(token.as_bytes()),
        user,
        by,
        via: "test".to_owned(),
        at: at(seconds),
    };
    world
        .store
        .confirm_pairing(world.org, confirm)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_token_links_one_identity_once() {
    let world = World::new().await;
    let ada = admin(&world).await;
    let writes = vec![wish("old", "1").into(), wish("new", "1").into()];
    world.commit(writes).await.unwrap();
    let open = world.store.pairings(world.org, at(2)).await.unwrap();
    assert_eq!(open.len(), 1, "a second wish ends the first");
    let unknown = Paired::Refused(NotPaired::Unknown);
    assert_eq!(confirms(&world, "old", world.alice, ada, 2).await, unknown);
    assert_eq!(
        confirms(&world, "new", world.alice, ada, 101).await,
        unknown
    );
    let linked = confirms(&world, "new", world.alice, ada, 3).await;
    assert!(matches!(linked, Paired::Linked(linked) if linked.user == world.alice));
    assert_eq!(confirms(&world, "new", world.alice, ada, 4).await, unknown);
    world.commit(vec![wish("again", "1").into()]).await.unwrap();
    let taken = confirms(&world, "again", ada, ada, 5).await;
    assert_eq!(taken, Paired::Refused(NotPaired::Linked));

    let unlink = UnlinkIdentity {
        identity: telegram("1"),
    };
    world.commit(vec![unlink.clone().into()]).await.unwrap();
    let gone = world.store.identity(world.org, &telegram("1")).await;
    assert_eq!(gone.unwrap(), None);
    assert!(world.commit(vec![unlink.into()]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn suspension_ends_every_proof_and_the_last_admin_stays() {
    let world = World::new().await;
    let (ada, bob) = (admin(&world).await, admin(&world).await);
    let hash = Digest::of_bytes(b"token");
    let token = NewToken {
        id: TokenId::mint(at(0), fresh()),
        user: ada,
        name: "t".into(),
        hash,
        created_at: at(1),
    };
    let session = NewSession {
        id: SessionId::mint(at(0), fresh()),
        user: ada,
        hash,
        label: "x".into(),
        created_at: at(1),
        expires_at: at(60),
    };
    let made = invite(ada, "a", Role::Member);
    let writes = vec![token.into(), session.into(), made.into()];
    world.commit(writes).await.unwrap();
    let set = |user, status| SetUserStatus {
        user,
        status,
        at: at(3),
    };
    let (suspended, active) = (UserStatus::Suspended, UserStatus::Active);
    let writes = vec![set(ada, suspended).into(), set(ada, active).into()];
    world.commit(writes).await.unwrap();
    let (store, org) = (&world.store, world.org);
    assert_eq!(store.token_owner(org, hash).await.unwrap(), None);
    assert_eq!(store.session_owner(org, hash, at(4)).await.unwrap(), None);
    let ended = offers(&world, offer("a", "1", 4)).await;
    assert_eq!(ended, refused(NotRedeemed::Revoked));

    world
        .commit(vec![set(ada, suspended).into()])
        .await
        .unwrap();
    let demote = SetRole {
        user: bob,
        role: Role::Operator,
    };
    for last in [
        set(bob, suspended).into(),
        set(bob, UserStatus::Removed).into(),
        demote.into(),
    ] {
        let refused = world.commit(vec![last]).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "this is the last active admin; make another one first"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_in_force_until_it_is_taken_back() {
    let world = World::new().await;
    let digest = Digest::of(&"kind");
    let grant = Grant {
        id: GrantId::mint(at(1), fresh()),
        workspace: world.workspace,
        requester: Some(world.alice),
        kind: ActionKind {
            digest,
            text: "apply: adds files".to_owned(),
        },
        tier: RiskTier::L1Mutating,
        granted_by: world.alice,
        granted_at: at(1),
        expires_at: None,
        revoked_at: None,
    };
    let give = GiveGrant {
        grant: grant.clone(),
        approval: ApprovalId::mint(at(1), fresh()),
    };
    world.commit(vec![give.into()]).await.unwrap();
    let (store, org) = (&world.store, world.org);
    let in_force = store.grants_in_force(org, world.workspace).await.unwrap();
    assert_eq!(in_force, vec![grant.clone()]);
    let revoke = RevokeGrant {
        id: grant.id,
        by: world.alice,
        at: at(2),
    };
    world.commit(vec![revoke.clone().into()]).await.unwrap();
    let in_force = store.grants_in_force(org, world.workspace).await.unwrap();
    assert_eq!(in_force, vec![]);
    assert_eq!(store.grants(org).await.unwrap()[0].revoked_at, Some(at(2)));
    let twice = world.commit(vec![revoke.into()]).await.unwrap_err();
    assert!(twice.to_string().contains("no grant in force"), "{twice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_yeses_of_two_people_are_needed_where_four_eyes_are() {
    let world = World::new().await;
    let (ada, bob) = (admin(&world).await, admin(&world).await);
    let task = world.running().await.task.id;
    let mut question = world.question(task);
    question.four_eyes = true;
    let id = question.id;
    world.commit(vec![question.into()]).await.unwrap();
    let yes = |by| Decide {
        id,
        decision: ApprovalDecision::Approve,
        by: Some(by),
        at: at(3),
        digest: None,
        answer: None,
    };
    let first = |by| Endorse {
        id,
        by,
        at: at(2),
        digest: None,
    };
    assert!(world.commit(vec![yes(ada).into()]).await.is_err());
    world.commit(vec![first(ada).into()]).await.unwrap();
    for again in [yes(ada).into(), first(bob).into(), first(ada).into()] {
        assert!(world.commit(vec![again]).await.is_err());
    }
    world.commit(vec![yes(bob).into()]).await.unwrap();
    let row = world.store.approval(world.org, id).await.unwrap().unwrap();
    assert_eq!(row.approval.first_by, Some(ada));
    assert_eq!(row.approval.decided_by, Some(bob));
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_replaced_as_a_whole() {
    let world = World::new().await;
    let scopes = Scopes(vec![Scope {
        kind: ScopeKind::Workspace,
        name: world.workspace.to_string(),
    }]);
    let assign = |scopes| AssignScopes {
        user: world.alice,
        scopes,
    };
    world
        .commit(vec![assign(scopes.clone()).into()])
        .await
        .unwrap();
    let found = world.store.scopes(world.org, world.alice).await.unwrap();
    assert_eq!(found, scopes);
    world
        .commit(vec![assign(Scopes::default()).into()])
        .await
        .unwrap();
    let found = world.store.scopes(world.org, world.alice).await.unwrap();
    assert_eq!(found, Scopes::default());
}
