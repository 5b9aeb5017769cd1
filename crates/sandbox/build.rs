//! Builds the guest, a tiny static program, and leaves it where the crate can embed it.
//!
//! The nested cargo sees nothing of the outer build (no flags, no target folder), so the
//! guest is the same whatever is built around it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo and rustc need of the environment; everything else could leak settings.
const ENVIRONMENT_KEPT: [&str; 8] = [
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "TMPDIR",
    "HTTPS_PROXY",
    "https_proxy",
];

fn main() {
    for watched in [
        "guest/src",
        "guest/Cargo.toml",
        "guest/Cargo.lock",
        "src/native/wire.rs",
    ] {
        println!("cargo::rerun-if-changed={watched}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(needed("OUT_DIR"));
    let target = needed("TARGET").into_string().unwrap_or_default();
    // The guest's libc is among the outer build's, so it is usually on disk already.
    if !build_guest(&out, &target, true) && !build_guest(&out, &target, false) {
        println!("cargo::error=the sandbox's guest did not build; its messages are above");
        return;
    }
    let built = out
        .join("guest")
        .join(&target)
        .join("release/wardroom-guest");
    if let Err(error) = std::fs::copy(&built, out.join("wardroom-guest")) {
        println!("cargo::error=cannot copy {}: {error}", built.display());
    }
}

fn needed(name: &str) -> OsString {
    env::var_os(name).unwrap_or_default()
}

fn build_guest(out: &Path, target: &str, offline: bool) -> bool {
    let guest = Path::new(&needed("CARGO_MANIFEST_DIR")).join("guest");
    let mut cargo = Command::new(needed("CARGO"));
    cargo
        .current_dir(&guest)
        .env_clear()
        .envs(
            ENVIRONMENT_KEPT
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?))),
        )
        .env(
            "RUSTFLAGS",
            "-C target-feature=+crt-static -C relocation-model=static",
        )
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--target",
            target,
        ])
        .arg("--target-dir")
        .arg(out.join("guest"));
    if offline {
        cargo.arg("--offline");
    }
    cargo.status().is_ok_and(|status| status.success())
}
