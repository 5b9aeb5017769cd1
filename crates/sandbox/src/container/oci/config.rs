//! The bundle's `config.json`, as the OCI runtime specification has it.

use super::making::{self, Making};
use crate::container::layout::{GUEST, Mount};
use crate::container::powers;
use crate::native::{Standing, root_plan};
use crate::provider::SandboxError;
use crate::spec::{ExecSpec, SandboxSpec};
use serde_json::{Value, json};

const KINDS: [&str; 5] = ["pid", "network", "ipc", "uts", "mount"];

/// The whole configuration of one container.
pub fn of(making: &Making, spec: &SandboxSpec) -> Result<Value, SandboxError> {
    let plan = root_plan(spec, making.inner)?;
    let in_proc = |names: &[Vec<u8>]| -> Vec<String> {
        let path = |name: &Vec<u8>| format!("/proc/{}", String::from_utf8_lossy(name));
        names.iter().map(path).collect()
    };
    let mut namespaces: Vec<Value> = KINDS.map(|kind| json!({"type": kind})).into();
    let mut linux = json!({
        "maskedPaths": in_proc(&plan.proc_masked),
        "readonlyPaths": in_proc(&plan.proc_read_only),
    });
    match making.standing {
        Standing::Root => {
            if let Some(path) = making.group.path_for_runtimes() {
                linux["cgroupsPath"] = json!(path);
            }
        }
        // gVisor makes its own without root.
        Standing::User { uid, gid } if !making.runtime.is_gvisor => {
            namespaces.push(json!({"type": "user"}));
            linux["uidMappings"] = json!([{"containerID": 0, "hostID": uid, "size": 1}]);
            linux["gidMappings"] = json!([{"containerID": 0, "hostID": gid, "size": 1}]);
        }
        Standing::User { .. } => {}
    }
    linux["namespaces"] = json!(namespaces);
    let program = format!("{GUEST}/{}", making::program(making.runtime.kernel()));
    let mut first = process(making.inner, &[program], &environment(), "/");
    let powers: Vec<String> = powers(spec).collect();
    for set in [
        "bounding",
        "permitted",
        "inheritable",
        "effective",
        "ambient",
    ] {
        first["capabilities"][set] = json!(powers);
    }
    Ok(json!({
        "ociVersion": "1.0.2",
        "hostname": "sandbox",
        "root": {"path": "rootfs", "readonly": true},
        "process": first,
        "mounts": mounts(making),
        "linux": linux,
    }))
}

/// One process of a container: no capability, and no way to one.
pub fn process((uid, gid): (u32, u32), argv: &[String], env: &[String], cwd: &str) -> Value {
    json!({
        "terminal": false,
        "user": {"uid": uid, "gid": gid},
        "args": argv,
        "env": env,
        "cwd": cwd,
        "capabilities": {},
        "noNewPrivileges": true,
    })
}

fn environment() -> Vec<String> {
    let base = ExecSpec::base_environment();
    base.iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

fn mounts(making: &Making) -> Value {
    let own = [
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
               "options": ["nosuid", "mode=755", "size=64k"]}),
        json!({"destination": "/dev/pts", "type": "devpts", "source": "devpts",
               "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}),
    ];
    let bundled = making.bundle.mounts.iter().map(|mount| match mount {
        Mount::Bind {
            from,
            to,
            read_only,
        } => {
            let access = if *read_only { "ro" } else { "rw" };
            json!({"destination": to, "type": "bind", "source": from,
                   "options": ["rbind", access, "nosuid", "nodev"]})
        }
        Mount::Memory {
            to,
            bytes,
            inodes,
            mode,
        } => {
            let mut options = vec!["nosuid".into(), "nodev".into()];
            options.push(format!("size={bytes}"));
            options.push(format!("mode={mode:o}"));
            // gVisor's has no such option, and counts every file as memory.
            if !making.runtime.is_gvisor {
                options.push(format!("nr_inodes={inodes}"));
            }
            json!({"destination": to, "type": "tmpfs", "source": "tmpfs", "options": options})
        }
    });
    own.into_iter().chain(bundled).collect()
}
