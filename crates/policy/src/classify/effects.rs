//! What commands do to files, secrets and the environment, added to the walker's draft.

use super::expand::holds_secret;
use super::general;
use super::paths::{self, Place};
use super::rule::Rule;
use super::shell::Walker;
use super::verdict::Effect;
use super::words::{Arg, Known};

impl Walker<'_> {
    /// Takes a finding into account.
    pub fn add(&mut self, rule: &'static Rule, subject: &str) {
        self.draft.add(self.ground, rule, subject);
    }

    fn normalized(&self, path: &str) -> String {
        let normal = paths::normalize(self.folder.as_deref(), path);
        match self.folder {
            None if paths::is_inside(&normal) => format!("{}/{normal}", super::words::UNKNOWN),
            _ => normal,
        }
    }

    /// An argument is mentioned to a program that may read what it names.
    pub fn mention(&mut self, arg: &Arg) {
        for candidate in candidates(&arg.text) {
            self.secret_path(candidate);
        }
    }

    fn secret_path(&mut self, text: &str) {
        if !could_be_secret(text) && self.folder.as_deref() == Some("") {
            return;
        }
        let path = self.normalized(text);
        if paths::is_secret(&path) {
            let inside = paths::is_inside(&path);
            self.draft.effect(Effect::Secret { what: path });
            self.add(
                if inside {
                    &general::WORKSPACE_SECRET
                } else {
                    &general::SECRET_FILE
                },
                text,
            );
        } else if matches!(path.as_str(), "/etc/passwd" | "/etc/group") {
            self.add(&general::ACCOUNT_FILE, text);
        }
    }

    /// Does this text name a secret from where the command runs?
    pub fn names_secret(&self, text: &str) -> bool {
        could_be_secret(text) && paths::is_secret(&self.normalized(text))
    }

    /// Names of secrets inside a script: `getline < "/etc/shadow"`.
    pub fn mention_inside(&mut self, script: &str) {
        for part in script.split(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ')' | ';' | ',' | '<' | '>')
        }) {
            self.secret_path(part);
        }
    }

    /// bash opens a connection for these paths.
    fn socket(&mut self, path: &str) -> bool {
        let rest = path
            .strip_prefix("/dev/tcp/")
            .or_else(|| path.strip_prefix("/dev/udp/"));
        if let Some(rest) = rest {
            let host = rest.split('/').next().unwrap_or_default().to_owned();
            self.draft.effect(Effect::Network {
                host,
                method: "socket".to_owned(),
            });
            self.add(&general::SOCKET, path);
        }
        rest.is_some()
    }

    /// A file is read.
    pub fn reads(&mut self, arg: &Arg) {
        if self.socket(&arg.text) {
            return;
        }
        if arg.known == Known::Computed {
            self.add(&general::COMPUTED_ARGUMENT, "a redirection");
        }
        self.mention(arg);
        self.raw_device(arg);
        self.draft.effect(Effect::Reads {
            path: arg.text.clone(),
        });
    }

    /// Everything below a path is read.
    pub fn reads_below(&mut self, arg: &Arg) {
        let path = self.normalized(&arg.text);
        if paths::holds_secrets_below(&path) {
            self.add(&general::BROAD_SEARCH, &arg.text);
        }
        self.reads(arg);
    }

    /// Do credentials lie somewhere below this place?
    pub fn is_broad(&self, start: &Arg) -> bool {
        paths::holds_secrets_below(&self.normalized(&start.text))
    }

    /// A disk read as a file shows everything on it.
    pub fn raw_device(&mut self, arg: &Arg) {
        #[rustfmt::skip]
        const DISKS: &[&str] = &[
            "/dev/sd", "/dev/nvme", "/dev/vd", "/dev/hd", "/dev/mapper/", "/dev/disk",
            "/dev/mmcblk", "/dev/dm-",
        ];
        if DISKS.iter().any(|disk| arg.text.starts_with(disk)) {
            self.add(&general::SECRET_FILE, &arg.text);
        }
    }

    /// A file is created or changed.
    pub fn writes(&mut self, arg: &Arg) {
        if self.socket(&arg.text) {
            return;
        }
        let path = self.normalized(&arg.text);
        let rule = match paths::place(&path) {
            Place::Nowhere => return,
            Place::Ordinary | Place::Scratch | Place::Root => &general::WRITES_FILE,
            Place::Hook => &general::WRITES_HOOK,
            Place::System => &general::WRITES_SYSTEM,
            Place::Unknown => &general::WRITES_UNKNOWN,
        };
        self.add(rule, &arg.text);
        self.draft.effect(Effect::Writes { path });
    }

    /// A file or folder is removed.
    pub fn deletes(&mut self, arg: &Arg) {
        let path = self.normalized(&arg.text);
        let rule = match paths::place(&path) {
            Place::Scratch if !arg.glob || !path.contains("/.") => &general::DELETES_SCRATCH,
            Place::Root | Place::System => &general::DELETES_SYSTEM,
            _ => &general::DELETES_FILE,
        };
        self.add(rule, &arg.text);
        self.draft.effect(Effect::Deletes { path });
    }

    /// A variable is set for a command or for the rest of the line.
    pub fn environment(&mut self, name: &str, value: &Arg) {
        self.mention(value);
        if value.known == Known::Exact && (value.text.contains("$(") || value.text.contains('`')) {
            self.add(&general::RUNNABLE_VALUE, name);
        }
        if steers(name) && !is_tame(name, value) {
            self.add(&general::STEERS_PROGRAMS, name);
        }
        if holds_secret(name) {
            // A value given on the line is no secret of the environment any more.
            self.variables
                .entry(name.to_owned())
                .or_insert(super::expand::Value {
                    text: value.text.clone(),
                    known: value.known,
                });
        }
    }
}

/// The parts of an argument that may name a file: `--file=x`, `@x`, `if=x`, `host:x`, `-fx`.
fn candidates(text: &str) -> impl Iterator<Item = &str> {
    let whole = std::iter::once(text);
    let after_marks = text
        .char_indices()
        .filter(|(_, character)| matches!(character, '=' | ':' | '@' | ','))
        .map(|(at, _)| &text[at + 1..])
        .take(8);
    let attached = text
        .starts_with('-')
        .then(|| text.find(['/', '~']).map(|at| &text[at..]))
        .flatten();
    whole.chain(after_marks).chain(attached)
}

/// A quick look that spares most arguments the long one.
fn could_be_secret(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 4096
        && !text.contains('\n')
        && text.contains(['.', '/', '_', '~', '*', '\\'])
        || text == "kubeconfig"
}

/// Does this variable change what other programs run or load?
fn steers(name: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "PROMPT_COMMAND", "PS4",
        "CDPATH", "PAGER", "MANPAGER", "SYSTEMD_PAGER", "AWS_PAGER", "GH_PAGER", "BAT_PAGER",
        "DELTA_PAGER", "LESS", "LESSOPEN", "LESSCLOSE", "EDITOR", "VISUAL", "FCEDIT", "SUDO_EDITOR",
        "BROWSER", "NODE_OPTIONS", "NODE_PATH", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME",
        "PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHONWARNINGS", "PERL5LIB", "PERL5OPT", "PERL5DB",
        "PERLLIB", "RUBYOPT", "RUBYLIB", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS",
        "MAVEN_OPTS", "GRADLE_OPTS", "RUSTC", "RUSTC_WRAPPER", "RUSTFLAGS", "RUSTDOC", "CARGO_HOME",
        "CC", "CXX", "LD", "MAKEFLAGS", "MAKE", "GOFLAGS", "RSYNC_RSH", "CVS_RSH", "SSH_ASKPASS",
        "SUDO_ASKPASS", "TAR_OPTIONS", "GCONV_PATH", "LOCPATH", "NLSPATH", "TERMINFO", "TERMCAP",
        "MALLOC_CHECK_", "HOSTALIASES", "RES_OPTIONS", "OPENSSL_CONF", "CURL_HOME", "WGETRC",
        "NETRC", "ZDOTDIR", "HOME", "XDG_CONFIG_HOME", "DOCKER_HOST", "KUBECONFIG",
        "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL", "NPM_CONFIG_REGISTRY", "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL", "FZF_DEFAULT_COMMAND", "FZF_DEFAULT_OPTS", "GREP_OPTIONS",
        "RIPGREP_CONFIG_PATH", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy",
        "https_proxy", "all_proxy", "PHPRC", "PHP_INI_SCAN_DIR", "LUA_INIT", "R_PROFILE_USER",
        "JULIA_LOAD_PATH", "EMACSLOADPATH", "VIMINIT", "EXINIT",
    ];
    #[rustfmt::skip]
    const STARTS: &[&str] = &[
        "LD_", "DYLD_", "GIT_", "BASH_FUNC_", "npm_config_", "NPM_CONFIG_", "CARGO_TARGET_",
        "CARGO_BUILD_", "LUA_INIT_",
    ];
    NAMES.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}

/// Well-known harmless settings of steering variables.
fn is_tame(name: &str, value: &Arg) -> bool {
    #[rustfmt::skip]
    const GIT_PLAIN: &[&str] = &[
        "GIT_PAGER_IN_USE", "GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_DATE", "GIT_TRACE", "GIT_CURL_VERBOSE", "GIT_MERGE_AUTOEDIT",
        "GIT_LITERAL_PATHSPECS", "GIT_LFS_SKIP_SMUDGE", "GIT_BRANCH", "GIT_COMMIT",
    ];
    if GIT_PLAIN.contains(&name) {
        return true;
    }
    let value = if value.known == Known::Exact {
        value.text.as_str()
    } else {
        return false;
    };
    match name {
        _ if name.ends_with("PAGER") => matches!(value, "" | "cat" | "less" | "more" | "bat"),
        "LESS" => value
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-'),
        "EDITOR" | "VISUAL" | "GIT_EDITOR" => {
            matches!(value, "" | "true" | ":" | "cat" | "vi" | "vim" | "nano")
        }
        "GIT_DIR" | "GIT_WORK_TREE" => paths::is_inside(value) && !value.contains(' '),
        "NODE_OPTIONS" => value.starts_with("--max-old-space-size=") && !value.contains(' '),
        "CC" | "CXX" => matches!(value, "gcc" | "clang" | "cc" | "g++" | "clang++" | "c++"),
        "RUSTFLAGS" => value.starts_with("-D") && !value.contains("linker"),
        "MAKEFLAGS" => value.starts_with("-j"),
        "IFS" => !value.bytes().any(|byte| byte.is_ascii_alphanumeric()),
        "BROWSER" => value.is_empty(),
        _ => false,
    }
}
