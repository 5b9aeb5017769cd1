//! Git: what only looks, what can be undone, what cannot.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

const GIT: &[&str] = &["git"];

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: GIT,
        values: &[
            "-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--super-prefix",
            "--config-env", "-m", "--author", "--date",
        ],
        flags: &[
            "--no-pager", "-p", "-P", "--paginate", "--bare", "--no-replace-objects",
            "--literal-pathspecs", "--no-optional-locks", "--glob-pathspecs", "--icase-pathspecs",
            "--html-path", "--man-path",
        ],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "git.read",
        GIT,
        When::Verb(
            &[
                "status", "log", "diff", "show", "blame", "annotate", "shortlog", "describe",
                "rev-parse", "rev-list", "ls-files", "ls-tree", "cat-file", "grep", "whatchanged",
                "name-rev", "merge-base", "cherry", "count-objects", "show-ref", "show-branch",
                "for-each-ref", "diff-tree", "diff-index", "diff-files", "range-diff", "var",
                "version", "help", "check-ignore", "check-attr", "check-ref-format",
                "check-mailmap", "verify-commit", "verify-tag", "verify-pack", "fsck",
                "request-pull", "stripspace", "patch-id", "column", "merge-tree",
                "get-tar-commit-id", "remote show", "remote get-url", "stash list", "stash show",
                "reflog show", "reflog list", "reflog exists", "config list", "config get",
                "worktree list", "notes show", "notes list", "submodule status",
                "submodule summary", "bisect log", "bisect view", "bisect visualize",
                "lfs ls-files", "lfs status", "lfs env", "lfs version", "lfs locks",
                "sparse-checkout list", "bundle verify", "bundle list-heads", "rerere status",
                "rerere diff", "am show-current-patch", "show-index", "interpret-trailers",
                "fmt-merge-msg", "archive", "summary", "effort", "authors", "count", "standup",
                "info", "guilt", "brv", "show-tree", "show-merged-branches",
                "show-unmerged-branches", "flow version",
            ],
        ),
        "only looks at the repository",
        &[
            "git status -s", "git -C sub log --oneline", "git diff HEAD~1", "git stash show",
            "git --no-pager show abc:file.rs",
        ],
        &["git branch -D x", "git diff --output=x", "git log --ext-diff", "git tag v1"],
    ),
    Rule::reads(
        "git.list",
        GIT,
        When::Only(
            &[
                "branch", "tag", "remote", "stash list", "notes", "submodule", "reflog", "config",
                "replace", "worktree list", "symbolic-ref HEAD", "symbolic-ref *", "mr list",
                "hash-object *", "sparse-checkout list", "config *", "lfs track", "maintenance",
            ],
            &[
                "-a", "-r", "-v", "-vv", "-l", "--list", "--all", "--remotes", "--verbose",
                "--sort", "--show-current", "--column", "-n", "--contains", "--merged",
                "--no-merged", "--format", "--points-at", "--color", "--no-color", "-q", "--quiet",
                "--short", "--show-origin", "--show-scope", "--global", "--local", "--system",
                "--get", "-z", "--name-only", "--get-regexp", "--get-all", "-t", "--stdin",
                "--recursive",
            ],
        ),
        "only lists what the repository has",
        &["git branch -a", "git remote -v", "git branch --show-current", "git config user.name"],
        &["git branch x", "git tag v1", "git branch -m x", "git hash-object -w a"],
    ),
    Rule::reads(
        "git.list-by-pattern",
        GIT,
        When::VerbWith(
            &["branch", "tag", "config", "worktree", "replace"],
            &[
                "-l", "--list", "--contains", "--merged", "--no-merged", "--points-at", "--get",
                "--get-all", "--get-regexp",
            ],
        ),
        "only lists what the repository has",
        &["git tag -l 'v1*'", "git branch --contains abc"],
        &["git branch -D x --list"],
    ),
    Rule::changes(
        "git.lost-found",
        GIT,
        When::VerbWith(&["fsck"], &["--lost-found"]),
        "writes what is dangling into the repository",
        &["git fsck --lost-found"],
        &["git fsck"],
    ),
    Rule::changes(
        "git.fetch",
        GIT,
        When::Verb(&["fetch", "ls-remote", "remote update", "lfs fetch", "fetch-pack"]),
        "asks another machine for commits",
        &["git fetch origin", "git ls-remote origin"],
        &["git log"],
    ).remote(),
    Rule::changes(
        "git.work",
        GIT,
        When::Verb(
            &[
                "add", "commit", "checkout", "switch", "branch", "tag", "merge", "rebase",
                "cherry-pick", "revert", "stash", "stash push", "stash save", "stash pop",
                "stash apply", "stash branch", "stash create", "stash store", "init", "mv", "am",
                "apply", "notes add", "notes append", "notes edit", "notes copy", "worktree add",
                "worktree move", "worktree lock", "worktree unlock", "worktree repair", "bisect",
                "config", "remote add", "remote set-url", "remote rename", "remote set-head",
                "remote set-branches", "restore", "reset", "submodule", "format-patch",
                "bundle create", "sparse-checkout", "rerere", "update-index", "write-tree",
                "read-tree", "commit-tree", "hash-object", "mktree", "mktag", "update-server-info",
                "pack-refs", "commit-graph", "multi-pack-index", "maintenance", "lfs track",
                "lfs install", "lfs pull", "lfs checkout", "symbolic-ref", "flow", "subtree",
                "citool", "gui", "gitk", "cherry-pick --abort", "unpack-objects", "index-pack",
                "pack-objects", "fast-export", "ignore", "changelog", "squash", "fork", "mergetool",
                "quiltimport", "cvsimport", "svn", "p4", "replace", "prune-packed", "repack",
                "bugreport", "diagnose", "merge-file", "merge-index", "checkout-index", "mailinfo",
                "mailsplit", "graft", "ignore-io", "alias", "setup", "touch", "lock", "unlock",
                "mr", "pr", "magic", "rename-branch", "rename-tag", "feature", "bug", "refactor",
                "chore", "create-branch",
            ],
        ),
        "changes the repository in a way that can be taken back",
        &[
            "git add .", "git commit -m 'x'", "git checkout main", "git stash", "git tag v1",
            "git branch x", "git reset HEAD~1",
        ],
        &[
            "git reset --hard", "git checkout -- .", "git branch -D x", "git stash drop",
            "git restore a.txt",
        ],
    ),
    Rule::changes(
        "git.share",
        GIT,
        When::Verb(
            &[
                "pull", "push", "clone", "submodule update", "submodule add", "lfs push",
                "mr-create", "subtree pull", "subtree push", "subtree add",
            ],
        ),
        "exchanges commits with another machine",
        &["git push origin main", "git pull", "git clone https://example.org/a.git"],
        &["git push --force", "git push origin :main"],
    ).remote(),
    Rule::destroys(
        "git.push-force",
        GIT,
        When::VerbWith(
            &["push", "lfs push"],
            &[
                "-f", "--force", "--force-with-lease", "--force-if-includes", "--mirror",
                "--delete", "-d", "--prune", "--all",
            ],
        ),
        "overwrites or removes commits or branches on another machine",
        &[
            "git push --force origin main", "git push -f", "git push origin --delete x",
            "git push --mirror",
        ],
        &["git push origin main"],
    ).remote(),
    Rule::destroys(
        "git.push-refspec",
        GIT,
        When::Verb(&["push * :*", "push * +*"]),
        "overwrites or removes branches on another machine",
        &["git push origin :main", "git push origin +main"],
        &["git push origin main:main"],
    ).remote(),
    Rule::destroys(
        "git.discard",
        GIT,
        When::VerbWith(
            &[
                "reset", "checkout", "switch", "branch", "tag", "clean", "worktree remove",
                "restore", "submodule deinit", "stash", "rm", "merge", "rebase", "read-tree",
                "remote", "update-ref", "replace", "notes", "symbolic-ref", "add", "worktree add",
            ],
            &[
                "--hard", "--merge", "--keep", "--force", "-f", "--discard-changes", "-D", "-d",
                "--delete", "-M", "--prune", "--reset", "-B", "-C", "--ours", "--theirs",
                "--orphan",
            ],
        ),
        "throws away changes or names that cannot be had back",
        &[
            "git reset --hard HEAD~1", "git branch -D x", "git checkout -f", "git tag -d v1",
            "git checkout -B main", "git clean -fd",
        ],
        &["git reset --soft HEAD~1", "git add -f a.log"],
    ),
    Rule::changes(
        "git.force-add",
        GIT,
        When::Rehearsal(&["add", "worktree add", "remote add"], &["-f", "--force", "-B"]),
        "adds an ignored file to the index",
        &["git add -f a.log"],
        &["git add a"],
    ),
    Rule::destroys(
        "git.restore",
        GIT,
        When::Verb(
            &[
                "restore", "checkout .", "clean", "rm", "stash drop", "stash clear",
                "reflog expire", "reflog delete", "gc", "prune", "filter-branch", "filter-repo",
                "worktree remove", "worktree prune", "submodule deinit", "remote remove",
                "remote rm", "remote prune", "notes remove", "notes prune", "update-ref", "replace",
                "lfs prune", "lfs uninstall", "lfs migrate", "rebase-patch", "delete-branch",
                "delete-merged-branches", "delete-squashed-branches", "delete-tag",
                "delete-submodule", "obliterate", "reset-file", "undo", "unpublish", "fast-import",
                "maintenance unregister", "config unset", "config remove-section", "clear",
                "clear-soft", "abort", "mr clean", "pr clean", "rerere forget", "rerere clear",
                "bisect reset-hard", "nuke", "prune-remote", "repl",
            ],
        ),
        "throws away changes or names that cannot be had back",
        &[
            "git restore a.txt", "git checkout .", "git stash drop", "git stash clear", "git gc",
            "git rm a",
        ],
        &["git restore --staged a.txt", "git clean -n", "git rm --cached a"],
    ),
    Rule::changes(
        "git.unstage",
        GIT,
        When::VerbWith(&["restore", "rm"], &["--staged", "-S", "--cached"]),
        "takes files out of the index only",
        &["git restore --staged a.txt", "git rm --cached a"],
        &["git restore --staged --worktree a.txt"],
    ),
    Rule::destroys(
        "git.restore-worktree",
        GIT,
        When::VerbWith(&["restore"], &["--worktree", "-W"]),
        "throws away changes to files",
        &["git restore --staged --worktree a.txt"],
        &["git restore --staged a.txt"],
    ),
    Rule::reads(
        "git.rehearse",
        GIT,
        When::Rehearsal(
            &[
                "clean", "rm", "push", "add", "commit", "fetch", "mv", "prune", "gc",
                "worktree prune", "remote prune", "notes prune", "lfs prune",
            ],
            &["-n", "--dry-run"],
        ),
        "only tells what it would do",
        &["git clean -nd", "git push --dry-run", "git add -n ."],
        &["git clean -fd", "git commit -m x"],
    ),
    Rule::changes(
        "git.commit-quiet",
        GIT,
        When::Rehearsal(&["commit", "fetch", "gc"], &["-n"]),
        "skips hooks or options while it works",
        &["git commit -n -m x"],
        &["git commit --dry-run"],
    ),
    Rule::destroys(
        "git.rewrite",
        GIT,
        When::Verb(
            &[
                "filter-repo", "replay", "cvsexportcommit", "send-email", "send-pack", "daemon",
                "instaweb", "http-push", "imap-send",
            ],
        ),
        "rewrites history, or sends or serves it",
        &["git filter-repo --path a"],
        &["git log"],
    ),
    Rule::privileged(
        "git.credential",
        GIT,
        When::Verb(&["credential", "credential-store", "credential-cache", "credential-manager"]),
        "hands out stored passwords",
        &["git credential fill"],
        &["git config user.name"],
    ).secret(),
    Rule::reads(
        "vcs.read",
        &[
            "hg", "svn", "jj", "fossil", "bzr", "cvs", "darcs", "pijul", "sl", "chezmoi", "yadm",
            "tig", "lazygit", "gitui", "rcs",
        ],
        When::Verb(
            &[
                "status", "st", "log", "diff", "show", "cat", "blame", "annotate", "info", "list",
                "ls", "root", "branch list", "branches", "tags", "heads", "parents", "id",
                "identify", "summary", "files", "manifest", "paths", "bookmark list", "tag list",
                "tag l", "op log", "operation log", "evolog", "config list", "config get",
                "file list", "file show", "git remote list", "workspace list", "workspace root",
                "help", "version", "timeline", "managed", "data", "doctor", "grep", "verify",
                "propget", "proplist", "annotate", "history", "gitconfig",
            ],
        ),
        "only looks at the repository",
        &["hg log", "svn status", "jj log -r @"],
        &["svn commit -m a", "hg update", "hg root --config x=y"],
    ),
    Rule::destroys(
        "vcs.runs",
        &["hg", "svn", "jj", "tig", "sl"],
        When::Option(
            &[
                "--config", "--config-file", "--config-toml", "--editor-cmd", "--diff-cmd",
                "--diff3-cmd", "--tool",
            ],
        ),
        "is told to run a program of choice",
        &["hg root --config x=y"],
        &["hg root"],
    ),
    Rule::changes(
        "vcs.work",
        &["hg", "svn", "jj", "fossil", "bzr", "cvs", "darcs", "pijul", "sl", "chezmoi", "yadm"],
        When::Verb(
            &[
                "add", "commit", "ci", "update", "up", "checkout", "co", "merge", "pull", "push",
                "clone", "init", "branch", "tag", "bookmark", "copy", "cp", "rename", "mv", "move",
                "new", "describe", "desc", "edit", "squash", "split", "rebase", "duplicate", "next",
                "prev", "git", "shelve", "unshelve", "resolve", "import", "export", "switch",
                "mkdir", "absorb", "diffedit", "sparse", "workspace", "config", "apply-preview",
            ],
        ),
        "changes the repository",
        &["hg commit -m a", "jj new"],
        &["hg log", "hg strip x"],
    ),
    Rule::reads(
        "forge.read",
        &["gh", "glab", "tea", "hub"],
        When::Verb(
            &[
                "* list", "* ls", "* view", "* show", "* status", "* diff", "* checks", "* get",
                "* search", "status", "search", "help", "version", "auth status", "release list",
                "release view", "run list", "run view", "run watch", "repo view", "workflow view",
                "config get", "config list", "alias list", "extension search", "browse-print",
                "completion", "ci list", "ci status", "ci view", "ci trace", "label list",
                "cache list", "issue note-list", "pulls", "issues", "releases", "rs view",
                "ruleset check", "attestation verify", "api-docs", "environment", "reference",
                "actions", "formatting", "mintty",
            ],
        ),
        "only looks at the forge",
        &["gh pr list", "gh issue view 1", "glab mr list", "gh run view 1"],
        &["gh pr create", "gh auth token"],
    ).remote(),
    Rule::changes(
        "forge.change",
        &["gh", "glab", "tea", "hub"],
        When::Verb(
            &[
                "* create", "* new", "* comment", "* note", "* edit", "* update", "* checkout",
                "* co", "* clone", "* fork", "* develop", "* ready", "* reopen", "* subscribe",
                "* pin", "* unpin", "* lock", "* download", "* rerun", "* set-default", "* sync",
                "* review", "* assign", "* label", "co", "browse", "alias set", "config set",
                "extension install", "clone", "fork", "pull-request", "* install", "* upgrade",
                "* star", "* link", "* copy", "* item-add", "* field-create", "* import",
            ],
        ),
        "changes something on the forge",
        &["gh pr create --fill", "gh issue comment 1 -b x"],
        &["gh repo delete a/b", "gh release delete v1"],
    ).remote(),
    Rule::destroys(
        "forge.remove",
        &["gh", "glab", "tea", "hub"],
        When::Verb(
            &[
                "* delete", "* remove", "* rm", "* close", "* merge", "* archive", "* rename",
                "* transfer", "* cancel", "* unlink", "* disable", "* enable", "* run", "* stop",
                "* revoke", "* uninstall", "* upload", "* unarchive", "* approve", "* revert",
                "release create", "release edit", "gist create", "gist edit", "workflow run",
                "codespace ssh", "codespace *", "* item-delete", "* field-delete", "* deploy",
                "* retry", "* publish", "* unstar", "* mark-template", "* update-branch",
                "extension exec", "alias import", "delete", "create",
            ],
        ),
        "removes, closes or publishes something on the forge",
        &["gh repo delete a/b --yes", "gh pr merge 1", "gh workflow run ci.yml"],
        &["gh pr view 1"],
    ).remote(),
    Rule::privileged(
        "forge.rights",
        &["gh", "glab"],
        When::Verb(
            &[
                "auth login", "auth logout", "auth token", "auth refresh", "auth setup-git",
                "auth switch", "secret set", "secret delete", "secret remove", "ssh-key add",
                "ssh-key delete", "gpg-key add", "gpg-key delete", "deploy-key *",
                "repo deploy-key", "variable set", "variable delete", "repo edit", "token *",
                "auth",
            ],
        ),
        "changes rights or secrets of the forge, or shows a token",
        &["gh auth token", "gh secret set X"],
        &["gh auth status"],
    ).remote(),
    Rule::changes(
        "forge.api",
        &["gh", "glab"],
        When::Verb(&["api"]),
        "asks the forge's interface",
        &["gh api repos/a/b"],
        &["gh api -X DELETE repos/a/b"],
    ).remote(),
    Rule::destroys(
        "forge.api-change",
        &["gh", "glab"],
        When::VerbWith(
            &["api"],
            &["-X", "--method", "-f", "-F", "--field", "--raw-field", "--input"],
        ),
        "changes something through the forge's interface",
        &["gh api -X DELETE repos/a/b", "gh api graphql -f query=x"],
        &["gh api repos/a/b"],
    ).remote(),
];
