//! Log lines on their way out, without whatever is told to be a secret by its shape.

use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;
use wardroom_policy::redact::Redactor;

/// Makes writers to standard error that cut secrets out. An event comes in one piece.
pub struct Clean;

impl<'a> MakeWriter<'a> for Clean {
    type Writer = CleanStderr;

    fn make_writer(&'a self) -> Self::Writer {
        CleanStderr
    }
}

/// One of them.
pub struct CleanStderr;

impl Write for CleanStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::stderr().write_all(Redactor::default().redact(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
