//! Uploads on their way to models that can see, and to tasks that work on them.

use crate::Wrong;
use crate::crew::Crew;
use base64::Engine as _;
use std::path::{Path, PathBuf};
use wardroom_domain::{FileId, Principal, limits};
use wardroom_llm::message::Image;
use wardroom_store::{ObjectKey, StoredFile};

/// The largest picture that is sent to a model.
const IMAGE_BYTES_MAX: u64 = 5 * 1024 * 1024;
/// Where uploads stand inside a sandbox.
pub(crate) const INSIDE: &str = "/uploads";

/// The uploads that a message names: each must be the speaker's own.
pub(crate) async fn check(crew: &Crew, by: &Principal, files: &[FileId]) -> Result<(), Wrong> {
    for id in files {
        let found = crew.store.file(crew.org, *id).await?;
        found
            .filter(|file| file.owner == by.user)
            .ok_or(Wrong::missing("file"))?;
    }
    Ok(())
}

async fn rows(crew: &Crew, files: &[FileId]) -> Result<Vec<StoredFile>, Wrong> {
    let mut rows = Vec::new();
    for id in files {
        rows.extend(crew.store.file(crew.org, *id).await?);
    }
    Ok(rows)
}

async fn bytes(crew: &Crew, file: &StoredFile, bytes_max: u64) -> Result<Vec<u8>, Wrong> {
    let key = ObjectKey::named(&file.object)?;
    Ok(crew.objects.get(&key, bytes_max).await?.to_vec())
}

/// The pictures among the uploads.
pub(crate) async fn images(crew: &Crew, files: &[FileId]) -> Result<Vec<Image>, Wrong> {
    let mut images = Vec::new();
    for file in rows(crew, files).await? {
        let is_image = file.media_type.starts_with("image/") && file.media_type != "image/svg+xml";
        if is_image && file.bytes <= IMAGE_BYTES_MAX {
            let bytes = bytes(crew, &file, IMAGE_BYTES_MAX).await?;
            let bytes_base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
            images.push(Image {
                media_type: file.media_type,
                bytes_base64,
            });
        }
    }
    Ok(images)
}

/// What a task is told of its uploads; empty without any.
pub(crate) async fn listed(crew: &Crew, files: &[FileId]) -> Result<String, Wrong> {
    let lines = rows(crew, files)
        .await?
        .into_iter()
        .enumerate()
        .map(|(at, file)| {
            format!(
                "{INSIDE}/{} ({}, {} bytes)",
                name_of(at, &file.name),
                file.media_type,
                file.bytes
            )
        });
    let lines: Vec<_> = lines.collect();
    Ok(if lines.is_empty() {
        String::new()
    } else {
        format!("\n\nUploaded files, read-only:\n{}", lines.join("\n"))
    })
}

/// Lays the uploads of a task out in a folder, to be shown inside its sandbox.
pub(crate) async fn lay_out(
    crew: &Crew,
    files: &[FileId],
    folder: &Path,
) -> Result<Option<PathBuf>, Wrong> {
    if files.is_empty() {
        return Ok(None);
    }
    let unfit =
        |error: std::io::Error| Wrong::Unfit(format!("the uploads cannot be laid out: {error}"));
    std::fs::create_dir_all(folder).map_err(unfit)?;
    for (at, file) in rows(crew, files).await?.into_iter().enumerate() {
        let path = folder.join(name_of(at, &file.name));
        if !path.exists() {
            let bytes = bytes(crew, &file, limits::UPLOAD_BYTES_MAX as u64).await?;
            tokio::task::spawn_blocking(move || std::fs::write(path, bytes))
                .await
                .map_err(|_| Wrong::Gone)?
                .map_err(unfit)?;
        }
    }
    Ok(Some(folder.to_owned()))
}

/// A name that is one plain file name, whatever the uploader called it.
fn name_of(at: usize, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    format!("{}-{}", at + 1, plain.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_cannot_choose_where_it_lies() {
        assert_eq!(name_of(0, "../../etc/passwd"), "1-_.._etc_passwd");
        assert_eq!(name_of(1, "report 1.pdf"), "2-report_1.pdf");
    }
}
