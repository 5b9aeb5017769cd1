//! The same proxy, the same attempts, from containers of `runc` and of Podman.

use crate::runtimes::{self, Podman, Suite, is_installed, oci_runtime, skipped_by_name};

/// What begins suites itself.
const BUT: [&str; 2] = ["containers::", "unprivileged::"];
const USER: u32 = 65_502;

fn suite(runtime: &str) -> Suite<'_> {
    Suite {
        but: BUT.to_vec(),
        ..Suite::of(runtime)
    }
}

fn is_inner() -> bool {
    oci_runtime().is_some() || runtimes::is_inner()
}

#[test]
fn runc_lets_out_what_the_proxy_lets_out() {
    if is_inner() {
        return;
    }
    if !is_installed("runc") {
        return skipped_by_name("oci runc", "runc is not installed here");
    }
    suite("runc").holds();
}

#[test]
fn runc_lets_out_the_same_for_an_ordinary_user() {
    if is_inner() || !rustix::process::geteuid().is_root() {
        return;
    }
    if !is_installed("runc") {
        return skipped_by_name("oci runc", "runc is not installed here");
    }
    let mut suite = suite("runc");
    suite.user = Some(USER);
    suite.holds();
}

#[test]
fn podman_lets_out_what_the_proxy_lets_out() {
    if is_inner() || !rustix::process::geteuid().is_root() {
        return;
    }
    let podman = match Podman::start() {
        Ok(podman) => podman,
        Err(why) => return skipped_by_name("podman", &why),
    };
    let mut suite = suite("podman");
    suite.socket = Some(&podman.socket);
    suite.holds();
}
