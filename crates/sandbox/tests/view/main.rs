//! The workspace views on real folders: overlays are mounted for real where the
//! tests run as root, and copies are tried in every case.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, in its helpers too"
)]

mod bench;
mod interrupted;
mod hostile;
mod journey;
