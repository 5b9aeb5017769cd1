//! What an engine is asked to make.

use super::LABEL;
use super::making::Making;
use crate::container::layout::{GUEST, Mount};
use crate::container::powers;
use crate::spec::{ExecSpec, Profile, SandboxSpec};
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount as EngineMount, MountType,
    ResourcesUlimits,
};
use std::collections::HashMap;

const NANO_PER_PERCENT: i64 = 10_000_000;

/// One container: no network, no capability, a read-only root.
pub fn of(making: &Making, spec: &SandboxSpec, image: &str) -> ContainerCreateBody {
    let base = ExecSpec::base_environment();
    let env = base.iter().map(|(name, value)| format!("{name}={value}"));
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: Some("sandbox".to_owned()),
        user: Some(user(making.inner)),
        env: Some(env.collect()),
        entrypoint: Some(vec![format!("{GUEST}/wardroom-init")]),
        cmd: Some(Vec::new()),
        working_dir: Some("/".to_owned()),
        network_disabled: Some(true),
        labels: Some(HashMap::from([(LABEL.to_owned(), making.name.clone())])),
        host_config: Some(host(making, spec)),
        ..ContainerCreateBody::default()
    }
}

fn user((uid, gid): (u32, u32)) -> String {
    format!("{uid}:{gid}")
}

fn host(making: &Making, spec: &SandboxSpec) -> HostConfig {
    let limits = &spec.limits;
    let bytes = |bytes: u64| Some(i64::try_from(bytes).unwrap_or(i64::MAX));
    let ulimit = |name: &str, most: u64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: bytes(most),
        hard: bytes(most),
    };
    HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("private".to_owned()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(powers(spec).collect()),
        security_opt: Some(security(spec)),
        memory: bytes(limits.memory_bytes),
        memory_swap: bytes(limits.memory_bytes),
        nano_cpus: Some(i64::from(limits.cpu_percent) * NANO_PER_PERCENT),
        pids_limit: Some(i64::from(limits.processes) + 1),
        // An engine may lack the right to raise what it would set by itself.
        ulimits: Some(vec![
            ulimit("nofile", limits.open_files),
            ulimit("nproc", u64::from(limits.processes) + 1),
            // The one value that also keeps a piped core handler of the host away.
            ulimit("core", 1),
        ]),
        shm_size: bytes(limits.shm_bytes),
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        mounts: Some(making.bundle.mounts.iter().filter_map(bind).collect()),
        tmpfs: Some(making.bundle.mounts.iter().filter_map(memory).collect()),
        ..HostConfig::default()
    }
}

/// The guest's filter is stricter than an engine's, but for a browser, which makes namespaces of its
/// own: there the engine's would stand in the way.
fn security(spec: &SandboxSpec) -> Vec<String> {
    let mut options = vec!["no-new-privileges".to_owned()];
    if spec.profile == Profile::Browser {
        options.push("seccomp=unconfined".to_owned());
    }
    options
}

fn bind(mount: &Mount) -> Option<EngineMount> {
    let Mount::Bind {
        from,
        to,
        read_only,
    } = mount
    else {
        return None;
    };
    Some(EngineMount {
        typ: Some(MountType::BIND),
        source: Some(from.to_string_lossy().into_owned()),
        target: Some(to.to_string_lossy().into_owned()),
        read_only: Some(*read_only),
        ..EngineMount::default()
    })
}

fn memory(mount: &Mount) -> Option<(String, String)> {
    let Mount::Memory {
        to, bytes, mode, ..
    } = mount
    else {
        return None;
    };
    // The engine has a place of its own for shared memory, and no word for inodes.
    let options = format!("rw,nosuid,nodev,exec,size={bytes},mode={mode:o}");
    (to != std::path::Path::new("/dev/shm")).then(|| (to.to_string_lossy().into_owned(), options))
}
