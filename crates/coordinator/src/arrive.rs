//! How people come in: by an invitation, by pairing, and by being known from then on.

use crate::crew::Crew;
use crate::{Wrong, mint};
use base64::Engine as _;
use serde_json::{Value, json};
use wardroom_domain::{
    AuditKind, Capability, Chain, Digest, Identity, InviteId, LinkedIdentity, PairingId, Principal,
    Role, Timestamp, User, UserId, UserStatus, limits,
};
use wardroom_store::{
    ConfirmPairing, EndPairing, InviteRow, NewInvite, NewPairing, NotPaired, NotRedeemed, Paired,
    PairingRow, Redeem, Redeemed, RevokeInvite, UnlinkIdentity, Write,
};

/// An invitation with its code, which is told this once.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Its id.
    pub id: InviteId,
    /// What opens the door, once.
    pub code: String,
    /// What the invited person may do at most.
    pub role: Role,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Somebody outside, as a connector saw him.
#[derive(Clone, Debug)]
pub struct Outsider {
    /// How his network knows him.
    pub identity: Identity,
    /// What he calls himself there.
    pub display: String,
}

/// How somebody offers an invitation's code.
#[derive(Clone, Debug)]
pub enum Entrance {
    /// From a chat network, which knows him.
    Network(Outsider),
    /// From a browser, with a name and the hash of a password of his choice.
    Portal {
        /// The name.
        name: String,
        /// The hash.
        password_hash: String,
        /// Where he comes from, so that his guesses are counted together.
        address: String,
    },
}

/// 256 bits of chance that can stand in a link and a message.
fn code(crew: &Crew) -> String {
    let bytes = [crew.clock.chance(), crew.clock.chance()].map(u128::to_be_bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.concat())
}

fn audit(crew: &Crew, by: &Principal, kind: AuditKind, mut body: Value) -> Write {
    body["via"] = json!(by.via);
    crew.audit(Chain::Org, kind, by.user, None, body)
}

/// Invites somebody, for a role no higher than the inviter's own.
pub async fn invite(crew: &Crew, by: &Principal, role: Role) -> Result<Invited, Wrong> {
    by.require(Capability::Invite)?;
    by.require_reach(role)?;
    let at = crew.clock.now();
    let invited = Invited {
        id: mint!(crew.clock, InviteId),
        code: code(crew),
        role,
        expires_at: at.after(limits::INVITE_TIME_MAX),
    };
    let new = NewInvite {
        id: invited.id,
        hash: Digest::of_bytes(invited.code.as_bytes()),
        role,
        made_by: by.user,
        created_at: at,
        expires_at: invited.expires_at,
    };
    let body = json!({"invite": new.id, "role": role, "expires_at": new.expires_at});
    let writes = vec![new.into(), audit(crew, by, AuditKind::InviteChanged, body)];
    crew.commit(writes).await?;
    Ok(invited)
}

/// The invitations that there are.
pub async fn invites(crew: &Crew, by: &Principal) -> Result<Vec<InviteRow>, Wrong> {
    by.require(Capability::Invite)?;
    Ok(crew.store.invites(crew.org).await?)
}

/// Takes an invitation back.
pub async fn uninvite(crew: &Crew, by: &Principal, id: InviteId) -> Result<(), Wrong> {
    by.require(Capability::Invite)?;
    let at = crew.clock.now();
    let body = json!({"invite": id, "revoked": true});
    let revoke = Write::RevokeInvite(RevokeInvite { id, at });
    crew.commit(vec![
        revoke,
        audit(crew, by, AuditKind::InviteChanged, body),
    ])
    .await?;
    Ok(())
}

/// Lets somebody in who offers a code, or says no in a way that teaches a guesser nothing.
pub async fn redeem(crew: &Crew, entrance: Entrance, code: &str) -> Result<User, Wrong> {
    let (name, identity, password, subject) = match entrance {
        Entrance::Network(who) => {
            let subject = format!("{} {}", who.identity.connector, who.identity.external_id);
            let name = who.display.trim_start_matches('@').to_owned();
            (name, Some((who.identity, who.display)), None, subject)
        }
        Entrance::Portal {
            name,
            password_hash,
            address,
        } => (
            name,
            None,
            Some(password_hash),
            format!("address {address}"),
        ),
    };
    let offer = Redeem {
        hash: Digest::of_bytes(code.trim().as_bytes()),
        user: mint!(crew.clock, UserId),
        name,
        identity,
        password,
        subject,
        at: crew.clock.now(),
    };
    match crew.store.redeem(crew.org, offer).await? {
        Redeemed::Joined(user) => Ok(user),
        Redeemed::Refused(NotRedeemed::TooOften) => Err(too_often()),
        Redeemed::Refused(NotRedeemed::Known) => Err(Wrong::Unfit(
            "you are known here already; nothing was used up".to_owned(),
        )),
        Redeemed::Refused(_) => Err(Wrong::Forbidden(
            "this code cannot be used; ask an admin for a new one".to_owned(),
        )),
    }
}

fn too_often() -> Wrong {
    Wrong::Limited {
        why: "too many codes that did not fit; wait a quarter of an hour".to_owned(),
        retry_after: limits::CODE_ATTEMPTS_WINDOW,
    }
}

/// Gives somebody outside a token to carry to an admin.
pub async fn pair(crew: &Crew, who: &Outsider) -> Result<(PairingId, String), Wrong> {
    let at = crew.clock.now();
    // Short enough to be read out loud; a guesser has five tries in a quarter of an hour.
    let token: String = code(crew)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .take(10)
        .collect();
    let new = NewPairing {
        id: mint!(crew.clock, PairingId),
        hash: Digest::of_bytes(token.as_bytes()),
        identity: who.identity.clone(),
        display: who.display.clone(),
        created_at: at,
        expires_at: at.after(limits::PAIRING_TIME_MAX),
    };
    let id = new.id;
    let body = json!({"pairing": id, "identity": who.identity, "display": who.display});
    let audit = crew.audit(
        Chain::Org,
        AuditKind::PairingChanged,
        "stranger",
        None,
        body,
    );
    crew.commit(vec![new.into(), audit]).await?;
    Ok((id, token))
}

fn hash_of(token: &str) -> Digest {
    Digest::of_bytes(token.trim().to_ascii_uppercase().as_bytes())
}

/// Who waits to be linked.
pub async fn pairings(crew: &Crew, by: &Principal) -> Result<Vec<PairingRow>, Wrong> {
    by.require(Capability::Invite)?;
    Ok(crew.store.pairings(crew.org, crew.clock.now()).await?)
}

/// Links the identity behind a token that somebody was brought to a person whom he may govern.
pub async fn confirm(
    crew: &Crew,
    by: &Principal,
    token: &str,
    user: UserId,
) -> Result<LinkedIdentity, Wrong> {
    by.require(Capability::Invite)?;
    let him = crew.store.user(crew.org, user).await?;
    let him = him.filter(|user| user.status == UserStatus::Active);
    let him = him.ok_or(Wrong::missing("active person"))?;
    by.require_reach(him.role)?;
    let confirm = ConfirmPairing {
        hash: hash_of(token),
        user,
        by: by.user,
        via: by.via.clone(),
        at: crew.clock.now(),
    };
    match crew.store.confirm_pairing(crew.org, confirm).await? {
        Paired::Linked(linked) => Ok(linked),
        Paired::Refused(NotPaired::TooOften) => Err(too_often()),
        Paired::Refused(NotPaired::Linked) => Err(Wrong::TakenAlready(
            "this identity is somebody's already; unlink it first".to_owned(),
        )),
        Paired::Refused(NotPaired::Unknown) => Err(Wrong::missing("open pairing")),
    }
}

/// Turns a wish to be linked down.
pub async fn turn_down(crew: &Crew, by: &Principal, id: PairingId) -> Result<(), Wrong> {
    by.require(Capability::Invite)?;
    let at = crew.clock.now();
    let body = json!({"pairing": id, "refused": "turned_down"});
    let end = Write::EndPairing(EndPairing { id, at });
    crew.commit(vec![end, audit(crew, by, AuditKind::PairingChanged, body)])
        .await?;
    Ok(())
}

/// The identities of one person, or of everybody.
pub async fn identities(
    crew: &Crew,
    by: &Principal,
    user: Option<UserId>,
) -> Result<Vec<LinkedIdentity>, Wrong> {
    if user != Some(by.user) {
        by.require(Capability::ManagePeople)?;
    }
    Ok(crew.store.identities(crew.org, user).await?)
}

/// Takes an identity from its person; the next message from it comes from a stranger.
pub async fn unlink(crew: &Crew, by: &Principal, identity: Identity) -> Result<(), Wrong> {
    let found = crew.store.identity(crew.org, &identity).await?;
    let found = found.filter(|(row, _)| row.user == by.user || by.may(Capability::ManagePeople));
    let (row, user) = found.ok_or(Wrong::missing("identity"))?;
    if row.user != by.user {
        by.require_reach(user.role)?;
    }
    let body = json!({"unlinked": identity, "user": row.user, "display": row.display});
    let unlink = Write::UnlinkIdentity(UnlinkIdentity { identity });
    let audit = audit(crew, by, AuditKind::IdentityChanged, body);
    crew.commit(vec![unlink, audit]).await?;
    Ok(())
}

/// Whom a network's id belongs to, if he may act now; a connector asks this for every message.
pub async fn known(crew: &Crew, identity: &Identity) -> Result<Option<Principal>, Wrong> {
    let found = crew.store.identity(crew.org, identity).await?;
    let found = found.filter(|(_, user)| user.status == UserStatus::Active);
    Ok(found.map(|(_, user)| Principal {
        org: crew.org,
        user: user.id,
        name: user.name,
        role: user.role,
        via: format!("{} {}", identity.connector, identity.external_id),
    }))
}

/// What somebody whom nobody knows is answered: he can come in by an invitation or ask to be
/// linked, and nothing else.
pub async fn greet(crew: &Crew, who: &Outsider, text: &str) -> Result<String, Wrong> {
    let mut words = text.split_whitespace();
    let verb = words.next().unwrap_or_default().to_lowercase();
    match (verb.as_str(), words.next()) {
        ("/start", Some(code)) => {
            let joined = redeem(crew, Entrance::Network(who.clone()), code).await;
            Ok(match joined {
                Ok(user) => format!(
                    "Welcome, {}. You are in as {}. Say what you need; /help lists the commands.",
                    user.name, user.role
                ),
                Err(Wrong::Forbidden(why) | Wrong::Limited { why, .. } | Wrong::Unfit(why)) => why,
                Err(other) => return Err(other),
            })
        }
        ("pair" | "/pair", None) => {
            let (_, token) = pair(crew, who).await?;
            let minutes = limits::PAIRING_TIME_MAX.as_secs() / 60;
            Ok(format!(
                "Give this to an admin within {minutes} minutes: {token}. He enters it with `wardroom pairing confirm {token} --user NAME`."
            ))
        }
        _ => Ok(
            "I do not know you yet. Send `/start CODE` with an invitation, or `pair` to be linked by an admin."
                .to_owned(),
        ),
    }
}
