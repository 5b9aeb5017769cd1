//! Every effect that a commit can have, as data.

use crate::boundary::{Boundary, Deed};
use crate::lock::Key;
use crate::sql::Tx;
use crate::*;
use wardroom_domain::{
    Approval, AuditDraft, Conversation, LinkedIdentity, Message, User, Workspace,
};

/// What an effect does to the transaction. Answers the sequence number that the store gave, if any.
pub(crate) trait Apply {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError>;

    /// What two at once must not touch. Whoever says nothing has the org to himself; what is
    /// written often says less.
    fn locks(&self) -> Vec<Key> {
        Key::whole_org()
    }
}

macro_rules! writes {
    ($($(#[$doc:meta])* $name:ident($inner:ty),)*) => {
        /// One effect of a commit. Made from its struct: `Write::from(Signal { … })`.
        #[derive(Clone, Debug)]
        pub enum Write { $($(#[$doc])* $name($inner),)* }

        $(impl From<$inner> for Write {
            fn from(inner: $inner) -> Self {
                Self::$name(inner)
            }
        })*

        impl Apply for Write {
            async fn apply<T: Tx>(
                &self,
                at: &mut Boundary<'_, T>,
            ) -> Result<Option<i64>, CommitError> {
                match self { $(Self::$name(inner) => inner.apply(at).await,)* }
            }

            fn locks(&self) -> Vec<Key> {
                match self { $(Self::$name(inner) => inner.locks(),)* }
            }
        }
    };
}

writes! {
    /// A person joins; his name is free.
    AddUser(User),
    /// A person gets another role.
    SetRole(SetRole),
    /// A person is suspended, reinstated or removed.
    SetUserStatus(SetUserStatus),
    /// A person gets a password, already hashed.
    SetPassword(SetPassword),
    /// A token is made; only its hash is kept.
    AddToken(NewToken),
    /// A token ends.
    RevokeToken(RevokeToken),
    /// A one-time sign-in link is made.
    AddLink(NewLink),
    /// A link is used: once, in time.
    UseLink(UseLink),
    /// A browser is signed in.
    AddSession(NewSession),
    /// A browser is signed out.
    EndSession(EndSession),
    /// Everything by which a person, or everybody, proved himself ends.
    EndCredentials(EndCredentials),
    /// Somebody offered a code or password that did not fit.
    FailedAttempt(FailedAttempt),
    /// Somebody outside is linked to a person.
    LinkIdentity(LinkedIdentity),
    /// He no longer is.
    UnlinkIdentity(UnlinkIdentity),
    /// Somebody is invited.
    AddInvite(NewInvite),
    /// An invitation is taken back.
    RevokeInvite(RevokeInvite),
    /// Somebody outside asks to be linked.
    AddPairing(NewPairing),
    /// That is turned down.
    EndPairing(EndPairing),
    /// A person's role is narrowed, or holds everywhere again.
    AssignScopes(AssignScopes),
    /// A folder is opened.
    AddWorkspace(Workspace),
    /// A context is made.
    AddContext(Context),
    /// A conversation begins; its key is free with its owner.
    AddConversation(Conversation),
    /// Something is said; the store gives the sequence number.
    AddMessage(Message),
    /// A delivery comes in, once.
    Admit(Admit),
    /// A delivery has been answered.
    InboxDone(InboxDone),
    /// A platform brought something, once.
    Arrived(Arrived),
    /// It was seen to.
    ArrivalDone(ArrivalDone),
    /// What was seen to long ago is forgotten.
    ForgetArrivals(ForgetArrivals),
    /// A conversation is held at a foreign door.
    Bind(Bind),
    /// A conversation was carried to its door up to here.
    Told(Told),
    /// A chat has another name.
    MovePlace(MovePlace),
    /// A chat becomes the one that the admins watch.
    SetHub(SetHub),
    /// A button is shown.
    AddButton(NewButton),
    /// A button was pressed: once.
    PressButton(PressButton),
    /// A stream grows by an event; the store gives the sequence number.
    Feed(Feed),
    /// A task is asked for.
    CreateTask(CreateTask),
    /// A task is saved by who read it, at a boundary.
    SaveTask(SaveTask),
    /// A worker gives a task back as it is.
    ReleaseTask(ReleaseTask),
    /// A worker shows that it still holds a task.
    HoldTask(HoldTask),
    /// A task has its view in a data directory.
    PlaceView(PlaceView),
    /// A task's journal grows; the store gives the sequence number.
    Journal(Journal),
    /// An effect is intended.
    PutEffect(PutEffect),
    /// What came of an effect.
    SettleEffect(SettleEffect),
    /// A task gets mail; mail of the same key is the same mail. Wakes a task that sleeps.
    Signal(Signal),
    /// A task has read its mail.
    ConsumeSignals(ConsumeSignals),
    /// A person is asked.
    Ask(Approval),
    /// A question ends: once, in time, about what was seen.
    Decide(Decide),
    /// The first of two yeses is said.
    Endorse(Endorse),
    /// A yes lasts.
    GiveGrant(GiveGrant),
    /// It no longer does.
    RevokeGrant(RevokeGrant),
    /// An approval is used: once.
    Spend(Spend),
    /// Changes were carried to a workspace.
    Applied(Applied),
    /// An apply was taken back.
    Undone(Undone),
    /// What files of a workspace carry from now on.
    LabelFiles(LabelFiles),
    /// A task made something for its requester.
    Artifact(Artifact),
    /// A person uploaded something.
    AddFile(StoredFile),
    /// A model was used.
    Usage(Usage),
    /// Something is to be delivered, once per key.
    Outbox(Outbox),
    /// It was delivered.
    OutboxSent(OutboxSent),
    /// It was not, and is tried again.
    OutboxFailed(OutboxFailed),
    /// It never can be.
    OutboxDropped(OutboxDropped),
    /// A closed place is open again.
    OutboxReleased(OutboxReleased),
    /// Somebody begins to carry.
    OutboxTakenUp(OutboxTakenUp),
    /// What a request with an idempotency key was answered.
    Remember(Remember),
    /// A document gets its next version.
    PutDocument(PutDocument),
    /// A secret gets its next version, and the audit log says so.
    SetSecret(SetSecret),
    /// Every secret gets another master key, and the audit log says so.
    ResealSecrets(ResealSecrets),
    /// A secret is removed, and the audit log says so.
    RemoveSecret(RemoveSecret),
    /// What happened, for good.
    Audit(AuditDraft),
}

/// What the store gave to the writes of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// One per write, in their order: the sequence number of a message, feed event, journal entry,
    /// signal, audit event or document version; none for the others.
    pub seqs: Vec<Option<i64>>,
}

/// Writes that are applied in order, all or none. Its tasks that fell asleep over unread mail are
/// woken at the end.
pub(crate) struct Commit(pub(crate) Vec<Write>);

impl Deed for Commit {
    type Answer = Receipt;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Receipt, CommitError> {
        let mut seqs = Vec::with_capacity(self.0.len());
        for write in &self.0 {
            seqs.push(write.apply(at).await?);
        }
        for write in &self.0 {
            if let Write::SaveTask(saved) = write {
                crate::task::wake_over_unread_mail(at, saved).await?;
            }
        }
        Ok(Receipt { seqs })
    }

    fn locks(&self) -> Vec<Key> {
        self.0.iter().flat_map(Apply::locks).collect()
    }
}
