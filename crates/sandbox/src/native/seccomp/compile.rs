//! Compiles rules into one BPF program: a search tree over ranges of call numbers, with
//! the argument checks of a call at its leaf.

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// The call fails with this number.
    Fail(u16),
    /// The whole process is killed.
    Kill,
}

/// A question about one argument (its low 32 bits unless said otherwise).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    Equals(u32),
    AnyBit(u32),
    /// Any bit of the high half: together with `AnyBit(u32::MAX)` it finds every non-null pointer.
    AnyHighBit(u32),
    /// These bits have this value.
    Bits {
        mask: u32,
        value: u32,
    },
}

/// If every test of its list holds, this verdict is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    pub tests: Vec<(u8, Test)>,
    pub verdict: Verdict,
}

/// The rule for one system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub clauses: Vec<Clause>,
    pub otherwise: Verdict,
}

impl Rule {
    pub fn always(verdict: Verdict) -> Self {
        Self {
            clauses: Vec::new(),
            otherwise: verdict,
        }
    }
}

/// Calls `first..next.first` share a rule; the last range is open.
struct Range {
    first: u32,
    rule: Rule,
}

/// One step of the program, as the kernel lays it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub code: u16,
    pub jump_true: u8,
    pub jump_false: u8,
    pub k: u32,
}

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_BITS: u16 = 0x45;
const MASK: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K

const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;
const ARGUMENTS_OFFSET: u32 = 16;
const ARGUMENT_BYTES: u32 = 8;

#[cfg(target_arch = "x86_64")]
pub const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
pub const ARCHITECTURE: u32 = 0xC000_00B7;
/// Calls of the x32 interface carry this bit; they would slip past rules for x86-64.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;

/// The whole filter. `rules` are sorted by number; what stands between two of them gets
/// `unlisted`, what lies beyond the last gets `unknown`.
pub fn compile(rules: &[(u32, Rule)], unlisted: Verdict, unknown: Verdict) -> Vec<Step> {
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        branch(IF_EQUAL, ARCHITECTURE, 1, 0),
        finish(Verdict::Kill),
        load(NUMBER_OFFSET),
    ];
    #[cfg(target_arch = "x86_64")]
    program.extend([branch(IF_AT_LEAST, X32_BIT, 0, 1), finish(Verdict::Kill)]);
    program.extend(tree(&ranges(rules, unlisted, unknown)));
    program
}

/// The program as the bytes that the kernel takes.
pub fn to_bytes(program: &[Step]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(program.len() * 8);
    for step in program {
        bytes.extend(step.code.to_ne_bytes());
        bytes.extend([step.jump_true, step.jump_false]);
        bytes.extend(step.k.to_ne_bytes());
    }
    bytes
}

fn ranges(rules: &[(u32, Rule)], unlisted: Verdict, unknown: Verdict) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let mut push = |first: u32, rule: Rule| {
        if ranges.last().is_none_or(|last| last.rule != rule) {
            ranges.push(Range { first, rule });
        }
    };
    let mut next = 0;
    for (number, rule) in rules {
        if *number > next {
            push(next, Rule::always(unlisted));
        }
        push(*number, rule.clone());
        next = number + 1;
    }
    push(next, Rule::always(unknown));
    ranges
}

fn tree(ranges: &[Range]) -> Vec<Step> {
    match ranges {
        [] => vec![finish(Verdict::Kill)],
        [only] => leaf(&only.rule),
        _ => {
            let (low, high) = ranges.split_at(ranges.len() / 2);
            let pivot = high[0].first;
            let (low, high) = (tree(low), tree(high));
            let mut steps = match u8::try_from(low.len()) {
                Ok(skip) => vec![branch(IF_AT_LEAST, pivot, skip, 0)],
                // Conditional jumps reach 255 steps; an unconditional one reaches any.
                Err(_) => vec![
                    branch(IF_AT_LEAST, pivot, 0, 1),
                    Step {
                        code: JUMP,
                        jump_true: 0,
                        jump_false: 0,
                        k: low.len() as u32,
                    },
                ],
            };
            steps.extend(low);
            steps.extend(high);
            steps
        }
    }
}

fn leaf(rule: &Rule) -> Vec<Step> {
    let mut steps: Vec<Step> = rule.clauses.iter().flat_map(clause).collect();
    steps.push(finish(rule.otherwise));
    steps
}

/// Tests one after the other; the first that fails jumps behind the verdict.
fn clause(clause: &Clause) -> Vec<Step> {
    let mut steps = vec![finish(clause.verdict)];
    for (argument, test) in clause.tests.iter().rev() {
        let behind = steps.len() as u8;
        let mut asked = ask(*argument, *test, behind);
        asked.extend(steps);
        steps = asked;
    }
    steps
}

fn ask(argument: u8, test: Test, behind: u8) -> Vec<Step> {
    let low = ARGUMENTS_OFFSET + ARGUMENT_BYTES * u32::from(argument);
    match test {
        Test::Equals(value) => vec![load(low), branch(IF_EQUAL, value, 0, behind)],
        Test::AnyBit(mask) => vec![load(low), branch(IF_BITS, mask, 0, behind)],
        Test::AnyHighBit(mask) => vec![load(low + 4), branch(IF_BITS, mask, 0, behind)],
        Test::Bits { mask, value } => vec![
            load(low),
            Step {
                code: MASK,
                jump_true: 0,
                jump_false: 0,
                k: mask,
            },
            branch(IF_EQUAL, value, 0, behind),
        ],
    }
}

fn load(offset: u32) -> Step {
    Step {
        code: LOAD,
        jump_true: 0,
        jump_false: 0,
        k: offset,
    }
}

fn branch(code: u16, k: u32, jump_true: u8, jump_false: u8) -> Step {
    Step {
        code,
        jump_true,
        jump_false,
        k,
    }
}

fn finish(verdict: Verdict) -> Step {
    let k = match verdict {
        Verdict::Allow => 0x7fff_0000,
        Verdict::Fail(errno) => 0x0005_0000 | u32::from(errno),
        Verdict::Kill => 0x8000_0000,
    };
    Step {
        code: RETURN,
        jump_true: 0,
        jump_false: 0,
        k,
    }
}
