//! The image of every container: a skeleton without a program in it. The host's own system is
//! mounted over it, as in the native sandbox, so no registry is asked for anything.

use super::refused;
use crate::container::layout::Bundle;
use crate::provider::SandboxError;
use bollard::query_parameters::CreateImageOptionsBuilder;
use bollard::{Docker, body_full};
use sha2::{Digest, Sha256};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tokio_stream::StreamExt;

const REPOSITORY: &str = "localhost/wardroom-sandbox";

/// The name of the image, which is brought to the engine if it is not there.
pub async fn ensure(
    docker: &Docker,
    bundle: &Bundle,
    is_podman: bool,
) -> Result<String, SandboxError> {
    let skeleton = skeleton(bundle).map_err(|cause| SandboxError::Build {
        stage: "lay out its image".to_owned(),
        cause,
    })?;
    let digest = Sha256::digest(&skeleton);
    let tag: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = format!("{REPOSITORY}:{tag}");
    if docker.inspect_image(&name).await.is_ok() {
        return Ok(name);
    }
    // Podman reads the name with its tag from one word and Docker from two.
    let options = CreateImageOptionsBuilder::new().from_src("-");
    let options = match is_podman {
        true => options.repo(&name),
        false => options.repo(REPOSITORY).tag(&tag),
    };
    let options = options.build();
    let mut said =
        Box::pin(docker.create_image(Some(options), Some(body_full(skeleton.into())), None));
    while let Some(line) = said.next().await {
        line.map_err(refused("take in its image"))?;
    }
    Ok(name)
}

/// The bundle's root, always the same bytes for the same root.
fn skeleton(bundle: &Bundle) -> io::Result<Vec<u8>> {
    let root = bundle.folder.join("rootfs");
    let mut archive = tar::Builder::new(Vec::new());
    add(&mut archive, &root, Path::new(""))?;
    archive.into_inner()
}

fn add(archive: &mut tar::Builder<Vec<u8>>, root: &Path, folder: &Path) -> io::Result<()> {
    let mut names: Vec<_> = std::fs::read_dir(root.join(folder))?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let inner = folder.join(name);
        let full = root.join(&inner);
        let found = std::fs::symlink_metadata(&full)?;
        // Owner and time stay at zero; the mode is that of the place, which a mount takes over.
        let mut header = tar::Header::new_gnu();
        header.set_mode(found.mode() & 0o7777);
        if found.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            archive.append_link(&mut header, &inner, std::fs::read_link(&full)?)?;
        } else if found.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            archive.append_data(&mut header, &inner, io::empty())?;
            add(archive, root, &inner)?;
        } else {
            let contents = std::fs::read(&full)?;
            header.set_size(contents.len() as u64);
            archive.append_data(&mut header, &inner, contents.as_slice())?;
        }
    }
    Ok(())
}
