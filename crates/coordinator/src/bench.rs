//! A task's workbench: its view of the workspace and, while something is done there, its sandbox.
//!
//! The view lives on disk and survives waits and restarts; the sandbox does neither.

use crate::attach;
use crate::crew::Crew;
use crate::record::{Recorder, recorder};
use crate::wrong::Wrong;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wardroom_domain::{Digest, PermissionLevel, TaskId, limits};
use wardroom_executors::{Executor, Hands, Workbench};
use wardroom_policy::decide::ApplyShape;
use wardroom_sandbox::DestroyReason;
use wardroom_sandbox::view::{self, ChangeSet, IgnoredTrees, OverlaySupport, View};
use wardroom_sandbox::volume::Room;
use wardroom_store::{Page, TaskFilter};

/// How much of a diff a question carries. Longer ones say where the rest is.
const DIFF_BYTES_MAX: usize = 256 * 1024;

/// Where views and snapshots are kept, and what can be done here.
#[derive(Clone)]
pub struct Benches {
    /// The private workspaces, one folder per person.
    pub workspaces: PathBuf,
    /// One folder per view.
    pub views: PathBuf,
    /// One folder per apply, for undo.
    pub snapshots: PathBuf,
    /// What tasks were given, one folder per task.
    pub uploads: PathBuf,
    /// Makes sandboxes.
    pub hands: Hands,
    /// Whether an overlay can be had.
    pub overlay: OverlaySupport,
    /// What a view may grow by, where the kernel has to hold it; none where a watchdog may.
    pub room: Option<Room>,
    /// Protected places that the org has opened to its tasks; an apply names them still.
    pub opened: Arc<[String]>,
    /// What the data directory is called, in which all of this lies.
    pub place: String,
}

/// One task's workbench.
pub(crate) struct Bench {
    benches: Benches,
    workspace: PathBuf,
    id: String,
    view: Option<Arc<View>>,
    executor: Option<Executor>,
    recorder: Option<Recorder>,
    uploads: Option<PathBuf>,
    /// What the sandbox was made for.
    level: Option<PermissionLevel>,
}

/// A difference, ready to be asked about.
pub(crate) struct Difference {
    pub(crate) set: ChangeSet,
    pub(crate) digest: Digest,
    pub(crate) shape: ApplyShape,
}

impl Bench {
    pub(crate) fn new(benches: Benches, task: TaskId, workspace: PathBuf) -> Self {
        Self {
            benches,
            workspace,
            id: bench_id(task),
            view: None,
            executor: None,
            recorder: None,
            uploads: None,
            level: None,
        }
    }

    /// Where this task's uploads are laid out.
    pub(crate) fn uploads_folder(&self) -> PathBuf {
        self.benches.uploads.join(&self.id)
    }

    /// Shows a folder inside the sandbox that is made next.
    pub(crate) fn show_uploads(&mut self, folder: Option<PathBuf>) {
        self.uploads = folder;
    }

    /// Whether there is a sandbox already.
    pub(crate) fn has_executor(&self) -> bool {
        self.executor.is_some()
    }

    /// The runner, in a sandbox over the view; both are made when they are first needed, and the
    /// sandbox anew when the level of the agent has changed.
    pub(crate) async fn executor(
        &mut self,
        crew: &Arc<Crew>,
        task: TaskId,
        level: Option<PermissionLevel>,
    ) -> Result<&mut Executor, Wrong> {
        if self.executor.is_some() && self.level != level {
            self.close(DestroyReason::Idle).await;
        }
        if self.executor.is_none() {
            let view = self.view_or_new().await?;
            let (looked_at, opened) = (view.clone(), self.benches.opened.clone());
            let covers = blocking(move || looked_at.covers(&opened)).await??;
            let bench = Workbench {
                id: self.id.clone(),
                mount: view.mount(),
                volume: view.volume(),
                protected: covers
                    .iter()
                    .map(|path| path.as_path().to_owned())
                    .collect(),
                shown: self
                    .uploads
                    .iter()
                    .map(|folder| (folder.clone(), attach::INSIDE.into()))
                    .collect(),
                level,
            };
            let egress = self.benches.hands.egress();
            let recording = egress.map(|egress| recorder(crew, task, egress.sink_places()));
            let (sink, recorder) = recording.unzip();
            self.executor = Some(self.benches.hands.open(bench, sink).await?);
            self.recorder = recorder;
            self.level = level;
        }
        self.executor.as_mut().ok_or(Wrong::Gone)
    }

    async fn view_or_new(&mut self) -> Result<Arc<View>, Wrong> {
        if let Some(view) = self.existing_view().await? {
            return Ok(view);
        }
        let (benches, workspace, id) = (
            self.benches.clone(),
            self.workspace.clone(),
            self.id.clone(),
        );
        let view = blocking(move || {
            let (views, overlay) = (&benches.views, &benches.overlay);
            View::create_within(&workspace, views, &id, overlay, benches.room)
        })
        .await??;
        let view = Arc::new(view);
        self.view = Some(view.clone());
        Ok(view)
    }

    /// The view, if the task has one.
    pub(crate) async fn existing_view(&mut self) -> Result<Option<Arc<View>>, Wrong> {
        if self.view.is_none() && self.benches.views.join(&self.id).exists() {
            let (views, id) = (self.benches.views.clone(), self.id.clone());
            self.view = Some(Arc::new(blocking(move || View::open(&views, &id)).await??));
        }
        Ok(self.view.clone())
    }

    /// Whether the task has a view here.
    pub(crate) fn has_view(&self) -> bool {
        self.view.is_some()
    }

    /// What the view holds that the workspace does not.
    pub(crate) async fn difference(&mut self) -> Result<Option<Difference>, Wrong> {
        let Some(view) = self.existing_view().await? else {
            return Ok(None);
        };
        let set = blocking(move || view.changes(IgnoredTrees::StayInView)).await??;
        Ok((!set.is_empty()).then(|| Difference::new(set)))
    }

    /// A difference as people read it.
    pub(crate) async fn rendered(&mut self, set: &ChangeSet) -> Result<String, Wrong> {
        let Some(view) = self.existing_view().await? else {
            return Ok(String::new());
        };
        let set = set.clone();
        Ok(blocking(move || view::render(&set, &view, DIFF_BYTES_MAX)).await??)
    }

    /// Keeps the view as the step left it, to come back to when a later one is cut off.
    pub(crate) async fn checkpoint(&mut self, step: u32) -> Result<(), Wrong> {
        let Some(view) = self.view.clone() else {
            return Ok(());
        };
        blocking(move || view.checkpoint(u64::from(step))).await??;
        Ok(())
    }

    /// Puts the view back to where it was before the interrupted step. That step may have been kept
    /// already, when the crash came between its end and the commit that settles it.
    pub(crate) async fn restore_before(&mut self, step: u32) -> Result<(), Wrong> {
        let Some(view) = self.existing_view().await? else {
            return Ok(());
        };
        let restored = blocking(move || {
            let kept = view.checkpoints()?;
            match kept.iter().rev().find(|kept| **kept < u64::from(step)) {
                Some(before) => view.restore(*before).map(|()| true),
                None => Ok(false),
            }
        })
        .await??;
        // Nothing was kept yet, so what there is belongs to the interrupted step alone.
        if !restored {
            self.discard().await;
        }
        Ok(())
    }

    /// Kills whatever still runs. The view stays.
    pub(crate) async fn close(&mut self, why: DestroyReason) {
        if let Some(executor) = self.executor.take() {
            executor.close(why).await;
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.finish().await;
        }
    }

    /// Removes the view with everything in it.
    pub(crate) async fn discard(&mut self) {
        self.close(DestroyReason::Finished).await;
        let _ = std::fs::remove_dir_all(self.uploads_folder());
        let view = self.existing_view().await;
        self.view = None;
        if let Ok(Some(view)) = view
            && let Some(view) = Arc::into_inner(view)
            && let Ok(Err(error)) = blocking(move || view.discard()).await
        {
            tracing::warn!(bench = self.id, %error, "a view was not removed");
        }
    }

    pub(crate) fn benches(&self) -> &Benches {
        &self.benches
    }
}

impl Difference {
    fn new(set: ChangeSet) -> Self {
        let digest = Digest::of(&set);
        let risks = set.risks();
        let dangerous = risks.iter().filter_map(dangerous_path).collect();
        let destroys = set.changes.iter().any(view::Change::destroys);
        let shape = ApplyShape {
            summary: set.summary(),
            destroys,
            dangerous,
        };
        Self { set, digest, shape }
    }
}

fn dangerous_path(risk: &view::Risk) -> Option<String> {
    match risk {
        view::Risk::Protected { path, .. } | view::Risk::LinkOutside { path, .. } => {
            Some(path.to_string())
        }
        view::Risk::Executable { .. } => None,
    }
}

/// The name of a task's view and sandbox: it can be seen inside, so it tells nothing.
pub(crate) fn bench_id(task: TaskId) -> String {
    let digest = Digest::of(&task);
    digest.as_bytes()[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// After a crash: removes what is left of views that were being made or removed. Only before work
/// begins.
pub(crate) async fn clear_remains(crew: &Crew) -> Result<(), Wrong> {
    let views = crew.benches.views.clone();
    blocking(move || view::clear_remains(&views)).await??;
    Ok(())
}

/// After a crash: removes views that the end of their task did not clear away any more.
pub(crate) async fn clear_ended(crew: &Crew) -> Result<(), Wrong> {
    let mut left = left_over(&crew.benches.views);
    let mut page = Page {
        limit: Some(limits::PAGE_ROWS_MAX),
        cursor: None,
    };
    while !left.is_empty() {
        let all = TaskFilter::default();
        let tasks = crew.store.tasks(crew.org, &all, &page).await?;
        for task in tasks.items.into_iter().map(|row| row.task) {
            let is_left = left.remove(&bench_id(task.id));
            if is_left && task.status.is_terminal() && task.applied != Some(false) {
                let mut bench = Bench::new(crew.benches.clone(), task.id, PathBuf::new());
                bench.discard().await;
            }
        }
        page.cursor = tasks.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    Ok(())
}

fn left_over(views: &Path) -> HashSet<String> {
    let entries = std::fs::read_dir(views).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Runs what waits for the disk where waiting does no harm.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Wrong> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Wrong::Gone)
}
