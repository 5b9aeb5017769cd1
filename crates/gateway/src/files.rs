//! Files that come with a message, into object storage, for the people and tasks of whoever sent
//! them.

use crate::gateway::Gateway;
use crate::intake::Case;
use crate::words;
use bytes::Bytes;
use wardroom_connectors::{Attachment, Fault};
use wardroom_coordinator::Wrong;
use wardroom_domain::{Digest, FileId, Principal};
use wardroom_store::{CommitError, Conflict, StoredFile, Write};

/// Fetches every file. Answers the ids of those that are here, and a sentence for each that is not.
pub(crate) async fn fetch_all(
    gateway: &Gateway,
    case: &Case,
    by: &Principal,
    attachments: &[Attachment],
) -> Result<(Vec<FileId>, Vec<String>), Wrong> {
    let (mut ids, mut complaints) = (Vec::new(), Vec::new());
    for (at, attachment) in attachments.iter().enumerate() {
        match fetch(gateway, case, attachment).await? {
            Ok(bytes) => ids.push(keep(gateway, case, by, (at, attachment), bytes).await?),
            Err(complaint) => complaints.push(complaint),
        }
    }
    Ok((ids, complaints))
}

async fn fetch(
    gateway: &Gateway,
    case: &Case,
    attachment: &Attachment,
) -> Result<Result<Bytes, String>, Wrong> {
    let Some(door) = gateway.door(&case.arrival.place) else {
        return Err(Wrong::Gone);
    };
    let most = door
        .connector
        .limits()
        .fetch_bytes_max
        .min(wardroom_domain::limits::UPLOAD_BYTES_MAX as u64);
    let name = words::line(&attachment.name);
    let too_large = format!(
        "“{name}” is too large: {} MiB is the most that I am handed here. Send a smaller one, or put it into your workspace another way.",
        most / 1024 / 1024
    );
    if attachment.bytes.is_some_and(|bytes| bytes > most) {
        return Ok(Err(too_large));
    }
    match door.connector.fetch(attachment, most).await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(Fault::Refused { why }) if why.contains("too big") || why.contains("larger") => {
            Ok(Err(too_large))
        }
        // Waiting may help: the whole message is taken up again.
        Err(fault) if fault.is_passing() => Err(Wrong::Unfit(fault.to_string())),
        Err(fault) => Ok(Err(format!(
            "“{name}” could not be fetched: {}. Send it again.",
            words::plain(&fault.to_string())
        ))),
    }
}

/// The same file of the same delivery has the same id, so that taking it up again changes nothing.
async fn keep(
    gateway: &Gateway,
    case: &Case,
    by: &Principal,
    (at, attachment): (usize, &Attachment),
    bytes: Bytes,
) -> Result<FileId, Wrong> {
    let crew = &gateway.crew;
    let seed = format!("{}:{at}", case.key());
    let id = FileId::derived(&Digest::of_bytes(seed.as_bytes()));
    let (sha256, count) = (Digest::of_bytes(&bytes), bytes.len() as u64);
    let object = crew.objects.put(bytes).await?;
    let stored = StoredFile {
        id,
        owner: by.user,
        name: attachment.name.clone(),
        bytes: count,
        media_type: attachment.media_type.clone(),
        sha256,
        object: object.to_string(),
        at: crew.clock.now(),
    };
    match gateway.commit(vec![Write::AddFile(stored)]).await {
        Ok(_) | Err(Wrong::Commit(CommitError::Refused(Conflict::Exists { .. }))) => Ok(id),
        Err(wrong) => Err(wrong),
    }
}
