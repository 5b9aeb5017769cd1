//! What every provider does, whatever makes its sandboxes: it remembers its probe, and refuses a
//! demand that is not met before anything is made.

use crate::capability::Capabilities;
use crate::provider::{Created, SandboxError, SandboxProvider, SweepReport};
use crate::spec::{Demands, SandboxId, SandboxSpec};
use async_trait::async_trait;
use std::collections::HashSet;
use tokio::sync::OnceCell;

/// What makes sandboxes by one means.
#[async_trait]
pub trait Backend: Send + Sync {
    fn name(&self) -> &'static str;

    async fn begin(&self, spec: &SandboxSpec) -> Result<Created, SandboxError>;

    /// Finds what is enforced by really trying it.
    async fn try_out(&self) -> Result<Capabilities, SandboxError>;

    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError>;
}

/// A backend with its memory. Cheap to share; keep one per process.
#[derive(Debug, Default)]
pub struct Provider<B> {
    pub(crate) backend: B,
    capabilities: OnceCell<Capabilities>,
}

impl<B> From<B> for Provider<B> {
    fn from(backend: B) -> Self {
        Self {
            backend,
            capabilities: OnceCell::new(),
        }
    }
}

#[async_trait]
impl<B: Backend> SandboxProvider for Provider<B> {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        self.capabilities
            .get_or_try_init(|| self.backend.try_out())
            .await
            .copied()
    }

    /// The minimum (namespaces, filter, no network) cannot be missing from a sandbox that
    /// was made, so only further demands need the probe.
    async fn create(&self, spec: SandboxSpec) -> Result<Created, SandboxError> {
        if spec.demands != Demands::default() {
            let capabilities = self.probe().await?;
            capabilities
                .meet(&spec.demands)
                .and_then(|()| capabilities.meet_disk(&spec))
                .map_err(SandboxError::Unsupported)?;
        }
        self.backend.begin(&spec).await
    }

    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError> {
        self.backend.sweep(live).await
    }
}
