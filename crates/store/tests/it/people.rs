//! People, and how they prove themselves.

use crate::world::*;
use wardroom_domain::*;
use wardroom_store::*;

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_among_people_who_are_here() {
    let world = World::new().await;
    let second = |name: &str| User {
        id: UserId::mint(at(0), fresh()),
        name: name.to_owned(),
        role: Role::Viewer,
        status: UserStatus::Active,
        created_at: at(1),
    };
    let refused = world
        .commit(vec![second("alice").into()])
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the name `alice` is taken; choose another one"
    );

    let removed = SetUserStatus {
        user: world.alice,
        status: UserStatus::Removed,
        at: at(2),
    };
    world
        .commit(vec![removed.into(), second("alice").into()])
        .await
        .unwrap();
    let here = world
        .store
        .user_named(world.org, "alice")
        .await
        .unwrap()
        .unwrap();
    assert_ne!(here.id, world.alice);
    let promoted = SetRole {
        user: here.id,
        role: Role::Admin,
    };
    let password = SetPassword {
        user: here.id,
        hash: "$argon2id$…".into(),
    };
    world
        .commit(vec![promoted.into(), password.into()])
        .await
        .unwrap();
    let here = world.store.user(world.org, here.id).await.unwrap().unwrap();
    assert_eq!(here.role, Role::Admin);
    let hash = world.store.password(world.org, here.id).await.unwrap();
    assert_eq!(hash.as_deref(), Some("$argon2id$…"));
    assert_eq!(
        world.store.password(world.org, world.alice).await.unwrap(),
        None
    );
    assert_eq!(world.store.users(world.org).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_until_it_or_its_owner_ends() {
    let world = World::new().await;
    let (store, org) = (&world.store, world.org);
    let hash = Digest::of_bytes(b"secret");
    let token = NewToken {
        id: TokenId::mint(at(0), fresh()),
        user: world.alice,
        name: "ci".into(),
        hash,
        created_at: at(1),
    };
    world.commit(vec![token.clone().into()]).await.unwrap();
    let (row, owner) = store.token_owner(org, hash).await.unwrap().unwrap();
    assert_eq!((row.id, owner.id), (token.id, world.alice));
    assert_eq!(
        store
            .token_owner(org, Digest::of_bytes(b"guess"))
            .await
            .unwrap(),
        None
    );

    let second = NewToken {
        id: TokenId::mint(at(0), fresh()),
        hash: Digest::of_bytes(b"second"),
        ..token.clone()
    };
    let revoke = RevokeToken {
        id: second.id,
        at: at(2),
    };
    let hash_of_second = second.hash;
    world.commit(vec![second.into()]).await.unwrap();
    assert!(
        store
            .token_owner(org, hash_of_second)
            .await
            .unwrap()
            .is_some()
    );
    world.commit(vec![revoke.into()]).await.unwrap();
    assert_eq!(store.token_owner(org, hash_of_second).await.unwrap(), None);

    let suspend = |status| SetUserStatus {
        user: world.alice,
        status,
        at: at(2),
    };
    world
        .commit(vec![suspend(UserStatus::Suspended).into()])
        .await
        .unwrap();
    assert_eq!(store.token_owner(org, hash).await.unwrap(), None);
    world
        .commit(vec![suspend(UserStatus::Active).into()])
        .await
        .unwrap();
    let gone = store.token_owner(org, hash).await.unwrap();
    assert_eq!(gone, None, "who comes back gets a new one");
    let all = store.tokens(org, None).await.unwrap();
    assert_eq!(all[0].revoked_at, Some(at(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once_and_in_time() {
    let world = World::new().await;
    let (store, org, alice) = (&world.store, world.org, world.alice);
    let (link, late) = (Digest::of_bytes(b"link"), Digest::of_bytes(b"late"));
    let new = |hash, until| NewLink {
        hash,
        user: alice,
        expires_at: at(until),
    };
    world
        .commit(vec![new(link, 60).into(), new(late, 5).into()])
        .await
        .unwrap();
    let session = NewSession {
        id: SessionId::mint(at(0), fresh()),
        user: alice,
        hash: Digest::of_bytes(b"cookie"),
        label: "Firefox".into(),
        created_at: at(10),
        expires_at: at(100),
    };
    let signed_in = vec![
        UseLink {
            hash: link,
            at: at(10),
        }
        .into(),
        session.clone().into(),
    ];
    world.commit(signed_in).await.unwrap();
    for (hash, why) in [(link, Conflict::LinkUsed), (late, Conflict::LinkExpired)] {
        let refused = world
            .commit(vec![UseLink { hash, at: at(10) }.into()])
            .await
            .unwrap_err();
        assert!(matches!(refused, CommitError::Refused(reason) if reason == why));
    }
    assert_eq!(
        store.link(org, link).await.unwrap().unwrap().used_at,
        Some(at(10))
    );

    let (row, owner) = store
        .session_owner(org, session.hash, at(99))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.label.as_str(), owner.id), ("Firefox", alice));
    assert_eq!(
        store
            .session_owner(org, session.hash, at(100))
            .await
            .unwrap(),
        None
    );
    world
        .commit(vec![
            EndSession {
                id: session.id,
                at: at(20),
            }
            .into(),
        ])
        .await
        .unwrap();
    assert_eq!(
        store
            .session_owner(org, session.hash, at(21))
            .await
            .unwrap(),
        None
    );
    assert!(store.sessions(org, alice, at(21)).await.unwrap().is_empty());
}
