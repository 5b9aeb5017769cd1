//! Programs that fetch packages: local in what they change, and still of no use without a way out.

use super::words::Arg;

/// Programs, and the words that make them fetch something.
#[rustfmt::skip]
const FETCHING: &[(&[&str], &[&str])] = &[
    (&["npm", "pnpm", "yarn", "bun"], &["install", "i", "ci", "add", "update", "upgrade", "up", "dlx", "create", "publish", "view", "info", "outdated", "audit", "search"]),
    (&["pip", "pip3", "pipx", "uv", "poetry", "pdm", "pipenv", "conda", "mamba"], &["install", "download", "add", "sync", "lock", "update", "upgrade", "run", "wheel", "index", "search", "create"]),
    (&["cargo"], &["fetch", "update", "install", "add", "publish", "search", "vendor", "generate-lockfile"]),
    (&["go"], &["get", "install", "mod"]),
    (&["gem", "bundle", "bundler", "composer", "mix", "cabal", "stack", "opam", "luarocks", "cpan", "cpanm"], &["install", "update", "add", "require", "fetch", "deps.get", "get"]),
    (&["apt", "apt-get", "apk", "dnf", "yum", "pacman", "zypper", "brew", "nix", "snap", "flatpak"], &["install", "update", "upgrade", "add", "fetch", "download", "-S", "-Sy", "-Syu", "profile"]),
    (&["mvn", "gradle", "sbt", "dotnet", "nuget"], &["dependency:resolve", "dependency:go-offline", "restore", "install", "add", "deploy"]),
];

/// Programs that fetch what they run.
const FETCH_ALWAYS: &[&str] = &["npx", "bunx", "uvx", "pnpx"];

/// Does it fetch packages, whatever else it does?
pub fn downloads(program: &str, args: &[Arg]) -> bool {
    let program = match (program, args) {
        // `python3 -m pip install …`
        ("python" | "python3", [flag, module, ..]) if flag.text == "-m" => module.text.as_str(),
        _ => program,
    };
    let fetches = |words: &[&str]| args.iter().any(|arg| words.contains(&arg.text.as_str()));
    FETCH_ALWAYS.contains(&program)
        || FETCHING
            .iter()
            .any(|(programs, words)| programs.contains(&program) && fetches(words))
}
