//! Every limit of the workspace views, each with the reason for its number.

/// Longest path inside a workspace, in bytes: the kernel's own `PATH_MAX`.
pub const PATH_BYTES_MAX: usize = 4096;

/// Longest single name, in bytes: what Linux file systems accept.
pub const NAME_BYTES_MAX: usize = 255;

/// Files outside ignored trees that one view can watch. A million records cost
/// about 150 MB while they are read; past that a smaller folder is the answer.
pub const WORKSPACE_FILES_MAX: u64 = 1_000_000;

/// Files that are copied where an overlay is impossible. At some 20,000 small
/// files a second this is ten seconds, the longest a person waits for a start.
pub const COPY_FILES_MAX: u64 = 200_000;

/// Bytes that are copied where neither overlay nor reflink is possible: half a
/// minute on an ordinary disk.
pub const COPY_BYTES_MAX: u64 = 4 << 30;

/// Entries of one change set. Nobody judges more than this in one question, and
/// the journal of its apply stays under 50 MB.
pub const CHANGES_MAX: usize = 100_000;

/// Checkpoints kept per view: the last step, the one before it in case that one
/// was written during a crash, and two for "go back a little".
pub const CHECKPOINTS_KEPT: usize = 4;

/// Bytes that one checkpoint may copy anew; unchanged files are shared.
pub const CHECKPOINT_BYTES_MAX: u64 = 8 << 30;

/// Bytes of a rendered difference that a person can be expected to scroll.
pub const RENDER_BYTES: usize = 256 << 10;

/// Files larger than this are described in one line instead of compared: the
/// comparison is quadratic in bad cases.
pub const RENDER_FILE_BYTES_MAX: u64 = 1 << 20;

/// Files named when a removed folder is shown; the rest is counted.
pub const RENDER_TREE_NAMES: usize = 20;

/// How long the comparison of one file may search for a smaller difference.
pub const RENDER_FILE_TIME_MS: u64 = 500;

/// Bytes of one `.gitignore` that are read; longer ones are cut off there.
pub const GITIGNORE_BYTES_MAX: u64 = 256 << 10;

/// From this many staged files on, one `syncfs` is cheaper than an `fsync` each.
pub const FSYNC_EACH_MAX: usize = 32;

/// Bytes moved per read while hashing and copying.
pub const BUFFER_BYTES: usize = 256 << 10;

/// Protected places that are covered in one sandbox: each is a mount or two. A tree
/// with more of them (hundreds of vendored repositories) has the rest named by its apply.
pub const COVERS_MAX: usize = 256;
