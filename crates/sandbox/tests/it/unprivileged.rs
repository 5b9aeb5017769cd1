//! The same suite as an ordinary user, when it is root that runs it.

use crate::harness::*;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Nobody's user on the host, and not in the range of the sandboxes.
const USER: u32 = 65_500;

#[test]
fn the_suite_holds_for_an_ordinary_user() {
    if !is_root() {
        return; // this is that run, or an ordinary user began it
    }
    let keep = folder();
    let program = keep.path().join("suite");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let home = keep.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(USER), Some(USER)).unwrap();
    let output = Command::new(&program)
        .env_clear()
        .env("WARDROOM_TEST_INNER", "1")
        .env("HOME", &home)
        .env("TMPDIR", &home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir(&home)
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    println!(
        "{}",
        text.lines()
            .filter(|line| line.starts_with("test result"))
            .collect::<String>()
    );
}
