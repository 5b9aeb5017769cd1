//! What the tests need that a machine with Rust may lack.

use super::servers::{Bucket, Postgres};
use super::session::{Session, Verdict};
use super::skips;
use crate::command;
use crate::failure::{Failure, Outcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Debian package that a test cannot do without.
struct Need {
    package: &'static str,
    /// Ends well where the package is not needed any more.
    probe: &'static [&'static str],
    /// What is skipped without it, as `tests/skips.toml` names it, and why it is needed.
    skip: &'static str,
    why: &'static str,
}

const PYTHON_CLIENTS: &str = "python clients";
const BROWSER: &str = "browser";
const POSTGRES: &str = "PostgreSQL";
const REDIS: &str = "Redis";
const OCI_RUNC: &str = "oci runc";
const OCI_GVISOR: &str = "oci gvisor";
const PODMAN: &str = "podman";
const DOCKER: &str = "docker";
const PDF: &str = "pdf";
const VOLUMES: &str = "volumes";
const CONTAINERS: [&str; 4] = [OCI_RUNC, OCI_GVISOR, PODMAN, DOCKER];

const EGRESS: &str = "egress by command";

const NEEDS: &[Need] = &[
    Need {
        package: "curl",
        probe: &["/usr/bin/curl", "--version"],
        skip: EGRESS,
        why: "commands in a sandbox reach what is open with curl",
    },
    Need {
        package: "git",
        probe: &["git", "--version"],
        skip: EGRESS,
        why: "git clones and pushes from a sandbox",
    },
    Need {
        package: "python3-venv",
        probe: &["python3", "-c", "import venv, ensurepip"],
        skip: PYTHON_CLIENTS,
        why: "other people's clients of our API run in a Python environment of their own",
    },
    Need {
        package: "postgresql",
        probe: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"],
        skip: POSTGRES,
        why: "the store runs on it too",
    },
    Need {
        package: "redis-server",
        probe: &["/usr/bin/redis-server", "--version"],
        skip: REDIS,
        why: "processes wake each other by it, too",
    },
    Need {
        package: "chromium",
        probe: &["/usr/bin/chromium", "--version"],
        skip: BROWSER,
        why: "the portal is tried in a real browser",
    },
    Need {
        package: "nodejs",
        probe: &[
            "node",
            "-e",
            "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)",
        ],
        skip: BROWSER,
        why: "the portal is built by it, and the browser driven",
    },
    Need {
        package: "npm",
        probe: &["npm", "--version"],
        skip: BROWSER,
        why: "what the portal is made of, and Playwright, come from npm",
    },
    Need {
        package: "runc",
        probe: &["runc", "--version"],
        skip: OCI_RUNC,
        why: "the container backend is tried with it",
    },
    Need {
        package: "runsc",
        probe: &["runsc", "--version"],
        skip: OCI_GVISOR,
        why: "the container backend is tried with gVisor",
    },
    Need {
        package: "podman",
        probe: &["podman", "--version"],
        skip: PODMAN,
        why: "the engine backend is tried with it",
    },
    Need {
        package: "docker.io",
        probe: &["/usr/sbin/dockerd", "--version"],
        skip: DOCKER,
        why: "the engine backend is tried with Docker's own",
    },
    Need {
        package: "e2fsprogs",
        probe: &["/usr/sbin/mkfs.ext4", "-V"],
        skip: VOLUMES,
        why: "the kernel bounds what a view takes of the disk by a file system of its own",
    },
    Need {
        package: "poppler-utils",
        probe: &["pdftotext", "-v"],
        skip: PDF,
        why: "tasks read the text of PDFs",
    },
];

/// The packages from PyPI, all versions fixed.
const REQUIREMENTS: &str = "tests/python/requirements.txt";

pub fn install(session: &mut Session) -> Outcome<Verdict> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !is_met(session, need)).collect();
    if !missing.is_empty() {
        if may_install(session) {
            install_packages(session, &missing)?;
        } else {
            name_the_command(session, &missing)?;
        }
    }
    let lacks = |skip: &str| {
        missing
            .iter()
            .any(|need| need.skip == skip && !is_met(session, need))
    };
    let (has_python, has_browser) = (!lacks(PYTHON_CLIENTS), !lacks(BROWSER));
    let has_postgres = !lacks(POSTGRES);
    if may_install(session) && !has_browser {
        skips::note(
            session,
            BROWSER,
            "needs Chromium and Node 20 or later, which this machine's packages lack",
        )?;
    }
    if has_python {
        let python = environment(session)?;
        session.bucket = Some(Bucket::start(session, &python)?);
        session.python = Some(python);
    }
    session.has_browser = has_browser;
    if has_postgres {
        session.postgres = Some(Postgres::start(session)?);
    }
    Ok(Verdict::passed())
}

fn is_met(session: &Session, need: &Need) -> bool {
    let mut probe = session.program(Path::new(need.probe[0]));
    probe.args(&need.probe[1..]);
    command::succeeds(probe)
}

/// Whether we are root on a machine with Debian's package manager.
fn may_install(session: &Session) -> bool {
    let mut id = session.program(Path::new("id"));
    id.arg("-u");
    let is_root = command::answer(&mut id).is_ok_and(|answer| answer.trim() == "0");
    let mut probe = session.program(Path::new("apt-get"));
    probe.arg("--version");
    is_root && command::succeeds(probe)
}

/// Debian's hook that says whether a package may start its service when it is installed.
const MAY_START: &str = "/usr/sbin/policy-rc.d";

/// While it lives, no package that is installed starts a service: the tests start what they need.
struct NoServices {
    is_ours: bool,
}

impl NoServices {
    fn here() -> Outcome<Self> {
        use std::os::unix::fs::PermissionsExt;
        let is_ours = !Path::new(MAY_START).exists();
        if is_ours {
            fs::write(MAY_START, "#!/bin/sh\nexit 101\n")
                .and_then(|()| fs::set_permissions(MAY_START, fs::Permissions::from_mode(0o755)))
                .map_err(Failure::to("keep packages from starting services"))?;
        }
        Ok(Self { is_ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.is_ours {
            // One that is gone already need not be removed.
            let _ = fs::remove_file(MAY_START);
        }
    }
}

fn install_packages(session: &Session, missing: &[&Need]) -> Outcome<()> {
    let _no_services = NoServices::here()?;
    let mut apt = session.program(Path::new("apt-get"));
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    succeed(session, apt.arg("update"))?;
    let mut apt = session.program(Path::new("apt-get"));
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "--no-install-recommends"]);
    let all_at_once = succeed(session, apt.args(packages(missing)));
    if all_at_once.is_ok() {
        return Ok(());
    }
    // Not every distribution has a container runtime; without one its tests are skipped by name.
    for need in missing {
        let mut apt = session.program(Path::new("apt-get"));
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt.args(["install", "-y", "--no-install-recommends", need.package]);
        let installed = succeed(session, &mut apt);
        if !CONTAINERS.contains(&need.skip) {
            installed?;
        }
    }
    Ok(())
}

fn name_the_command(session: &Session, missing: &[&Need]) -> Outcome<()> {
    let packages = packages(missing).collect::<Vec<_>>().join(" ");
    eprintln!("    some tests are skipped; to run them, install what they need:");
    eprintln!("    sudo apt-get install -y --no-install-recommends {packages}");
    for need in missing {
        let reason = format!("needs the Debian package {}: {}", need.package, need.why);
        skips::note(session, need.skip, &reason)?;
    }
    Ok(())
}

fn packages<'a>(missing: &'a [&Need]) -> impl Iterator<Item = &'static str> + 'a {
    missing.iter().map(|need| need.package)
}

/// The Python environment below the target folder, made anew when the requirements changed.
fn environment(session: &Session) -> Outcome<PathBuf> {
    let folder = session.target.join("python");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    let wanted = fs::read(session.root.join(REQUIREMENTS))
        .map_err(Failure::to(format!("read {REQUIREMENTS}")))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let mut make = session.program(Path::new("python3"));
    succeed(session, make.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut fill = session.program(&python);
    fill.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--requirement",
        REQUIREMENTS,
    ]);
    succeed(session, &mut fill)?;
    fs::write(&stamp, wanted).map_err(Failure::to(format!("write {}", stamp.display())))?;
    Ok(python)
}

fn succeed(session: &Session, command: &mut Command) -> Outcome<()> {
    let report = session.record(command)?;
    if report.succeeded {
        return Ok(());
    }
    let start = report.lines.len().saturating_sub(20);
    let end = report.lines[start..].join("\n");
    Err(Failure::new(format!(
        "could not install what the tests need:\n{end}"
    )))
}
