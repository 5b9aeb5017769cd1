//! Every limit of the classifier, with the reason for its number. Beyond a limit the answer is
//! "cannot be judged", which is `L2_DESTRUCTIVE`.

/// Longest command that is parsed. The kernel takes 128 KiB per argument; nobody reads 64.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Deepest nesting of braces and square brackets. The grammar recurses, so each level costs stack;
/// real scripts stay below ten.
pub const NESTING_MAX: usize = 24;

/// Deepest nesting of round brackets.
pub const ROUND_NESTING_MAX: usize = 16;

/// Deepest nesting of `((`: the grammar tries each level twice.
pub const DOUBLE_ROUND_NESTING_MAX: usize = 3;

/// Deepest nesting of `if`, `while`, `for` and `case`.
pub const KEYWORD_NESTING_MAX: usize = 48;

/// Most of `!`, `time` and `coproc` in a row.
pub const PREFIXES_MAX: usize = 16;

/// Most programs around one another (`env nice timeout …`).
pub const WRAPPINGS_MAX: usize = 24;

/// Deepest chain of commands inside commands (`sh -c "sh -c …"`).
pub const COMMAND_DEPTH_MAX: usize = 12;

/// Most simple commands judged for one line.
pub const COMMANDS_MAX: usize = 4_000;

/// Longest run of digits handed to the grammar, which reads some of them into machine words.
pub const DIGITS_MAX: usize = 9;

/// Most words that one brace expression may become.
pub const BRACE_WORDS_MAX: usize = 64;

/// Deepest nesting of brace expressions.
pub const BRACE_DEPTH_MAX: usize = 4;

/// Most values of a loop variable that are followed one by one.
pub const LOOP_VALUES_MAX: usize = 8;

/// Most effects listed in a verdict; the tier counts all of them.
pub const EFFECTS_MAX: usize = 32;
