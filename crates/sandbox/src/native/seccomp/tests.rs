//! Our compiler against another one, over every call number and telling arguments.

use super::compile::{Rule, Step, Verdict, compile};
use super::*;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

const ALLOWED: u32 = 0x7fff_0000;
const KILLED: u32 = 0x8000_0000;

struct Call {
    arch: u32,
    number: u32,
    arguments: [u64; 6],
}

/// Runs a filter as the kernel would.
fn run(program: &[Step], call: &Call) -> u32 {
    let mut data = Vec::new();
    data.extend(call.number.to_le_bytes());
    data.extend(call.arch.to_le_bytes());
    data.extend([0; 8]);
    call.arguments
        .iter()
        .for_each(|argument| data.extend(argument.to_le_bytes()));
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let step = program[at];
        at += 1;
        let jump = |holds: bool| {
            usize::from(if holds {
                step.jump_true
            } else {
                step.jump_false
            })
        };
        match step.code {
            0x20 => {
                let from = step.k as usize;
                accumulator = u32::from_le_bytes(data[from..from + 4].try_into().unwrap());
            }
            0x05 => at += step.k as usize,
            0x15 => at += jump(accumulator == step.k),
            0x25 => at += jump(accumulator > step.k),
            0x35 => at += jump(accumulator >= step.k),
            0x45 => at += jump(accumulator & step.k != 0),
            0x54 => accumulator &= step.k,
            0x06 => return step.k,
            other => panic!("unexpected step {other:#x}"),
        }
    }
}

fn verdict(profile: Profile, number: libc::c_long, arguments: [u64; 6]) -> u32 {
    let call = Call {
        arch: compile::ARCHITECTURE,
        number: number as u32,
        arguments,
    };
    run(&program(profile), &call)
}

fn failing(errno: i32) -> u32 {
    0x0005_0000 | errno as u32
}

#[test]
fn agrees_with_seccompiler_on_every_call_number() {
    let numbers: Vec<i64> = table::ALLOWED
        .iter()
        .map(|call| i64::from(*call as i32))
        .collect();
    let oracle: BpfProgram = SeccompFilter::new(
        numbers.iter().map(|number| (*number, vec![])).collect(),
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        TargetArch::x86_64,
    )
    .unwrap()
    .try_into()
    .unwrap();
    let oracle: Vec<Step> = oracle
        .iter()
        .map(|step| Step {
            code: step.code,
            jump_true: step.jt,
            jump_false: step.jf,
            k: step.k,
        })
        .collect();
    let allowed = Rule::always(Verdict::Allow);
    let mut rules: Vec<_> = numbers
        .iter()
        .map(|number| (*number as u32, allowed.clone()))
        .collect();
    rules.sort_by_key(|(number, _)| *number);
    let ours = compile(&rules, DENY, DENY);
    for number in 0..1024 {
        let call = Call {
            arch: compile::ARCHITECTURE,
            number,
            arguments: [0; 6],
        };
        assert_eq!(run(&ours, &call), run(&oracle, &call), "call {number}");
    }
    assert!(
        ours.len() < oracle.len() / 3,
        "{} steps against {}",
        ours.len(),
        oracle.len()
    );
}

#[test]
fn other_architectures_and_x32_are_killed() {
    let program = program(Profile::Default);
    let number = libc::SYS_getpid as u32;
    let i386 = Call {
        arch: 0x4000_0003,
        number,
        arguments: [0; 6],
    };
    let x32 = Call {
        arch: compile::ARCHITECTURE,
        number: number | 0x4000_0000,
        arguments: [0; 6],
    };
    assert_eq!(run(&program, &i386), KILLED);
    assert_eq!(run(&program, &x32), KILLED);
    assert!(
        program.len() < 400,
        "the filter has {} steps",
        program.len()
    );
}

#[test]
fn arguments_decide() {
    let denied = failing(libc::EPERM);
    let absent = failing(libc::ENOSYS);
    let table: &[(&str, libc::c_long, [u64; 6], u32)] = &[
        (
            "a thread",
            libc::SYS_clone,
            [0x003d_0f00, 0, 0, 0, 0, 0],
            ALLOWED,
        ),
        (
            "a user namespace",
            libc::SYS_clone,
            [0x1000_0011, 0, 0, 0, 0, 0],
            denied,
        ),
        ("clone3", libc::SYS_clone3, [0; 6], absent),
        ("a call from the future", 700, [0; 6], absent),
        (
            "unshare a mount namespace",
            libc::SYS_unshare,
            [0x2_0000, 0, 0, 0, 0, 0],
            denied,
        ),
        (
            "unshare files",
            libc::SYS_unshare,
            [0x400, 0, 0, 0, 0, 0],
            ALLOWED,
        ),
        (
            "a TCP socket",
            libc::SYS_socket,
            [2, 1 | 0x80000, 6, 0, 0, 0],
            ALLOWED,
        ),
        (
            "an MPTCP socket",
            libc::SYS_socket,
            [2, 1, 262, 0, 0, 0],
            denied,
        ),
        (
            "a DCCP socket",
            libc::SYS_socket,
            [2, 6, 0, 0, 0, 0],
            denied,
        ),
        ("a VSOCK", libc::SYS_socket, [40, 1, 0, 0, 0, 0], denied),
        (
            "netlink route",
            libc::SYS_socket,
            [16, 3, 0, 0, 0, 0],
            ALLOWED,
        ),
        (
            "netlink audit",
            libc::SYS_socket,
            [16, 3, 9, 0, 0, 0],
            denied,
        ),
        ("TIOCSTI", libc::SYS_ioctl, [0, 0x5412, 0, 0, 0, 0], denied),
        (
            "TIOCSTI with high bits",
            libc::SYS_ioctl,
            [0, 0xdead_0000_5412, 0, 0, 0, 0],
            denied,
        ),
        (
            "TIOCGWINSZ",
            libc::SYS_ioctl,
            [0, 0x5413, 0, 0, 0, 0],
            ALLOWED,
        ),
        (
            "chmod u+s",
            libc::SYS_fchmodat,
            [0, 0, 0o4755, 0, 0, 0],
            denied,
        ),
        (
            "chmod 755",
            libc::SYS_fchmodat,
            [0, 0, 0o755, 0, 0, 0],
            ALLOWED,
        ),
        (
            "create u+s",
            libc::SYS_openat,
            [0, 0, 0o101, 0o4755, 0, 0],
            denied,
        ),
        (
            "open with noise",
            libc::SYS_openat,
            [0, 0, 0, 0o4755, 0, 0],
            ALLOWED,
        ),
        (
            "O_TMPFILE u+s",
            libc::SYS_openat,
            [0, 0, 0o20200002, 0o4755, 0, 0],
            denied,
        ),
        (
            "O_DIRECTORY with noise",
            libc::SYS_openat,
            [0, 0, 0o200000, 0o4755, 0, 0],
            ALLOWED,
        ),
        (
            "set the core limit",
            libc::SYS_prlimit64,
            [0, 4, 0x7fff_0000, 0, 0, 0],
            denied,
        ),
        (
            "set it from high memory",
            libc::SYS_prlimit64,
            [0, 4, 1 << 40, 0, 0, 0],
            denied,
        ),
        (
            "ask the core limit",
            libc::SYS_prlimit64,
            [0, 4, 0, 1, 0, 0],
            ALLOWED,
        ),
        (
            "READ_IMPLIES_EXEC",
            libc::SYS_personality,
            [0x0040_0000, 0, 0, 0, 0, 0],
            denied,
        ),
        ("mount", libc::SYS_mount, [0; 6], denied),
        ("ptrace", libc::SYS_ptrace, [0; 6], denied),
        ("io_uring", libc::SYS_io_uring_setup, [0; 6], absent),
    ];
    for (name, number, arguments, expected) in table {
        assert_eq!(
            verdict(Profile::Default, *number, *arguments),
            *expected,
            "{name}"
        );
    }
}

#[test]
fn profiles_open_only_what_they_name() {
    let user_namespace = [0x1000_0011, 0, 0, 0, 0, 0];
    assert_eq!(
        verdict(Profile::Browser, libc::SYS_clone, user_namespace),
        ALLOWED
    );
    assert_eq!(
        verdict(Profile::Debug, libc::SYS_clone, user_namespace),
        failing(libc::EPERM)
    );
    assert_eq!(verdict(Profile::Debug, libc::SYS_ptrace, [0; 6]), ALLOWED);
    for profile in [Profile::Default, Profile::Browser, Profile::Debug] {
        for call in [
            libc::SYS_mount,
            libc::SYS_bpf,
            libc::SYS_keyctl,
            libc::SYS_setns,
        ] {
            assert_eq!(verdict(profile, call, [0; 6]), failing(libc::EPERM));
        }
    }
}
