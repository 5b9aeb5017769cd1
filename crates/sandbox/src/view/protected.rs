//! Paths in a workspace whose content runs later, outside any sandbox, or steers
//! an agent: a change there is never ordinary.

use super::path::RelPath;

/// One protected path and why it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protected {
    /// Relative to the workspace or, with a leading `**/`, in any folder of it.
    pub pattern: &'static str,
    pub reason: &'static str,
}

const fn protected(pattern: &'static str, reason: &'static str) -> Protected {
    Protected { pattern, reason }
}

const GIT: &str = "git runs it or obeys it on the next command";
const CI: &str = "the build service runs it with its own secrets";
const AGENT: &str = "it steers or starts programs of an agent that opens this folder";
const SHELL: &str = "a shell runs it when it starts or enters the folder";
const EDITOR: &str = "an editor runs tasks from it when it opens the folder";

/// The whole list. `AGENTS.md` and its like are text that people share and review;
/// they stay ordinary.
pub const PROTECTED: &[Protected] = &[
    protected("**/.git/hooks", GIT),
    protected("**/.git/config", GIT),
    protected("**/.git/config.worktree", GIT),
    protected("**/.git/info/attributes", GIT),
    protected("**/.git/modules", GIT),
    protected("**/.gitmodules", GIT),
    protected("**/.husky", GIT),
    protected(".github/workflows", CI),
    protected(".github/actions", CI),
    protected(".gitlab-ci.yml", CI),
    protected(".circleci", CI),
    protected(".woodpecker.yml", CI),
    protected(".woodpecker", CI),
    protected(".forgejo/workflows", CI),
    protected(".gitea/workflows", CI),
    protected(".travis.yml", CI),
    protected("azure-pipelines.yml", CI),
    protected("Jenkinsfile", CI),
    protected("**/.claude", AGENT),
    protected("**/.codex", AGENT),
    protected("**/.cursor", AGENT),
    protected("**/.gemini", AGENT),
    protected("**/.mcp.json", AGENT),
    protected("**/.wardroom", AGENT),
    protected(".bashrc", SHELL),
    protected(".bash_profile", SHELL),
    protected(".bash_login", SHELL),
    protected(".bash_logout", SHELL),
    protected(".profile", SHELL),
    protected(".zshrc", SHELL),
    protected(".zshenv", SHELL),
    protected(".zprofile", SHELL),
    protected(".zlogin", SHELL),
    protected(".config/fish", SHELL),
    protected("**/.envrc", SHELL),
    protected("**/.vscode/tasks.json", EDITOR),
    protected("**/.vscode/settings.json", EDITOR),
    protected("**/.idea/runConfigurations", EDITOR),
];

/// Why a change at `path` is not ordinary, if so. A change of a folder above a
/// protected path counts when the folder goes or comes as one (`takes_all`).
pub fn protection_of(path: &RelPath, takes_all: bool) -> Option<&'static Protected> {
    let names: Vec<&[u8]> = path.names().collect();
    PROTECTED
        .iter()
        .find(|entry| touches(entry.pattern, &names, takes_all))
}

fn touches(pattern: &str, names: &[&[u8]], takes_all: bool) -> bool {
    let (anywhere, pattern) = match pattern.strip_prefix("**/") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let wanted: Vec<&[u8]> = pattern.split('/').map(str::as_bytes).collect();
    let starts = if anywhere {
        0..=names.len().saturating_sub(1)
    } else {
        0..=0
    };
    starts
        .into_iter()
        .any(|start| touches_at(&names[start..], &wanted, takes_all))
}

/// Some file systems ignore case, and git on them obeys `.GIT/hooks`.
fn touches_at(names: &[&[u8]], wanted: &[&[u8]], takes_all: bool) -> bool {
    let common = names
        .iter()
        .zip(wanted)
        .take_while(|(name, wanted)| name.eq_ignore_ascii_case(wanted))
        .count();
    common == wanted.len() || (takes_all && common > 0 && common == names.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protected_paths_are_told_from_ordinary_ones() {
        let table = [
            (".git/hooks/pre-commit", false, true),
            (".git/hooks", false, true),
            ("vendor/lib/.git/hooks/post-checkout", false, true),
            (".GIT/Config", false, true),
            (".git", true, true),
            (".git", false, false),
            (".git/index", false, false),
            (".github/workflows/ci.yml", false, true),
            (".github", true, true),
            ("docs/.github/workflows/ci.yml", false, false),
            (".claude/settings.json", false, true),
            ("AGENTS.md", false, false),
            ("src/main.rs", false, false),
            ("src", true, false),
            (".profile", false, true),
            ("app/.envrc", false, true),
        ];
        for (path, takes_all, expected) in table {
            let found = protection_of(&RelPath::parse(path).unwrap(), takes_all);
            assert_eq!(found.is_some(), expected, "{path} takes_all={takes_all}");
        }
    }
}
