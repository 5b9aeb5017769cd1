//! Package managers of systems and languages.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

const NODE: &[&str] = &["npm", "pnpm", "yarn", "bun", "cnpm"];
#[rustfmt::skip]
const PYTHON: &[&str] = &[
    "pip", "pipx", "uv", "poetry", "pdm", "hatch", "pipenv", "conda", "mamba", "micromamba", "rye",
    "pixi",
];
#[rustfmt::skip]
const DEBIAN: &[&str] = &[
    "apt", "apt-get", "apt-cache", "aptitude", "nala", "apt-file", "apt-mark", "apt-key",
    "apt-config", "apt-rdepends", "add-apt-repository",
];
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    "dnf", "yum", "zypper", "microdnf", "dnf4", "dnf5", "tdnf", "apk", "snap", "flatpak", "brew",
    "port", "choco", "scoop", "winget", "nix", "nix-env", "guix", "xbps-install", "eopkg", "pkg",
    "pkg_add", "opkg", "slackpkg", "swupd", "urpmi", "rpm-ostree", "mas", "fwupdmgr", "nix-store",
    "nix-channel", "conan", "vcpkg", "spack", "asdf", "mise", "sdk", "pacstall", "paru", "yay",
    "pamac", "trizen", "pikaur",
];

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: NODE,
        values: &[
            "--prefix", "-C", "--cwd", "-w", "--workspace", "--registry", "--filter", "--dir",
        ],
        flags: &["-g", "--global", "-s", "-r", "--recursive"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: PYTHON,
        values: &[
            "-r", "--requirement", "-n", "--name", "-p", "--prefix", "--directory", "--project",
            "-c", "--python", "-i", "--index-url", "-t", "--target", "--format",
        ],
        flags: &["-v"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: DEBIAN,
        values: &["-o", "-t", "-c"],
        flags: &["-y", "-q", "-qq"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["dpkg", "rpm", "pacman"],
        values: &["--root", "--dbpath", "-r", "-b"],
        flags: &[],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "package.read",
        DEBIAN,
        When::Verb(
            &[
                "list", "search", "show", "policy", "depends", "rdepends", "changelog", "showpkg",
                "madison", "stats", "showsrc", "pkgnames", "dumpavail", "unmet", "dump", "why",
                "why-not", "showhold", "showauto", "showmanual", "find", "help", "moo", "versions",
                "history",
            ],
        ),
        "only looks at packages",
        &["apt list --installed", "apt-cache search a", "apt show vim"],
        &["apt install a", "apt-get update"],
    ),
    Rule::privileged(
        "package.system",
        DEBIAN,
        When::Verb(
            &[
                "install", "remove", "purge", "autoremove", "upgrade", "full-upgrade",
                "dist-upgrade", "update", "clean", "autoclean", "edit-sources", "reinstall",
                "build-dep", "download", "source", "satisfy", "hold", "unhold", "auto", "manual",
                "minimize-manual", "add", "del", "adv", "fetch", "safe-upgrade", "forget-new",
                "markauto", "unmarkauto", "keep", "ppa:*", "deb", "http*", "universe", "/*", "./*",
                "modernize-sources", "dselect-upgrade", "check", "indextargets", "history undo",
                "history redo", "history rollback", "history clear",
            ],
        ),
        "changes the packages of the system",
        &["apt install a", "apt-get update", "apt purge a"],
        &["apt list"],
    ),
    Rule::destroys(
        "package.apt-option",
        DEBIAN,
        When::Option(&["-o", "--option", "-c", "--config-file"]),
        "is given settings that can make it run a program",
        &["apt list -o APT::Update::Pre-Invoke::=x"],
        &["apt list"],
    ),
    Rule::reads(
        "package.dpkg",
        &["dpkg", "dpkg-query", "dpkg-deb"],
        When::VerbWith(
            &[""],
            &[
                "-l", "-L", "-s", "-S", "-c", "-I", "-W", "-p", "-C", "-V", "--list", "--listfiles",
                "--status", "--search", "--print-architecture", "--get-selections", "--info",
                "--contents", "--audit", "--verify", "--show", "--field",
            ],
        ),
        "only looks at packages",
        &["dpkg -l", "dpkg -S /bin/ls"],
        &["dpkg -i a.deb"],
    ),
    Rule::privileged(
        "package.dpkg-change",
        &["dpkg", "dpkg-deb", "dpkg-reconfigure", "rpm", "pacman", "pacman-key"],
        When::Always,
        "changes the packages of the system",
        &["pacman -S a", "rpm --initdb"],
        &["dpkg -l"],
    ),
    Rule::privileged(
        "package.dpkg-strict",
        &["dpkg"],
        When::Option(
            &[
                "-i", "-r", "-P", "--install", "--remove", "--purge", "--configure", "--unpack",
                "--set-selections", "--pre-invoke", "--post-invoke", "-D",
            ],
        ),
        "changes the packages of the system",
        &["dpkg -Pl a"],
        &["dpkg -L a"],
    ),
    Rule::reads(
        "package.rpm",
        &["rpm"],
        When::VerbWith(
            &[""],
            &["-q", "-V", "-K", "--query", "--verify", "--checksig", "--querytags", "--showrc"],
        ),
        "only looks at packages",
        &["rpm -qa", "rpm -qi a"],
        &["rpm -e a", "rpm -i a.rpm"],
    ),
    Rule::privileged(
        "package.rpm-strict",
        &["rpm"],
        When::Option(
            &[
                "--eval", "-E", "--define", "--pipe", "-e", "--erase", "-U", "--upgrade", "-F",
                "--freshen", "--import", "--rebuilddb", "--setperms", "--load",
            ],
        ),
        "changes packages, or runs macros",
        &["rpm -q --pipe sh a"],
        &["rpm -qa"],
    ),
    Rule::reads(
        "package.pacman",
        &["pacman", "yay", "paru", "pamac", "trizen", "pikaur"],
        When::VerbWith(&[""], &["-Q", "-F", "-Ss", "-Si", "-Sl", "-Sg", "-T"]),
        "only looks at packages",
        &["pacman -Qi vim", "yay -Ss vim", "pacman -Ss a"],
        &["pacman -Syu", "yay -R a"],
    ),
    Rule::privileged(
        "package.pacman-refresh",
        &["pacman"],
        When::Option(&["-y", "--refresh", "--config", "--hookdir", "--root"]),
        "changes what the system knows of packages",
        &["pacman -Fy"],
        &["pacman -Q"],
    ),
    Rule::reads(
        "package.others-read",
        OTHERS,
        When::Verb(
            &[
                "list", "ls", "search", "se", "info", "show", "repolist", "provides",
                "whatprovides", "history", "check-update", "list-updates", "lu", "deps", "leaves",
                "uses", "outdated", "status", "version", "--version", "help", "repoquery",
                "changelog", "changes", "find", "policy", "stats", "audit", "config list",
                "connections", "interfaces", "remotes", "remote-info", "remote-ls", "options",
                "doctor", "desc", "cat", "log", "flake show", "flake metadata", "flake info",
                "derivation show", "path-info", "current", "where", "which", "plugin list",
                "plugin-list", "latest", "list-all", "package", "patches", "products", "repos",
                "lr", "locks", "ll", "what-provides", "wp", "get-devices", "get-updates",
                "get-history", "dependents", "contents", "variants", "installed", "advisory list",
                "advisory info", "group list", "group info", "module list", "repo list", "formulae",
                "casks", "tap-info", "missing", "analytics state", "known", "why", "updateinfo",
                "updateinfo list", "repolist all", "graph info", "profile list", "profile show",
                "remote list", "completion", "locate", "size", "profile history", "store ping",
            ],
        ),
        "only looks at packages",
        &["brew list", "dnf search vim", "snap list", "flatpak search a"],
        &["brew install a", "dnf remove a"],
    ),
    Rule::changes(
        "package.brew",
        &[
            "brew", "asdf", "mise", "sdk", "scoop", "nix-env", "nix", "guix", "spack", "conan",
            "vcpkg", "paru", "yay", "trizen", "pikaur",
        ],
        When::Verb(
            &[
                "install", "upgrade", "update", "tap", "link", "fetch", "pin", "unpin", "reinstall",
                "build", "develop", "plugin add", "plugin-add", "global", "local", "use", "default",
                "reshim", "develop", "create", "bundle", "set", "pull", "flake update",
                "flake init", "flake lock", "add",
            ],
        ),
        "installs packages for the user",
        &["brew install a"],
        &["brew uninstall a"],
    ),
    Rule::privileged(
        "package.others-change",
        &[
            "dnf", "yum", "zypper", "microdnf", "dnf4", "dnf5", "tdnf", "apk", "snap", "flatpak",
            "port", "choco", "winget", "xbps-install", "eopkg", "pkg", "pkg_add", "opkg",
            "slackpkg", "swupd", "urpmi", "rpm-ostree", "fwupdmgr", "emerge", "layman",
            "installpkg", "removepkg", "softwareupdate", "pkcon", "kiwi-ng", "pacstrap",
            "debootstrap",
        ],
        When::Verb(
            &[
                "install", "in", "remove", "rm", "erase", "autoremove", "update", "up", "upgrade",
                "dist-upgrade", "dup", "downgrade", "reinstall", "clean", "makecache", "refresh",
                "ref", "ar", "rr", "mr", "add", "del", "fix", "set", "unset", "enable", "disable",
                "start", "stop", "restart", "revert", "uninstall", "repair", "override", "connect",
                "disconnect", "alias", "mark", "swap", "distro-sync", "groupinstall", "groupremove",
                "localinstall", "config-manager", "copr", "module", "rebase", "rollback", "deploy",
                "sync", "self-upgrade", "lock", "delete", "autoclean", "download", "run",
                "remote-add", "remote-delete", "mask", "unmask", "kill", "activate", "selfupdate",
            ],
        ),
        "changes the packages of the system",
        &["dnf remove a", "snap install a", "apk add a"],
        &["dnf search a"],
    ),
    Rule::destroys(
        "package.remove",
        &["brew", "asdf", "mise", "sdk", "scoop", "nix-env", "nix", "guix", "spack"],
        When::Verb(
            &[
                "uninstall", "remove", "rm", "cleanup", "autoremove", "untap", "unlink", "zap",
                "prune", "services *", "plugin remove", "collect-garbage", "gc", "shell", "run",
                "exec", "x", "edit", "deinstall", "delete", "services", "upgrade --all",
            ],
        ),
        "removes packages, or runs them",
        &["brew uninstall a", "nix run a"],
        &["brew list"],
    ),
    Rule::reads(
        "node.read",
        NODE,
        When::Verb(
            &[
                "ls", "list", "ll", "la", "view", "info", "show", "v", "outdated", "search", "s",
                "find", "why", "explain", "root", "bin", "prefix", "ping", "doctor", "fund", "help",
                "help-search", "config get", "config list", "config ls", "get", "licenses list",
                "audit", "query", "diff", "whoami", "dist-tag ls", "team ls", "owner ls",
                "access list", "org ls", "store path", "store status", "pm ls", "pm bin",
                "pm cache", "pm hash", "pm whoami", "completion", "cache ls", "cache list",
                "cache dir", "workspaces list", "versions", "sbom", "stars", "pm view", "licenses",
                "config current",
            ],
        ),
        "only looks at packages",
        &["npm ls --depth=0", "npm view react versions", "yarn why a"],
        &["npm install", "npm audit fix", "npm config set a b"],
    ).remote(),
    Rule::privileged(
        "node.show-token",
        NODE,
        When::Verb(
            &["config get *_auth*", "config get *_password*", "get *_auth*", "get *_password*"],
        ),
        "shows a stored password",
        &["npm config get //registry.example/:_authToken", "npm get _auth"],
        &["npm config get prefix"],
    ).secret(),
    Rule::changes(
        "node.work",
        NODE,
        When::Verb(
            &[
                "install", "i", "add", "ci", "it", "init", "create", "run", "run-script", "test",
                "t", "start", "build", "update", "up", "upgrade", "dedupe", "link", "ln", "rebuild",
                "config set", "set", "version", "pack", "audit fix", "import", "patch",
                "patch-commit", "set-script", "pkg set", "pkg get", "pkg", "pm pkg", "install-test",
                "bundle", "dev", "lint", "format", "shrinkwrap", "env", "fetch", "approve-builds",
                "pm trust", "global add", "workspace *", "workspaces foreach", "plugin import",
                "cache add", "cache verify", "node", "stage", "explore", "outdated --fix",
            ],
        ),
        "installs packages or runs the scripts of the folder",
        &["npm install", "npm test", "yarn add a", "pnpm run build"],
        &["npm publish", "npm uninstall a"],
    ),
    Rule::changes(
        "node.bare",
        NODE,
        When::Only(&[""], &["--frozen-lockfile", "--immutable", "--production"]),
        "installs packages",
        &["yarn"],
        &["yarn ls"],
    ),
    Rule::destroys(
        "node.remove",
        NODE,
        When::Verb(
            &[
                "exec", "x", "dlx", "uninstall", "un", "remove", "rm", "r", "unlink", "prune",
                "publish", "unpublish", "deprecate", "cache clean", "cache clear", "store prune",
                "dist-tag add", "dist-tag rm", "stop", "restart", "pm pkg delete", "pkg delete",
                "pm cache rm", "global remove", "autoclean", "edit", "config edit", "config delete",
                "cache rm", "star", "unstar",
            ],
        ),
        "removes or publishes packages",
        &["npm publish", "npm uninstall a", "npm unpublish a"],
        &["npm ls"],
    ),
    Rule::privileged(
        "node.rights",
        NODE,
        When::Verb(
            &[
                "login", "logout", "adduser", "token", "owner add", "owner rm", "access set",
                "access grant", "access revoke", "team *", "org *", "profile set", "hook *",
                "npm login", "profile enable-2fa", "trust *",
            ],
        ),
        "changes rights or secrets at the registry",
        &["npm login", "npm owner add a b"],
        &["npm ls"],
    ).remote(),
    Rule::reads(
        "python.read",
        PYTHON,
        When::Verb(
            &[
                "list", "show", "search", "freeze", "check", "index versions", "inspect", "debug",
                "help", "config list", "config get", "config debug", "cache dir", "cache info",
                "cache list", "env list", "info", "env info", "tree", "pip list", "pip show",
                "pip tree", "pip freeze", "pip check", "python list", "python find", "python dir",
                "tool list", "tool dir", "graph", "version", "env show", "config --show", "compare",
                "source list", "about", "lock --check", "self show", "outdated", "export",
                "package list", "hash", "completions", "completion", "cache size",
                "list --revisions", "config-show", "scripts", "project list", "config --get",
            ],
        ),
        "only looks at packages",
        &["pip list", "pip show a", "poetry show", "conda env list", "uv tree"],
        &["pip install a", "conda config --set a b", "pip freeze --x > r.txt"],
    ),
    Rule::reads(
        "python.config-look",
        &["conda", "mamba"],
        When::VerbWith(
            &["config"],
            &["--show", "--show-sources", "--get", "--describe", "--validate"],
        ),
        "only looks at settings",
        &["conda config --show"],
        &["conda config --set a b"],
    ),
    Rule::changes(
        "python.work",
        PYTHON,
        When::Verb(
            &[
                "install", "add", "sync", "lock", "update", "upgrade", "create", "init", "new",
                "build", "download", "wheel", "config", "pip install", "pip sync", "pip compile",
                "venv", "env create", "env use", "run", "shell", "tool install", "tool run",
                "tool upgrade", "inject", "ensurepath", "activate", "deactivate", "python install",
                "python pin", "self update", "compile", "test", "fmt", "upgrade-all", "reinstall",
                "reinstall-all", "notices", "repoquery", "rename", "package", "use", "project *",
                "task run", "exec", "version *", "global install", "fix", "format",
            ],
        ),
        "installs packages or runs code of the folder",
        &["pip install -r requirements.txt", "uv sync", "poetry add a"],
        &["pip uninstall a", "uv publish"],
    ),
    Rule::destroys(
        "python.remove",
        PYTHON,
        When::Verb(
            &[
                "uninstall", "remove", "publish", "cache purge", "cache remove", "cache clear",
                "cache clean", "cache prune", "clean", "env remove", "env delete", "pip uninstall",
                "tool uninstall", "uninject", "uninstall-all", "python uninstall", "self uninstall",
                "env prune", "search-remove", "prune", "config unset",
            ],
        ),
        "removes or publishes packages",
        &["pip uninstall a", "uv publish", "conda remove a", "conda clean -a"],
        &["pip list"],
    ),
    Rule::destroys(
        "package.from-address",
        &["pip", "pipx", "uv", "npm", "pnpm", "yarn", "bun", "gem", "cargo", "conda", "go"],
        When::Verb(
            &["install *://*", "add *://*", "pip install *://*", "i *://*", "tool install *://*"],
        ),
        "installs a package from an address of choice",
        &["pip install http://example.org/a.tgz", "npm install https://example.org/a.tgz"],
        &["pip install a"],
    ),
    Rule::destroys(
        "python.index",
        &["pip", "uv"],
        When::Option(
            &[
                "--index-url", "-i", "--extra-index-url", "--trusted-host", "--find-links",
                "--break-system-packages", "--default-index", "--index",
            ],
        ),
        "takes packages from another place than usual",
        &["pip install -i http://example.org a"],
        &["pip install a"],
    ),
    Rule::reads(
        "ruby.read",
        &[
            "gem", "composer", "nuget", "luarocks", "opam", "cabal", "cpan", "cpanm", "pear",
            "pecl", "rebar3", "pub", "cs", "sbt", "raco", "nimble", "shards", "dub",
        ],
        When::Verb(
            &[
                "list", "search", "info", "show", "outdated", "environment", "contents",
                "dependency", "which", "specification", "env", "help", "licenses", "depends", "why",
                "prohibits", "validate", "diagnose", "status", "check", "platform", "query",
                "stale", "hex.info", "hex.search", "hex.outdated", "deps.tree", "app.tree",
                "locals", "var", "config list", "switch list", "fund", "suggests", "licences",
                "deps", "path", "locals list",
            ],
        ),
        "only looks at packages",
        &["gem list", "composer show"],
        &["gem install a"],
    ),
    Rule::changes(
        "ruby.work",
        &[
            "gem", "bundle", "bundler", "composer", "mix", "nuget", "luarocks", "opam", "cabal",
            "cpan", "cpanm", "pear", "nimble", "shards", "dub", "rebar3",
        ],
        When::Verb(
            &[
                "install", "update", "add", "require", "upgrade", "init", "build", "exec", "config",
                "lock", "create-project", "dump-autoload", "deps.get", "compile", "test", "new",
                "format", "outdated --fix", "run", "restore", "switch", "make", "pristine",
            ],
        ),
        "installs packages or runs code of the folder",
        &["gem install a", "bundle install", "composer require a"],
        &["gem uninstall a"],
    ),
];
