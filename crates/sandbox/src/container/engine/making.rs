//! One container of an engine: what it is made from, its start, and what is left of it.

use super::{config, image, refused};
use crate::container::claim;
use crate::container::door::Door;
use crate::container::layout::{Bundle, Kernel};
use crate::native::{Ground, Group, Guest, Identity, meet};
use crate::provider::{Created, SandboxError};
use crate::spec::SandboxSpec;
use crate::watchdog::Guards;
use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use std::path::Path;
use std::sync::OnceLock;
use tokio_stream::StreamExt;

/// Everything that a container is made from.
pub struct Making {
    docker: Docker,
    is_podman: bool,
    identity: Identity,
    pub inner: (u32, u32),
    pub bundle: Bundle,
    /// Its name for the engine.
    pub name: String,
    /// The engine's own groups for it, once it runs.
    group: OnceLock<Group>,
}

impl Making {
    pub fn of(
        docker: Docker,
        is_podman: bool,
        bundles: &Path,
        spec: &SandboxSpec,
    ) -> Result<Self, SandboxError> {
        let (standing, identity) = claim::take()?;
        crate::container::make_folder(bundles, 0o711)?;
        let inner = claim::inside(standing, &identity);
        let name = crate::container::name_of(&spec.id);
        let bundle = Bundle::make(bundles.join(&name), spec, &identity, inner, Kernel::Host)?;
        Ok(Self {
            docker,
            is_podman,
            identity,
            inner,
            bundle,
            name,
            group: OnceLock::new(),
        })
    }

    async fn start(&self, spec: &SandboxSpec) -> Result<Guest, SandboxError> {
        let image = image::ensure(&self.docker, &self.bundle, self.is_podman).await?;
        let named = CreateContainerOptionsBuilder::new()
            .name(&self.name)
            .build();
        let body = config::of(self, spec, &image);
        let created = self.docker.create_container(Some(named), body).await;
        created.map_err(refused("be made by its engine"))?;
        let door = Door::open(&self.bundle, &self.identity)?;
        let started = self.docker.start_container(&self.name, None).await;
        started.map_err(refused("be started by its engine"))?;
        door.admit(self.ended_early()).await
    }

    async fn ended_early(&self) -> SandboxError {
        let mut waiting = Box::pin(self.docker.wait_container(&self.name, None));
        let said = waiting.next().await;
        let why = match said {
            Some(Err(error)) => error.to_string(),
            Some(Ok(ended)) => format!("its first process ended with {}", ended.status_code),
            None => "its first process ended".to_owned(),
        };
        SandboxError::Build {
            stage: "become ready".to_owned(),
            cause: std::io::Error::other(why),
        }
    }
}

/// A container that serves us as a native sandbox does.
pub async fn begin(making: Making, spec: &SandboxSpec) -> Result<Created, SandboxError> {
    let guards = Guards::of(spec).await;
    let guest = match making.start(spec).await {
        Ok(guest) => guest,
        Err(error) => {
            making.clear().await;
            return Err(error);
        }
    };
    if let Some(born) = &guest.born {
        let _ = making.group.set(Group::of_process(born.pid));
    }
    let begun = meet(spec, guest, making).await?;
    guards.watch(&begun.session);
    Ok(begun.into())
}

#[async_trait]
impl Ground for Making {
    fn group(&self) -> &Group {
        self.group.get_or_init(Group::default)
    }

    async fn clear(&self) {
        let force = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        let name = &self.name;
        if let Err(error) = self.docker.remove_container(name, Some(force)).await {
            tracing::debug!(name, %error, "a container was not removed");
        }
        self.bundle.remove();
    }
}
