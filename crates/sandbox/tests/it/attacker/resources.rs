//! Taking more than one is given.

use super::*;

pub fn rlimits() {
    say_result(
        "oom_score_adj",
        std::fs::write("/proc/self/oom_score_adj", "-1000"),
    );
    try_call!(
        "nice -10",
        libc::SYS_setpriority,
        libc::PRIO_PROCESS,
        0,
        -10
    );
    let parameter = [1_i32];
    try_call!(
        "SCHED_FIFO",
        libc::SYS_sched_setscheduler,
        0,
        libc::SCHED_FIFO,
        parameter.as_ptr()
    );
    let memory = vec![1_u8; 16 << 20];
    try_call!(
        "mlock 16 MiB",
        libc::SYS_mlock,
        memory.as_ptr(),
        memory.len()
    );
    for (name, resource) in [
        ("nofile", libc::RLIMIT_NOFILE),
        ("nproc", libc::RLIMIT_NPROC),
        ("core", libc::RLIMIT_CORE),
    ] {
        let higher = libc::rlimit {
            rlim_cur: 1 << 20,
            rlim_max: 1 << 20,
        };
        let pointer: *const libc::rlimit = &higher;
        try_call!(
            &format!("raise {name}"),
            libc::SYS_prlimit64,
            0,
            resource,
            pointer,
            0
        );
    }
    let lower = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let pointer: *const libc::rlimit = &lower;
    try_call!(
        "lower core",
        libc::SYS_prlimit64,
        0,
        libc::RLIMIT_CORE,
        pointer,
        0
    );
}

pub fn fork_bomb() {
    let mut born = 0;
    for _ in 0..5000 {
        // SAFETY: the child only waits to be killed.
        match unsafe { libc::fork() } {
            0 => loop {
                // SAFETY: no memory is involved.
                unsafe { libc::pause() };
            },
            -1 => {
                say("error", error_name(&io::Error::last_os_error()));
                break;
            }
            _ => born += 1,
        }
    }
    say("born", born);
}

pub fn eat_memory(mebibytes: usize) {
    let mut held = Vec::new();
    for _ in 0..mebibytes {
        held.push(vec![1_u8; 1 << 20]);
    }
    say("ate", held.len());
    std::thread::sleep(std::time::Duration::from_millis(500));
}

pub fn eat_in_children() {
    for _ in 0..8 {
        // SAFETY: the child only allocates and waits.
        if unsafe { libc::fork() } == 0 {
            eat_memory(100);
            std::thread::sleep(std::time::Duration::from_secs(5));
            // SAFETY: no exit handler should run in the child.
            unsafe { libc::_exit(0) };
        }
    }
    let mut killed = 0;
    for _ in 0..8 {
        let mut status = 0;
        // SAFETY: the out-parameter is ours.
        unsafe { libc::wait(&mut status) };
        killed += i32::from(libc::WIFSIGNALED(status));
    }
    say("killed", killed);
    std::process::exit(if killed > 0 { 9 } else { 0 });
}

pub fn eat_memory_file() {
    use std::io::Write;
    // SAFETY: the name is a constant; the descriptor is new and ours.
    let mut file: std::fs::File =
        unsafe { std::os::fd::FromRawFd::from_raw_fd(libc::memfd_create(c"x".as_ptr(), 0)) };
    let chunk = vec![1_u8; 1 << 20];
    for written in 0..400 {
        if file.write_all(&chunk).is_err() {
            say("stopped at", written);
            return;
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    say("ate", 400);
}

pub fn exhaust() {
    let mut open = Vec::new();
    let error = loop {
        match std::fs::File::open("/dev/null") {
            Ok(file) => open.push(file),
            Err(error) => break error,
        }
    };
    say(
        "files",
        format!("{} after {}", error_name(&error), open.len() / 100 * 100),
    );
    open.clear();
    let mut watches = 0;
    let error = loop {
        // SAFETY: no memory is involved.
        if unsafe { libc::inotify_init1(0) } < 0 {
            break io::Error::last_os_error();
        }
        watches += 1;
    };
    say(
        "inotify",
        format!(
            "{} after at most {}",
            error_name(&error),
            (watches / 1024 + 1) * 1024
        ),
    );
}

/// Ignores every signal, leaves the session, and multiplies; the main process then waits.
pub fn stubborn() {
    // SAFETY: only signals, forks and sessions.
    unsafe {
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_IGN);
        }
        for _ in 0..5 {
            if libc::fork() == 0 {
                libc::setsid();
                if libc::fork() != 0 {
                    libc::_exit(0);
                }
                loop {
                    libc::pause();
                }
            }
        }
    }
    println!("> ready=yes");
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
