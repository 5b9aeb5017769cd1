//! System calls that must not be open.

use super::*;

pub fn namespaces() {
    let flags = [
        ("user", libc::CLONE_NEWUSER),
        ("mount", libc::CLONE_NEWNS),
        ("net", libc::CLONE_NEWNET),
        ("pid", libc::CLONE_NEWPID),
        ("ipc", libc::CLONE_NEWIPC),
        ("uts", libc::CLONE_NEWUTS),
        ("cgroup", libc::CLONE_NEWCGROUP),
        ("time", 0x80),
    ];
    for (name, flag) in flags {
        try_call!(&format!("unshare {name}"), libc::SYS_unshare, flag);
        if flag != 0x80 {
            let exit = libc::SIGCHLD;
            try_call!(
                &format!("clone {name}"),
                libc::SYS_clone,
                flag | exit,
                0,
                0,
                0,
                0
            );
        }
    }
    let arguments = [
        libc::CLONE_NEWUSER as u64,
        0,
        0,
        0,
        libc::SIGCHLD as u64,
        0,
        0,
        0,
        0,
        0,
        0,
    ];
    try_call!("clone3 user", libc::SYS_clone3, arguments.as_ptr(), 88);
    let own = std::fs::File::open("/proc/self/ns/user").unwrap();
    try_call!(
        "setns",
        libc::SYS_setns,
        std::os::fd::AsRawFd::as_raw_fd(&own),
        0
    );
}

pub fn mounts() {
    let (tmpfs, tmp, usr, none) = (c("tmpfs"), c("/tmp"), c("/usr"), c("none"));
    let null = std::ptr::null::<libc::c_char>();
    let remount = libc::MS_REMOUNT | libc::MS_BIND;
    try_call!(
        "mount",
        libc::SYS_mount,
        none.as_ptr(),
        tmp.as_ptr(),
        tmpfs.as_ptr(),
        0,
        null
    );
    try_call!(
        "remount /usr",
        libc::SYS_mount,
        none.as_ptr(),
        usr.as_ptr(),
        null,
        remount,
        null
    );
    let cgroup = c("cgroup2");
    try_call!(
        "mount cgroup",
        libc::SYS_mount,
        none.as_ptr(),
        tmp.as_ptr(),
        cgroup.as_ptr(),
        0,
        null
    );
    let (proc_sys, workspace) = (c("/proc/sys"), c("/workspace"));
    try_call!(
        "umount /proc/sys",
        libc::SYS_umount2,
        proc_sys.as_ptr(),
        libc::MNT_DETACH
    );
    try_call!(
        "umount /workspace",
        libc::SYS_umount2,
        workspace.as_ptr(),
        libc::MNT_DETACH
    );
    try_call!(
        "pivot_root",
        libc::SYS_pivot_root,
        tmp.as_ptr(),
        tmp.as_ptr()
    );
    try_call!("chroot", libc::SYS_chroot, tmp.as_ptr());
    try_call!(
        "open_tree",
        libc::SYS_open_tree,
        libc::AT_FDCWD,
        usr.as_ptr(),
        1
    );
    try_call!(
        "move_mount",
        libc::SYS_move_mount,
        0,
        tmp.as_ptr(),
        0,
        tmp.as_ptr(),
        0
    );
    try_call!("fsopen", libc::SYS_fsopen, tmpfs.as_ptr(), 0);
    let attributes = [0_u64; 4];
    try_call!(
        "mount_setattr",
        libc::SYS_mount_setattr,
        libc::AT_FDCWD,
        usr.as_ptr(),
        0,
        attributes.as_ptr(),
        32
    );
}

pub fn devices() {
    for (name, mode) in [("block", libc::S_IFBLK), ("char", libc::S_IFCHR)] {
        let path = c(&format!("/tmp/{name}"));
        let device = libc::makedev(254, 0);
        try_call!(
            &format!("mknod {name}"),
            libc::SYS_mknodat,
            libc::AT_FDCWD,
            path.as_ptr(),
            mode | 0o600,
            device
        );
    }
    for name in [
        "vda",
        "sda",
        "mem",
        "kmem",
        "port",
        "kvm",
        "fuse",
        "net/tun",
        "vsock",
        "vhost-vsock",
        "kmsg",
        "loop0",
        "loop-control",
    ] {
        say_result(
            &format!("open /dev/{name}"),
            std::fs::File::open(format!("/dev/{name}")),
        );
    }
    let folder = std::fs::File::open("/workspace").unwrap();
    let handle = [0_u8; 128];
    let folder = std::os::fd::AsRawFd::as_raw_fd(&folder);
    try_call!(
        "open_by_handle_at",
        libc::SYS_open_by_handle_at,
        folder,
        handle.as_ptr(),
        0
    );
    let (path, mount) = (c("/workspace"), [0_i32; 1]);
    try_call!(
        "name_to_handle_at",
        libc::SYS_name_to_handle_at,
        libc::AT_FDCWD,
        path.as_ptr(),
        handle.as_ptr(),
        mount.as_ptr(),
        0
    );
}

pub fn identity() {
    try_call!("setuid 0", libc::SYS_setuid, 0);
    try_call!("setgid 0", libc::SYS_setgid, 0);
    try_call!(
        "setresuid host user",
        libc::SYS_setresuid,
        299_001,
        299_001,
        299_001
    );
    try_call!("setgroups", libc::SYS_setgroups, 1, [0_u32].as_ptr());
    let header = [0x2008_0522_u32, 0];
    let all = [u32::MAX; 6];
    try_call!("capset", libc::SYS_capset, header.as_ptr(), all.as_ptr());
    try_call!(
        "chown",
        libc::SYS_fchownat,
        libc::AT_FDCWD,
        c("/workspace").as_ptr(),
        0,
        0,
        0
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or("?");
        line.trim().to_owned()
    };
    for name in [
        "CapEff:",
        "CapPrm:",
        "CapBnd:",
        "CapAmb:",
        "CapInh:",
        "NoNewPrivs:",
        "Seccomp:",
    ] {
        say(&format!("status {name}"), field(name));
    }
}

pub fn set_id() {
    std::fs::write("/workspace/plain", "x").unwrap();
    let path = c("/workspace/plain");
    for (name, mode) in [("set-uid", 0o4755), ("set-gid", 0o2755)] {
        try_call!(
            &format!("fchmodat {name}"),
            libc::SYS_fchmodat,
            libc::AT_FDCWD,
            path.as_ptr(),
            mode
        );
        try_call!(
            &format!("fchmodat2 {name}"),
            452,
            libc::AT_FDCWD,
            path.as_ptr(),
            mode,
            0
        );
        let made = c(&format!("/workspace/made-{name}"));
        let flags = libc::O_CREAT | libc::O_RDWR;
        try_call!(
            &format!("openat {name}"),
            libc::SYS_openat,
            libc::AT_FDCWD,
            made.as_ptr(),
            flags,
            mode
        );
        try_call!(
            &format!("mknodat {name}"),
            libc::SYS_mknodat,
            libc::AT_FDCWD,
            made.as_ptr(),
            libc::S_IFREG | mode,
            0
        );
        let how = [flags as u64, u64::from(mode), 0];
        try_call!(
            &format!("openat2 {name}"),
            libc::SYS_openat2,
            libc::AT_FDCWD,
            made.as_ptr(),
            how.as_ptr(),
            24
        );
        #[cfg(target_arch = "x86_64")]
        {
            try_call!(
                &format!("chmod {name}"),
                libc::SYS_chmod,
                path.as_ptr(),
                mode
            );
            try_call!(
                &format!("creat {name}"),
                libc::SYS_creat,
                made.as_ptr(),
                mode
            );
            try_call!(
                &format!("open {name}"),
                libc::SYS_open,
                made.as_ptr(),
                flags,
                mode
            );
        }
    }
}

pub fn kernel() {
    let null = std::ptr::null::<u8>();
    let empty = [0_u8; 256];
    let pointer = empty.as_ptr();
    try_call!("bpf", libc::SYS_bpf, 0, pointer, 128);
    try_call!(
        "perf_event_open",
        libc::SYS_perf_event_open,
        pointer,
        0,
        -1,
        -1,
        0
    );
    try_call!("userfaultfd", libc::SYS_userfaultfd, 1);
    try_call!("io_uring_setup", libc::SYS_io_uring_setup, 8, pointer);
    let (kind, name) = (c("user"), c("x"));
    try_call!(
        "add_key",
        libc::SYS_add_key,
        kind.as_ptr(),
        name.as_ptr(),
        pointer,
        1,
        -3
    );
    try_call!(
        "request_key",
        libc::SYS_request_key,
        kind.as_ptr(),
        name.as_ptr(),
        null,
        -3
    );
    try_call!("keyctl", libc::SYS_keyctl, 0, -3, 1);
    try_call!(
        "init_module",
        libc::SYS_init_module,
        pointer,
        16,
        c("").as_ptr()
    );
    try_call!("finit_module", libc::SYS_finit_module, 0, c("").as_ptr(), 0);
    try_call!("delete_module", libc::SYS_delete_module, name.as_ptr(), 0);
    try_call!("kexec_load", libc::SYS_kexec_load, 0, 0, null, 0);
    try_call!(
        "reboot",
        libc::SYS_reboot,
        0xfee1_dead_u32,
        672_274_793,
        0,
        null
    );
    try_call!("swapon", libc::SYS_swapon, name.as_ptr(), 0);
    try_call!("clock_settime", libc::SYS_clock_settime, 0, pointer);
    try_call!("settimeofday", libc::SYS_settimeofday, pointer, null);
    try_call!("adjtimex", libc::SYS_adjtimex, pointer);
    try_call!("sethostname", libc::SYS_sethostname, name.as_ptr(), 1);
    try_call!("acct", libc::SYS_acct, null);
    try_call!("syslog", libc::SYS_syslog, 3, pointer, 16);
    try_call!("quotactl", libc::SYS_quotactl, 0, null, 0, null);
    try_call!("ptrace", libc::SYS_ptrace, 16, 1, 0, 0);
    try_call!(
        "process_vm_readv",
        libc::SYS_process_vm_readv,
        1,
        pointer,
        1,
        pointer,
        1,
        0
    );
    try_call!("pidfd_getfd", libc::SYS_pidfd_getfd, 0, 0, 0);
    try_call!("kcmp", libc::SYS_kcmp, 1, 1, 0, 0, 0);
    try_call!("memfd_secret", 447, 0);
    try_call!("vmsplice", libc::SYS_vmsplice, 1, pointer, 0, 0);
    try_call!(
        "move_pages",
        libc::SYS_move_pages,
        0,
        0,
        null,
        null,
        null,
        0
    );
    try_call!("fanotify_init", libc::SYS_fanotify_init, 0, 0);
    try_call!("READ_IMPLIES_EXEC", libc::SYS_personality, 0x0040_0000);
    try_call!("lookup_dcookie", libc::SYS_lookup_dcookie, 0, pointer, 16);
}

/// Runs something in a child and says how the child ended.
pub fn in_child(name: &str, act: impl FnOnce()) {
    // SAFETY: the child only makes system calls and leaves.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        act();
        // SAFETY: no exit handler should run in the child.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: the out-parameter is ours.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    match libc::WIFSIGNALED(status) {
        true => say(name, format!("signal {}", libc::WTERMSIG(status))),
        false => say(name, format!("exit {}", libc::WEXITSTATUS(status))),
    }
}

pub fn foreign_calls() {
    in_child("plain", || {});
    #[cfg(target_arch = "x86_64")]
    {
        in_child("x32", || {
            // SAFETY: getpid takes nothing.
            unsafe { libc::syscall(libc::SYS_getpid | 0x4000_0000) };
        });
        in_child("i386", || {
            // SAFETY: number 20 is getpid of the i386 interface and takes nothing.
            unsafe { std::arch::asm!("int 0x80", inlateout("eax") 20_i32 => _) };
        });
    }
}

pub fn terminal() {
    let character = c("x");
    // SAFETY: the request reads one character.
    let pushed = unsafe { libc::ioctl(0, libc::TIOCSTI, character.as_ptr()) };
    say_result("TIOCSTI", checked(pushed.into()));
    // SAFETY: as above.
    let pasted = unsafe { libc::ioctl(0, libc::TIOCLINUX, character.as_ptr()) };
    say_result("TIOCLINUX", checked(pasted.into()));
    let discipline: libc::c_int = 21;
    // SAFETY: the request reads one number.
    let changed = unsafe { libc::ioctl(0, 0x5423, &discipline) };
    say_result("TIOCSETD", checked(changed.into()));
}

pub fn sockets() {
    let (stream, datagram, raw) = (libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW);
    let kinds = [
        ("vsock", libc::AF_VSOCK, stream, 0),
        ("packet", libc::AF_PACKET, raw, 0x0300),
        ("alg", libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        ("raw icmp", libc::AF_INET, raw, libc::IPPROTO_ICMP),
        ("raw ip", libc::AF_INET, raw, libc::IPPROTO_RAW),
        ("netlink audit", libc::AF_NETLINK, raw, libc::NETLINK_AUDIT),
        (
            "netlink netfilter",
            libc::AF_NETLINK,
            raw,
            libc::NETLINK_NETFILTER,
        ),
        ("sctp", libc::AF_INET, stream, 132),
        ("mptcp", libc::AF_INET, stream, 262),
        ("bluetooth", libc::AF_BLUETOOTH, raw, 0),
        ("can", libc::AF_CAN, raw, 1),
        ("xdp", 44, raw, 0),
        ("tipc", 30, datagram, 0),
        ("rds", libc::AF_RDS, libc::SOCK_SEQPACKET, 0),
        ("kcm", 41, datagram, 0),
        ("smc", 43, stream, 0),
    ];
    for (name, family, kind, protocol) in kinds {
        try_call!(name, libc::SYS_socket, family, kind, protocol);
    }
}
