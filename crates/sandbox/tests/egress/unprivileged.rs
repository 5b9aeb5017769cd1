//! The same suite as an ordinary user, when it is root that runs it.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Nobody's user on the host, and not in the range of the sandboxes.
const USER: u32 = 65_501;

#[test]
fn the_suite_holds_for_an_ordinary_user() {
    if !rustix::process::geteuid().is_root() || crate::runtimes::oci_runtime().is_some() {
        return; // this is that run, or an ordinary user began it
    }
    let keep = tempfile::tempdir().unwrap();
    std::fs::set_permissions(keep.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (program, home) = (keep.path().join("suite"), keep.path().join("home"));
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::create_dir(&home).unwrap();
    chown(&home, Some(USER), Some(USER)).unwrap();
    let output = Command::new(&program)
        .env_clear()
        .env("HOME", &home)
        .env("TMPDIR", &home)
        .env("WARDROOM_TEST_INNER", "1")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir(&home)
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
}
