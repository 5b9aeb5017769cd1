//! The text of a PDF, by poppler's `pdftotext`: a parser of hostile files belongs in here, in the
//! sandbox, and nowhere else.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "pdftotext";
/// A book of a thousand pages takes a few seconds.
const TIME_MAX: Duration = Duration::from_secs(60);
const WATCH_EVERY: Duration = Duration::from_millis(10);
/// As much text as is looked at before it is cut for the model.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Whether a file is a PDF; some begin with a few bytes of something else.
pub(crate) fn is_one(full: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(full).and_then(|file| file.take(1024).read_to_end(&mut head));
    read.is_ok() && head.windows(5).any(|at| at == b"%PDF-")
}

/// What a reader of the PDF would see, as text.
pub(crate) fn text(full: &Path) -> io::Result<String> {
    let mut child = Command::new(PROGRAM)
        .args(["-enc", "UTF-8", "-nopgbrk", "-layout"])
        .arg(full)
        .arg("-")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::other(
                "it is a PDF, and `pdftotext` is not installed on this host (Debian package \
                 poppler-utils)",
            ),
            _ => error,
        })?;
    let out = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = out.map(|out| out.take(TEXT_BYTES_MAX).read_to_end(&mut bytes));
        read.transpose().map(|_| bytes)
    });
    let is_done = ends_in_time(&mut child)?;
    let bytes = reader
        .join()
        .map_err(|_| io::Error::other("its text was lost"))??;
    match (is_done, bytes.is_empty()) {
        (Some(true), false) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        (Some(true), true) => Err(io::Error::other(
            "it is a PDF without text, perhaps scanned pages",
        )),
        (Some(false), _) => Err(io::Error::other(
            "it is a PDF that cannot be read: damaged, or locked by a password",
        )),
        (None, _) => Err(io::Error::other(format!(
            "it is a PDF that was not read within {TIME_MAX:?}"
        ))),
    }
}

/// Whether it ended well; none if its time ran out and it was killed.
fn ends_in_time(child: &mut Child) -> io::Result<Option<bool>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if began.elapsed() > TIME_MAX {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        std::thread::park_timeout(WATCH_EVERY);
    }
}
