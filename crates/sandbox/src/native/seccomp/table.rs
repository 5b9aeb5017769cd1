//! The table of system calls, and nothing else. A long list on purpose: it is read as one.

use super::compile::{Rule, Test};
use super::{SET_ID, allow_unless, deny_if};

/// The newest call this table knows (`file_setattr`, Linux 6.17).
pub const LAST_KNOWN: libc::c_long = 469;
pub const TIOCSETD: u32 = 0x5423;

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// Open in every profile, whatever the arguments.
#[cfg(target_arch = "x86_64")]
pub const ALLOWED: &[libc::c_long] = calls![
    // Files by descriptor
    SYS_read SYS_write SYS_readv SYS_writev SYS_pread64 SYS_pwrite64 SYS_preadv SYS_pwritev
    SYS_preadv2 SYS_pwritev2 SYS_close SYS_close_range SYS_lseek SYS_dup SYS_dup2 SYS_dup3
    SYS_pipe SYS_pipe2 SYS_fcntl SYS_flock SYS_fsync SYS_fdatasync SYS_sync_file_range SYS_syncfs
    SYS_sync SYS_ftruncate SYS_fallocate SYS_fadvise64 SYS_readahead SYS_sendfile
    SYS_copy_file_range SYS_splice SYS_tee SYS_fstat SYS_fstatfs SYS_getdents SYS_getdents64
    // Files by path
    SYS_stat SYS_lstat SYS_newfstatat SYS_statx SYS_statfs SYS_access SYS_faccessat
    SYS_faccessat2 SYS_truncate SYS_getcwd SYS_chdir SYS_fchdir SYS_rename SYS_renameat
    SYS_renameat2 SYS_mkdir SYS_mkdirat SYS_rmdir SYS_unlink SYS_unlinkat SYS_link SYS_linkat
    SYS_symlink SYS_symlinkat SYS_readlink SYS_readlinkat SYS_umask SYS_chown SYS_fchown
    SYS_lchown SYS_fchownat SYS_utime SYS_utimes SYS_utimensat SYS_futimesat
    SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_getxattr SYS_lgetxattr SYS_fgetxattr
    SYS_listxattr SYS_llistxattr SYS_flistxattr SYS_removexattr SYS_lremovexattr SYS_fremovexattr
    SYS_inotify_init SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch
    // Waiting
    SYS_poll SYS_ppoll SYS_select SYS_pselect6 SYS_epoll_create SYS_epoll_create1 SYS_epoll_ctl
    SYS_epoll_wait SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd SYS_eventfd2 SYS_signalfd
    SYS_signalfd4 SYS_timerfd_create SYS_timerfd_settime SYS_timerfd_gettime
    // Memory
    SYS_mmap SYS_munmap SYS_mprotect SYS_mremap SYS_msync SYS_madvise SYS_mincore SYS_brk
    SYS_mlock SYS_mlock2 SYS_munlock SYS_mlockall SYS_munlockall SYS_memfd_create SYS_membarrier
    SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_get_mempolicy SYS_shmget SYS_shmat
    SYS_shmdt SYS_shmctl
    // Processes
    SYS_fork SYS_vfork SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid
    SYS_kill SYS_tkill SYS_tgkill SYS_pidfd_open SYS_pidfd_send_signal SYS_getpid SYS_getppid
    SYS_gettid SYS_getpgid SYS_getpgrp SYS_setpgid SYS_getsid SYS_setsid SYS_prctl SYS_arch_prctl
    SYS_set_tid_address SYS_set_robust_list SYS_get_robust_list SYS_rseq SYS_getrusage SYS_times
    SYS_getrlimit SYS_getpriority SYS_setpriority SYS_ioprio_get SYS_ioprio_set
    SYS_sched_yield SYS_sched_getaffinity SYS_sched_setaffinity SYS_sched_getparam
    SYS_sched_setparam SYS_sched_getscheduler SYS_sched_setscheduler SYS_sched_get_priority_max
    SYS_sched_get_priority_min SYS_sched_rr_get_interval SYS_sched_getattr SYS_sched_setattr
    SYS_getcpu SYS_seccomp SYS_landlock_create_ruleset SYS_landlock_add_rule
    SYS_landlock_restrict_self
    // Who one is (one user is mapped, so changing has nowhere to go)
    SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_getresuid SYS_getresgid SYS_getgroups
    SYS_setuid SYS_setgid SYS_setreuid SYS_setregid SYS_setresuid SYS_setresgid SYS_setfsuid
    SYS_setfsgid SYS_setgroups SYS_capget SYS_capset
    // Signals and time
    SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_rt_sigpending SYS_rt_sigtimedwait
    SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_rt_sigsuspend SYS_sigaltstack SYS_pause
    SYS_restart_syscall SYS_alarm SYS_getitimer SYS_setitimer SYS_timer_create SYS_timer_settime
    SYS_timer_gettime SYS_timer_getoverrun SYS_timer_delete SYS_nanosleep SYS_clock_nanosleep
    SYS_clock_gettime SYS_clock_getres SYS_gettimeofday SYS_time SYS_futex SYS_futex_waitv
    // Talking
    SYS_connect SYS_accept SYS_accept4 SYS_bind SYS_listen SYS_shutdown SYS_getsockname
    SYS_getpeername SYS_setsockopt SYS_getsockopt SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg
    SYS_sendmmsg SYS_recvmmsg SYS_semget SYS_semop SYS_semtimedop SYS_semctl SYS_msgget
    SYS_msgsnd SYS_msgrcv SYS_msgctl SYS_mq_open SYS_mq_unlink SYS_mq_timedsend
    SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr
    // About the system
    SYS_uname SYS_sysinfo SYS_getrandom
];

/// Open in every profile, whatever the arguments.
#[cfg(target_arch = "aarch64")]
pub const ALLOWED: &[libc::c_long] = calls![
    // Files by descriptor
    SYS_read SYS_write SYS_readv SYS_writev SYS_pread64 SYS_pwrite64 SYS_preadv SYS_pwritev
    SYS_preadv2 SYS_pwritev2 SYS_close SYS_close_range SYS_lseek SYS_dup SYS_dup3 SYS_pipe2
    SYS_fcntl SYS_flock SYS_fsync SYS_fdatasync SYS_sync_file_range SYS_syncfs SYS_sync
    SYS_ftruncate SYS_fallocate SYS_fadvise64 SYS_readahead SYS_sendfile SYS_copy_file_range
    SYS_splice SYS_tee SYS_fstat SYS_fstatfs SYS_getdents64
    // Files by path
    SYS_newfstatat SYS_statx SYS_statfs SYS_faccessat SYS_faccessat2 SYS_truncate SYS_getcwd
    SYS_chdir SYS_fchdir SYS_renameat SYS_renameat2 SYS_mkdirat SYS_unlinkat SYS_linkat
    SYS_symlinkat SYS_readlinkat SYS_umask SYS_fchown SYS_fchownat SYS_utimensat
    SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_getxattr SYS_lgetxattr SYS_fgetxattr
    SYS_listxattr SYS_llistxattr SYS_flistxattr SYS_removexattr SYS_lremovexattr SYS_fremovexattr
    SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch
    // Waiting
    SYS_ppoll SYS_pselect6 SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2
    SYS_eventfd2 SYS_signalfd4 SYS_timerfd_create SYS_timerfd_settime SYS_timerfd_gettime
    // Memory
    SYS_mmap SYS_munmap SYS_mprotect SYS_mremap SYS_msync SYS_madvise SYS_mincore SYS_brk
    SYS_mlock SYS_mlock2 SYS_munlock SYS_mlockall SYS_munlockall SYS_memfd_create SYS_membarrier
    SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_get_mempolicy SYS_shmget SYS_shmat
    SYS_shmdt SYS_shmctl
    // Processes
    SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid SYS_kill SYS_tkill
    SYS_tgkill SYS_pidfd_open SYS_pidfd_send_signal SYS_getpid SYS_getppid SYS_gettid SYS_getpgid
    SYS_setpgid SYS_getsid SYS_setsid SYS_prctl SYS_set_tid_address SYS_set_robust_list
    SYS_get_robust_list SYS_rseq SYS_getrusage SYS_times SYS_getpriority SYS_setpriority
    SYS_ioprio_get SYS_ioprio_set SYS_sched_yield SYS_sched_getaffinity SYS_sched_setaffinity
    SYS_sched_getparam SYS_sched_setparam SYS_sched_getscheduler SYS_sched_setscheduler
    SYS_sched_get_priority_max SYS_sched_get_priority_min SYS_sched_rr_get_interval
    SYS_sched_getattr SYS_sched_setattr SYS_getcpu SYS_seccomp SYS_landlock_create_ruleset
    SYS_landlock_add_rule SYS_landlock_restrict_self
    // Who one is (one user is mapped, so changing has nowhere to go)
    SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_getresuid SYS_getresgid SYS_getgroups
    SYS_setuid SYS_setgid SYS_setreuid SYS_setregid SYS_setresuid SYS_setresgid SYS_setfsuid
    SYS_setfsgid SYS_setgroups SYS_capget SYS_capset
    // Signals and time
    SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_rt_sigpending SYS_rt_sigtimedwait
    SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_rt_sigsuspend SYS_sigaltstack
    SYS_restart_syscall SYS_getitimer SYS_setitimer SYS_timer_create SYS_timer_settime
    SYS_timer_gettime SYS_timer_getoverrun SYS_timer_delete SYS_nanosleep SYS_clock_nanosleep
    SYS_clock_gettime SYS_clock_getres SYS_gettimeofday SYS_futex SYS_futex_waitv
    // Talking
    SYS_connect SYS_accept SYS_accept4 SYS_bind SYS_listen SYS_shutdown SYS_getsockname
    SYS_getpeername SYS_setsockopt SYS_getsockopt SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg
    SYS_sendmmsg SYS_recvmmsg SYS_semget SYS_semop SYS_semtimedop SYS_semctl SYS_msgget
    SYS_msgsnd SYS_msgrcv SYS_msgctl SYS_mq_open SYS_mq_unlink SYS_mq_timedsend
    SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr
    // About the system
    SYS_uname SYS_sysinfo SYS_getrandom
];

/// Answered as if the kernel did not have them: their arguments lie behind pointers, or
/// programs fall back only on this answer.
pub const ABSENT: &[libc::c_long] = calls![
    SYS_clone3 SYS_openat2 SYS_io_uring_setup SYS_io_uring_enter SYS_io_uring_register
    SYS_io_setup SYS_io_submit SYS_io_getevents SYS_io_destroy SYS_io_cancel
];

/// What a browser's own sandbox needs beside nested user namespaces.
pub const BROWSER: &[libc::c_long] = calls![SYS_chroot SYS_ptrace];

/// What debuggers need.
pub const DEBUG: &[libc::c_long] =
    calls![SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_kcmp];

const FCHMODAT2: libc::c_long = 452;

/// Calls that can make a set-id file, by a mode in this argument.
pub fn checked_modes() -> Vec<(Vec<libc::c_long>, Rule)> {
    let mode_at = |argument| allow_unless(vec![deny_if(&[(argument, SET_ID)])]);
    // An opening call's mode counts only if it creates; otherwise that register holds noise.
    let creating = |flags, mode| {
        let creates = Test::AnyBit((libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32);
        allow_unless(vec![deny_if(&[(flags, creates), (mode, SET_ID)])])
    };
    vec![
        (vec![libc::SYS_fchmod], mode_at(1)),
        (
            vec![libc::SYS_fchmodat, FCHMODAT2, libc::SYS_mknodat],
            mode_at(2),
        ),
        (vec![libc::SYS_openat], creating(2, 3)),
        #[cfg(target_arch = "x86_64")]
        (
            vec![libc::SYS_chmod, libc::SYS_creat, libc::SYS_mknod],
            mode_at(1),
        ),
        #[cfg(target_arch = "x86_64")]
        (vec![libc::SYS_open], creating(1, 2)),
    ]
}
