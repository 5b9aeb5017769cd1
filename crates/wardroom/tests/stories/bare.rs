//! Hosts that lack something: the binary says what, and how to get it, and runs nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Nobody's user on the host.
const USER: u32 = 65_501;

/// What a run of the binary came to.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A place of an ordinary user, with the binary and a data directory in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let keep = tempfile::tempdir().expect("a folder");
        let home = Self(keep);
        fs::set_permissions(home.0.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
        for folder in ["data", "tmp", "work"] {
            fs::create_dir(home.path(folder)).expect("a folder");
            home.give(&home.path(folder));
        }
        // The folder of the build may be closed to others.
        let binary = home.path("wardroom");
        fs::hard_link(env!("CARGO_BIN_EXE_wardroom"), &binary)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_wardroom"), &binary).map(drop))
            .expect("the binary");
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn give(&self, path: &Path) {
        if is_root() {
            chown(path, Some(USER), Some(USER)).expect("its owner");
        }
    }

    /// Runs a command line as an ordinary user; `$WARDROOM` is the binary.
    fn runs(&self, line: &str) -> Ran {
        let mut command = Command::new("sh");
        if is_root() {
            command = Command::new("setpriv");
            let user = USER.to_string();
            command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "sh"]);
        }
        let ran = command
            .args(["-c", line])
            .env("WARDROOM", self.path("wardroom"))
            .env("WARDROOM_DATA", self.path("data"))
            .env("TMPDIR", self.path("tmp"))
            .env("HOME", self.path("work"))
            .current_dir(self.path("work"))
            .output()
            .expect("a shell");
        Ran {
            code: ran.status.code(),
            out: String::from_utf8_lossy(&ran.stdout).into_owned(),
            err: String::from_utf8_lossy(&ran.stderr).into_owned(),
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn an_ordinary_user_has_a_sandbox() {
    let ran = Home::new().runs("$WARDROOM sandbox run -- sh -c 'id -u; echo x > f; cat f'");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "1000\nx\n"),
        "{}",
        ran.err
    );
}

#[test]
fn without_user_namespaces_the_way_to_get_them_is_named() {
    let home = Home::new();
    // In a user namespace of his own, a user may forbid all further ones.
    let line = |verb: &str| {
        format!(
            "unshare -U --map-user=1000 --keep-caps sh -c \
             'echo 0 > /proc/sys/user/max_user_namespaces && exec $WARDROOM {verb}'"
        )
    };
    let ran = home.runs(&line("sandbox run -- touch was-here"));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    for part in [
        "create the namespaces",
        "sysctl user.max_user_namespaces=10000",
        "doctor sandbox",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    assert!(!home.path("work/was-here").exists());
    let ran = home.runs(&line("doctor sandbox"));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.out.contains("user namespaces are disabled here"),
        "{}",
        ran.out
    );
}

#[test]
fn without_a_cgroup_a_required_limit_is_a_refusal() {
    let home = Home::new();
    let require = "WARDROOM_SANDBOX__REQUIRE='[\"cpu\"]' $WARDROOM sandbox run -- touch was-here";
    let ran = home.runs(require);
    if ran.code == Some(0) {
        // A cgroup is delegated to this user, so the kernel enforces it.
        return;
    }
    for part in [
        "a limit of processor time by the kernel is demanded",
        "Delegate=yes",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let doctor = home.runs("WARDROOM_SANDBOX__REQUIRE='[\"cpu\"]' $WARDROOM doctor sandbox");
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.out.contains("sandbox.require"), "{}", doctor.out);
}

#[test]
fn what_cannot_be_required_or_opened_is_named_with_its_nearest() {
    let home = Home::new();
    for (setting, part) in [
        ("WARDROOM_SANDBOX__REQUIRE='[\"cpus\"]'", "cpu"),
        (
            "WARDROOM_SANDBOX__UNPROTECT='[\".github/workflow\"]'",
            "the nearest is `.github/workflows`",
        ),
    ] {
        let ran = home.runs(&format!(
            "{setting} $WARDROOM sandbox run -- touch was-here"
        ));
        assert!(
            ran.code == Some(1) && ran.err.contains(part),
            "{:?} {}",
            ran.code,
            ran.err
        );
    }
}

#[test]
fn a_command_that_is_not_there_is_a_sentence() {
    let ran = Home::new().runs("$WARDROOM sandbox run -- no-such-command");
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err
            .contains("`no-such-command` could not be started in the sandbox: No such file"),
        "{}",
        ran.err
    );
}

#[test]
fn bytes_go_through_as_they_are() {
    let ran = Home::new().runs("$WARDROOM sandbox run -- printf 'a\\377b\\033' | od -An -tx1");
    assert_eq!(ran.out.trim(), "61 ff 62 1b", "{}", ran.err);
}
