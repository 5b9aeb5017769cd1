//! What there is to see, to reach and to change.

use super::*;

pub fn pid_1() {
    for name in [
        "mem",
        "environ",
        "fd",
        "root",
        "exe",
        "maps",
        "cwd",
        "fdinfo",
        "map_files",
        "stack",
        "syscall",
        "io",
        "auxv",
        "pagemap",
    ] {
        let path = format!("/proc/1/{name}");
        let result = std::fs::read(&path)
            .map(|bytes| bytes.len())
            .or_else(|error| {
                if error.kind() == io::ErrorKind::IsADirectory {
                    std::fs::read_dir(&path).map(Iterator::count)
                } else {
                    Err(error)
                }
            });
        match result {
            Ok(found) => say(name, format!("READ {found}")),
            Err(error) => say(name, error_name(&error)),
        }
    }
    say_result("root through", std::fs::read_dir("/proc/1/root/"));
    say_result(
        "write mem",
        std::fs::OpenOptions::new().write(true).open("/proc/1/mem"),
    );
    say_result(
        "write oom_score_adj",
        std::fs::write("/proc/1/oom_score_adj", "1000"),
    );
    try_call!("ptrace", libc::SYS_ptrace, libc::PTRACE_SEIZE, 1, 0, 0);
    let (mut buffer, remote) = ([0_u8; 8], 0x1000_usize);
    let part = |base: usize| libc::iovec {
        iov_base: base as *mut libc::c_void,
        iov_len: 8,
    };
    let (local, remote) = (part(buffer.as_mut_ptr() as usize), part(remote));
    let (local, remote): (*const _, *const _) = (&local, &remote);
    try_call!(
        "process_vm_writev",
        libc::SYS_process_vm_writev,
        1,
        local,
        1,
        remote,
        1,
        0
    );
}

pub fn kill() {
    // SAFETY: no memory is involved.
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
        // Ignored by the kernel: the first process of a namespace has no handler for it.
        libc::kill(1, libc::SIGKILL);
        libc::kill(1, libc::SIGSTOP);
    }
    for pid in [2_000_000, 4_000_000] {
        try_call!(&format!("kill {pid}"), libc::SYS_kill, pid, libc::SIGTERM);
    }
    let alive = std::fs::read_to_string("/proc/1/stat").is_ok();
    say("PID 1 lives", alive);
}

pub fn descriptors() {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let entry = entry.unwrap();
        let link = std::fs::read_link(entry.path()).map(|link| link.display().to_string());
        let number: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
        if number > 2 {
            open.push(link.unwrap_or_default());
        }
    }
    // The folder being read is one of them.
    open.retain(|link| !link.ends_with("/fd"));
    say("open", open.join(","));
    say(
        "environment",
        std::env::vars()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
            .join(","),
    );
}

pub fn files() {
    for path in [
        "/etc/shadow",
        "/root",
        "/root/.ssh",
        "/home/user",
        "/sys",
        "/sys/fs/cgroup",
        "/boot",
        "/var/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/dbus/system_bus_socket",
        "/run/systemd/private",
        "/var/log",
        "/var/lib",
        "/mnt",
        "/srv",
    ] {
        say_result(path, std::fs::metadata(path));
    }
}

pub fn writes() {
    for path in [
        "/usr/x",
        "/etc/passwd",
        "/etc/x",
        "/x",
        "/dev/x",
        "/bin/x",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/kernel/hostname",
        "/opt/attacker",
    ] {
        say_result(
            path,
            std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path),
        );
    }
    let reader = std::fs::File::open("/opt/attacker").unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&reader);
    let again = format!("/proc/self/fd/{number}");
    say_result(
        "re-open for writing",
        std::fs::OpenOptions::new().write(true).open(again),
    );
    say_result(
        "hard link",
        std::fs::hard_link("/usr/bin/env", "/workspace/env"),
    );
    // Reads that must find nothing.
    for path in [
        "/proc/kcore",
        "/proc/kmsg",
        "/proc/kallsyms",
        "/proc/config.gz",
        "/proc/cmdline",
        "/proc/sysrq-trigger",
        "/proc/keys",
        "/proc/timer_list",
        "/proc/acpi",
    ] {
        let found = match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => std::fs::read_dir(path).map(Iterator::count),
            Ok(_) => std::fs::read(path).map(|bytes| bytes.len()),
            Err(_) => Ok(0),
        };
        match found {
            Ok(0) => say(&format!("read {path}"), "EMPTY"),
            Ok(size) => say(&format!("read {path}"), format!("READ {size}")),
            Err(error) => say(&format!("read {path}"), error_name(&error)),
        }
    }
}

pub fn connect() {
    use std::net::{TcpStream, UdpSocket};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixStream};
    for target in std::env::var("TARGETS")
        .unwrap_or_default()
        .split(',')
        .filter(|it| !it.is_empty())
    {
        if let Some(name) = target.strip_prefix('@') {
            let address = SocketAddr::from_abstract_name(name).unwrap();
            say_result(target, UnixStream::connect_addr(&address));
        } else if let Some(address) = target.strip_prefix("udp:") {
            let any = if address.starts_with('[') {
                "[::]:0"
            } else {
                "0.0.0.0:0"
            };
            let sent = UdpSocket::bind(any).and_then(|socket| socket.send_to(b"x", address));
            say_result(target, sent);
        } else {
            let address = target.parse().unwrap();
            say_result(
                target,
                TcpStream::connect_timeout(&address, std::time::Duration::from_secs(2)),
            );
        }
    }
}

pub fn ipc() {
    // SAFETY: numbers only.
    let found = unsafe { libc::shmget(0x5741_5244, 4096, 0) };
    say_result("shared memory of the neighbour", checked(found.into()));
    let made = unsafe_make_segment();
    say("own shared memory", if made { "made" } else { "refused" });
    let others = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.parse::<u32>().is_ok())
        });
    say("processes seen", others.count());
}

pub fn unsafe_make_segment() -> bool {
    // SAFETY: numbers only.
    unsafe { libc::shmget(0x5741_5244, 4096, libc::IPC_CREAT | 0o600) >= 0 }
}

/// Every cell of the most restricted level, by a program that was let in.
pub fn level_0() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    let page = "/workspace/page";
    say("read", fs::read_to_string(page).unwrap_or_default());
    let open = |truncate| {
        fs::OpenOptions::new()
            .write(true)
            .truncate(truncate)
            .open(page)
    };
    say_result("write", open(false));
    say_result("truncate", open(true));
    say_result("create", fs::write("/workspace/new", "x"));
    say_result("remove", fs::remove_file(page));
    say_result("make a folder", fs::create_dir("/workspace/folder"));
    say_result(
        "link",
        std::os::unix::fs::symlink("/etc", "/workspace/link"),
    );
    say_result(
        "chmod",
        fs::set_permissions(page, fs::Permissions::from_mode(0o777)),
    );
    let _ = fs::copy("/usr/bin/env", "/tmp/copied");
    for program in ["/bin/sh", "/usr/bin/env", "/tmp/copied", "/usr/bin/python3"] {
        say_result(
            program,
            std::process::Command::new(program)
                .arg("--version")
                .output(),
        );
    }
    let connect = |address: &str| {
        let address = address.parse().unwrap();
        std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(2))
    };
    say_result("network", connect("1.1.1.1:443"));
    say_result("local network", connect("127.0.0.1:443"));
}
