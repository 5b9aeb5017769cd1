//! What a path is: inside the folder, scratch, a device, a secret, a place that steers the system.

/// What `<(…)` looks like to a program.
pub const PIPE: &str = "/dev/fd/63";

/// What `<(curl …)` looks like to a program.
pub const NETWORK_PIPE: &str = "/dev/fd/network";

/// Where a path leads, as far as writing to it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/dev/null`, the terminal, a descriptor: nothing is kept.
    Nowhere,
    /// The folder of the task, or elsewhere among ordinary files.
    Ordinary,
    /// Below `/tmp`.
    Scratch,
    /// A file that programs run later: a git hook, `.envrc`.
    Hook,
    /// System folders, devices, start-up files, credentials.
    System,
    /// A whole root, home or `/tmp`.
    Root,
    /// Not known before it runs.
    Unknown,
}

/// Joins a path to the folder in which the command runs and resolves `.` and `..`.
pub fn normalize(folder: Option<&str>, path: &str) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let absolute = path.starts_with(['/', '~']);
    let joined = match folder {
        Some("") | None => path.to_owned(),
        Some(_) if absolute => path.to_owned(),
        Some(folder) => format!("{folder}/{path}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." if parts
                .last()
                .is_some_and(|last| *last != ".." && *last != "~") =>
            {
                parts.pop();
            }
            ".." if joined.starts_with('/') => {}
            other => parts.push(other),
        }
    }
    let start = if joined.starts_with('/') { "/" } else { "" };
    shorten_home(format!("{start}{}", parts.join("/")))
}

/// `/home/ann/x`, `/root/x` and `/Users/ann/x` are `~/x`.
fn shorten_home(path: String) -> String {
    for home in ["/home/", "/Users/"] {
        if let Some(rest) = path.strip_prefix(home) {
            return match rest.split_once('/') {
                Some((_, below)) => format!("~/{below}"),
                None => "~".to_owned(),
            };
        }
    }
    match path.strip_prefix("/root") {
        Some("") => "~".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => path,
    }
}

/// Where writing to this normalized path leads.
pub fn place(path: &str) -> Place {
    if path.starts_with("/dev/") {
        return if is_sink(path) {
            Place::Nowhere
        } else {
            Place::System
        };
    }
    if matches!(
        path,
        "/" | "~" | "/*" | "~/*" | "/home" | "/home/*" | "/tmp" | "/tmp/*" | ".."
    ) {
        return Place::Root;
    }
    if path.contains(super::words::UNKNOWN) {
        return unknown_place(path);
    }
    if ["/tmp/", "/var/tmp/", "/dev/shm/"]
        .iter()
        .any(|scratch| path.starts_with(scratch))
    {
        return Place::Scratch;
    }
    if steers_login(path) || is_system(path) || (is_secret(path) && !is_inside(path)) {
        return Place::System;
    }
    if is_hook(path) {
        Place::Hook
    } else {
        Place::Ordinary
    }
}

/// A path with an unknown part is judged by what stands before it.
fn unknown_place(path: &str) -> Place {
    let known = path.split(super::words::UNKNOWN).next().unwrap_or_default();
    if is_system(known) {
        Place::System
    } else if known.starts_with("/tmp/") && !path.contains("..") {
        Place::Scratch
    } else {
        Place::Unknown
    }
}

fn is_sink(path: &str) -> bool {
    matches!(
        path,
        "/dev/null"
            | "/dev/stdout"
            | "/dev/stderr"
            | "/dev/stdin"
            | "/dev/tty"
            | "/dev/zero"
            | "/dev/full"
    ) || path.starts_with("/dev/fd/")
        || path.starts_with("/dev/pts/")
        || path.starts_with("/dev/shm/")
}

fn is_system(path: &str) -> bool {
    #[rustfmt::skip]
    const FOLDERS: &[&str] = &[
        "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/boot", "/sys", "/proc",
        "/dev", "/run", "/var", "/opt", "/srv", "/snap", "/System", "/Library", "/Applications",
        "/private", "/nix", "/efi", "C:", "c:",
    ];
    if ["/var/tmp/", "/usr/local/src/", "/var/www/"]
        .iter()
        .any(|open| path.starts_with(open))
    {
        return false;
    }
    FOLDERS.iter().any(|folder| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\', '*']))
    })
}

/// Files of the home folder that a login, a shell or a tool runs or trusts.
fn steers_login(path: &str) -> bool {
    #[rustfmt::skip]
    const FILES: &[&str] = &[
        ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile",
        ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".kshrc", ".cshrc", ".tcshrc", ".login",
        ".xinitrc", ".xprofile", ".xsession", ".inputrc", ".gitconfig", ".vimrc", ".emacs",
        ".npmrc", ".pypirc", ".forward", ".pam_environment", ".rhosts", ".tmux.conf", ".screenrc",
        ".curlrc", ".wgetrc", ".condarc", ".gemrc",
    ];
    #[rustfmt::skip]
    const FOLDERS: &[&str] = &[
        ".ssh", ".gnupg", ".aws", ".kube", ".docker", ".config/autostart", ".config/systemd",
        ".config/fish", ".config/git", ".local/bin", "bin", ".cargo/bin", ".cargo/config", ".vim",
        ".emacs.d", "Library", ".config/environment.d", ".local/share/applications",
        ".password-store",
    ];
    let Some(below) = path.strip_prefix("~/") else {
        return false;
    };
    FILES.contains(&below)
        || FOLDERS.iter().any(|folder| {
            below
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*', '.']))
        })
}

fn is_hook(path: &str) -> bool {
    let inside_git =
        path.contains(".git/") && (path.contains("/hooks/") || path.ends_with(".git/config"));
    let name = path.rsplit('/').next().unwrap_or(path);
    inside_git
        || path.contains(".husky/")
        || matches!(
            name,
            ".envrc" | ".gitattributes" | ".gitmodules" | "sitecustomize.py" | ".mailcap"
        )
        || path.ends_with(".vscode/tasks.json")
        || path.ends_with(".cargo/config.toml")
}

/// Concrete files against which a pattern such as `/e?c/sh*w` is tried.
#[rustfmt::skip]
const SECRET_EXAMPLES: &[&str] = &[
    "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "~/.ssh/id_rsa", "~/.ssh/id_ed25519",
    "~/.aws/credentials", "~/.netrc", "~/.kube/config", "~/.git-credentials",
    "~/.docker/config.json", "~/.gnupg/secring.gpg", "~/.config/gh/hosts.yml", "~/.pgpass",
    "~/.bash_history", "/proc/self/environ", "/proc/1/environ", ".env", "/run/secrets/token",
    "~/.config/gcloud/credentials.db",
];

/// Does this normalized path, or pattern, name a file that holds credentials?
pub fn is_secret(path: &str) -> bool {
    if path.contains(['*', '?', '[']) {
        return SECRET_EXAMPLES
            .iter()
            .any(|example| glob_matches(path, example))
            || secret_name(path);
    }
    secret_in_system(path)
        || path.strip_prefix("~/").is_some_and(secret_in_home)
        || secret_name(path)
        || climbs_to_secret(path)
}

/// `../../etc/shadow`: how far up it goes is not known here, so every place is thought of.
fn climbs_to_secret(path: &str) -> bool {
    let below = path.trim_start_matches("../");
    below.len() < path.len() && (secret_in_system(&format!("/{below}")) || secret_in_home(below))
}

/// Does a pattern for names (`id_rsa*`) look for secrets in particular?
pub fn looks_for_secret(pattern: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "id_rsa", "id_ed25519", "id_ecdsa", "shadow", "credentials", ".netrc", ".env", ".env.local",
        "server.key", ".pgpass", "wallet.dat", "kubeconfig", ".git-credentials", "keystore.jks",
    ];
    let literals = pattern
        .bytes()
        .filter(|byte| !matches!(byte, b'*' | b'?' | b'[' | b']' | b'.'))
        .count();
    literals >= 3
        && pattern.contains(['*', '?', '['])
        && NAMES
            .iter()
            .any(|name| part_matches(pattern.as_bytes(), name.as_bytes()))
}

/// Is the secret one that lies inside the folder of the task?
pub fn is_inside(path: &str) -> bool {
    !path.starts_with(['/', '~']) && !path.starts_with("..")
}

fn secret_in_system(path: &str) -> bool {
    #[rustfmt::skip]
    const FILES: &[&str] = &[
        "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers",
        "/etc/master.passwd", "/etc/krb5.keytab", "/etc/security/opasswd", "/proc/kcore",
        "/dev/mem", "/dev/kmem", "/dev/port", "/etc/kubernetes/admin.conf",
        "/etc/rancher/k3s/k3s.yaml", "/var/run/docker.sock", "/run/docker.sock", "/etc/spwd.db",
        "/etc/ppp/chap-secrets", "/etc/ppp/pap-secrets",
    ];
    #[rustfmt::skip]
    const FOLDERS: &[&str] = &[
        "/etc/sudoers.d/", "/etc/ssl/private", "/run/secrets", "/var/run/secrets", "/etc/wireguard",
        "/etc/NetworkManager/system-connections", "/var/lib/sss", "/etc/letsencrypt/live",
        "/etc/kubernetes/pki",
    ];
    if let Some(rest) = path.strip_prefix("/proc/") {
        return ["environ", "mem", "auxv", "maps"]
            .iter()
            .any(|name| rest.rsplit('/').next() == Some(name));
    }
    FILES.contains(&path)
        || FOLDERS.iter().any(|folder| path.starts_with(folder))
        || (path.starts_with("/etc/ssh/") && path.ends_with("_key"))
        || path.to_ascii_lowercase().ends_with("\\config\\sam")
}

fn secret_in_home(below: &str) -> bool {
    #[rustfmt::skip]
    const FILES: &[&str] = &[
        ".netrc", "_netrc", ".npmrc", ".pypirc", ".git-credentials", ".pgpass", ".my.cnf",
        ".vault-token", ".boto", ".s3cfg", ".kube/config", ".docker/config.json",
        ".config/gh/hosts.yml", ".config/hub", ".gem/credentials", ".cargo/credentials",
        ".cargo/credentials.toml", ".config/rclone/rclone.conf",
        ".terraform.d/credentials.tfrc.json", ".m2/settings.xml", ".gradle/gradle.properties",
        ".Xauthority", ".config/sops/age/keys.txt", ".wgetrc", ".claude.json",
    ];
    #[rustfmt::skip]
    const FOLDERS: &[&str] = &[
        ".aws/", ".azure/", ".config/gcloud", ".gnupg", ".password-store", ".mozilla/",
        ".config/google-chrome", ".config/chromium", ".config/BraveSoftware",
        ".local/share/keyrings", ".config/op", "Library/Keychains", "Library/Cookies",
        "Library/Application Support/Google/Chrome", ".electrum", ".ethereum/keystore", ".bitcoin",
        ".thunderbird", ".config/doctl", ".oci/", ".config/keybase",
    ];
    if matches!(
        below,
        ".ssh"
            | ".aws"
            | ".azure"
            | ".gnupg"
            | ".password-store"
            | ".mozilla"
            | ".config/gcloud"
            | ".docker"
            | ".kube"
    ) {
        return true;
    }
    if let Some(name) = below.strip_prefix(".ssh/") {
        return !(name.ends_with(".pub") || matches!(name, "known_hosts" | "config" | ""));
    }
    FILES.contains(&below)
        || FOLDERS.iter().any(|folder| below.starts_with(folder))
        || (below.starts_with('.') && below.ends_with("_history"))
}

fn secret_name(path: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials.json", "secrets.yml",
        "secrets.yaml", "secrets.json", "secrets.toml", "secrets.env", "wallet.dat", ".htpasswd",
        ".netrc", ".pgpass", ".env", ".git-credentials", "master.key", ".npmrc", ".pypirc",
        "kubeconfig",
    ];
    #[rustfmt::skip]
    const ENDINGS: &[&str] = &[
        ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".keytab", "_history",
    ];
    const PUBLIC: &[&str] = &[
        ".example",
        ".sample",
        ".template",
        ".dist",
        ".pub",
        ".md",
        ".test",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    if PUBLIC.iter().any(|ending| name.ends_with(ending)) || name.starts_with("pub") {
        return false;
    }
    NAMES.contains(&name)
        || name.starts_with(".env.")
        || ENDINGS.iter().any(|ending| {
            name.len() > ending.len() && name.ends_with(ending) && !name.contains('*')
        })
        || (name.ends_with(".pem") && (name.contains("key") || name.contains("priv")))
}

/// Would reading everything below this normalized path read credentials too?
pub fn holds_secrets_below(path: &str) -> bool {
    matches!(
        path,
        "/" | "~"
            | "/home"
            | "/root"
            | "/etc"
            | "/proc"
            | "/run"
            | "/Users"
            | "~/.config"
            | "/*"
            | "~/.*"
    ) || (path.starts_with("~/.") && path.contains('*'))
}

/// The shell's patterns, for one path: `*` and `?` stop at `/`, and do not match a leading dot.
pub fn glob_matches(pattern: &str, path: &str) -> bool {
    let mut patterns = pattern.split('/');
    let mut parts = path.split('/');
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) => {
                let hidden = part.starts_with('.') && !pattern.starts_with('.');
                if hidden || !part_matches(pattern.as_bytes(), part.as_bytes()) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// One part of a path. Backtracks to the last `*` only, so the work is bounded by the product of
/// both lengths. A set such as `[ab]` is taken to match any character: the stricter reading.
fn part_matches(pattern: &[u8], part: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < part.len() {
        let (fits, width) = one_matches(&pattern[at..], part[seen]);
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, seen));
            at += 1;
        } else if fits {
            at += width;
            seen += 1;
        } else if let Some((star_at, star_seen)) = star {
            at = star_at + 1;
            seen = star_seen + 1;
            star = Some((star_at, seen));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Does the pattern's next element match this byte, and how long is the element?
fn one_matches(pattern: &[u8], byte: u8) -> (bool, usize) {
    match pattern.first() {
        Some(b'?') => (true, 1),
        Some(b'[') => match pattern.iter().skip(2).position(|end| *end == b']') {
            Some(end) => (true, end + 3),
            None => (byte == b'[', 1),
        },
        Some(literal) => (*literal == byte, 1),
        None => (false, 0),
    }
}
