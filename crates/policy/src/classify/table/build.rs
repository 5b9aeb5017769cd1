//! Languages and build tools: they run the code of the folder.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

const CARGO: &[&str] = &["cargo"];

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: CARGO,
        values: &[
            "-p", "--package", "--manifest-path", "--target", "--target-dir", "--features", "-F",
            "-j", "--color", "--config", "-Z", "--bin", "--example", "--test", "--bench",
            "--profile", "-C", "--message-format", "--format-version", "--path", "--registry",
            "--index", "--limit", "-e", "--edges",
        ],
        flags: &["--offline", "--locked", "--frozen"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["make", "gmake", "ninja", "just", "task"],
        values: &[
            "-C", "-f", "-j", "-o", "-W", "-I", "-d", "-t", "--file", "--directory", "--justfile",
        ],
        flags: &["-k", "-s", "-B"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["go", "terraform", "tofu", "java", "javac", "openssl"],
        values: &[],
        flags: &[],
        dash: Dash::Words,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "cargo.read",
        CARGO,
        When::Verb(
            &[
                "metadata", "tree", "search", "info", "pkgid", "locate-project", "verify-project",
                "read-manifest", "version", "help", "report", "audit", "outdated", "deny",
                "license", "bloat", "machete", "udeps", "geiger", "msrv", "semver-checks", "audit",
                "config", "unit-graph", "about",
            ],
        ),
        "only looks at packages",
        &["cargo metadata --no-deps", "cargo tree -d", "cargo search serde"],
        &["cargo build", "cargo --config a.toml tree"],
    ),
    Rule::reads(
        "cargo.look",
        CARGO,
        When::VerbWith(&["install", "fmt", "package", "owner"], &["--list", "--check", "-l"]),
        "only looks at packages or code",
        &["cargo install --list", "cargo fmt --check"],
        &["cargo fmt"],
    ),
    Rule::reads(
        "cargo.list",
        CARGO,
        When::Only(&[""], &["--list", "-V", "--version", "-vV"]),
        "lists the commands of cargo",
        &["cargo --list"],
        &["cargo build"],
    ),
    Rule::changes(
        "cargo.work",
        CARGO,
        When::Verb(
            &[
                "build", "b", "check", "c", "test", "t", "run", "r", "bench", "clippy", "fmt",
                "doc", "d", "rustdoc", "rustc", "new", "init", "add", "update", "generate-lockfile",
                "fetch", "vendor", "fix", "package", "install", "nextest", "watch", "expand",
                "llvm-cov", "tarpaulin", "miri", "insta", "deb", "generate", "make", "xtask",
                "flamegraph", "criterion", "zigbuild", "ndk", "binstall", "dist", "sqlx", "hack",
                "edit", "upgrade", "set-version", "component", "leptos", "tauri", "shuttle",
                "lambda", "fuzz", "mutants", "crev", "asm", "show-asm",
            ],
        ),
        "builds or runs the code of the folder",
        &["cargo build --release", "cargo test", "cargo add serde"],
        &["cargo publish", "cargo clean"],
    ),
    Rule::destroys(
        "cargo.remove",
        CARGO,
        When::Verb(
            &[
                "clean", "rm", "remove", "uninstall", "publish", "yank", "release", "cache",
                "sweep", "prune",
            ],
        ),
        "removes or publishes packages",
        &["cargo clean", "cargo publish", "cargo yank a"],
        &["cargo tree"],
    ),
    Rule::privileged(
        "cargo.rights",
        CARGO,
        When::Verb(&["login", "logout", "owner"]),
        "changes rights at the registry",
        &["cargo login", "cargo owner --add a b"],
        &["cargo search a"],
    ).remote(),
    Rule::destroys(
        "cargo.runs",
        CARGO,
        When::Option(&["--config", "-Z"]),
        "is given settings that can make it run a program",
        &["cargo --config a.toml tree"],
        &["cargo tree"],
    ),
    Rule::reads(
        "rust.read",
        &[
            "rustup", "rustc", "rust-analyzer", "rustfmt", "nvm", "fnm", "volta", "rbenv", "pyenv",
            "goenv", "jenv", "sdkmanager", "n", "rvm", "ghcup", "elan", "juliaup", "kerl", "phpenv",
            "tfenv", "gvm", "xcode-select", "xcrun", "swiftly", "jbang",
        ],
        When::Verb(
            &[
                "show", "toolchain list", "target list", "component list", "override list", "which",
                "check", "help", "ls", "list", "versions", "version", "current", "ls-remote",
                "whence", "prefix", "root", "alias list", "info", "--list", "symbols", "search",
                "install --list", "jdk list", "status",
            ],
        ),
        "only looks at toolchains",
        &["rustup show", "nvm ls", "pyenv versions"],
        &["rustup update", "pyenv install 3"],
    ),
    Rule::reads(
        "rust.bare",
        &["rustc"],
        When::Only(&[""], &["-vV", "--print", "--explain", "-C"]),
        "tells about the compiler",
        &["rustc -vV", "rustc --print=cfg"],
        &["rustc a.rs"],
    ),
    Rule::changes(
        "rust.work",
        &["rustup", "nvm", "fnm", "volta", "rbenv", "pyenv", "n", "rvm", "ghcup", "tfenv"],
        When::Verb(
            &[
                "update", "install", "default", "toolchain install", "target add", "component add",
                "override set", "use", "alias", "global", "local", "pin", "set", "rehash", "fetch",
                "run", "exec", "shell", "doc",
            ],
        ),
        "installs or chooses a toolchain",
        &["rustup update", "nvm use 20"],
        &["rustup self uninstall"],
    ),
    Rule::changes(
        "build.compile",
        &[
            "rustc", "gcc", "g++", "cc", "c++", "clang", "clang++", "c99", "tcc", "javac",
            "kotlinc", "scalac", "ghc", "ocamlc", "ocamlopt", "fpc", "gfortran", "nasm", "as", "ld",
            "strip", "objcopy", "ranlib", "tsc", "swiftc", "zig", "nim", "crystal", "dmd", "ldc2",
            "valac", "mcs", "csc", "protoc", "flex", "bison", "yacc", "lex", "m4", "swig", "emcc",
            "nvcc", "wat2wasm", "wasm-opt", "wasm-pack", "cython", "rustfmt", "gofmt", "goimports",
            "clang-format", "clang-tidy", "black", "isort", "ruff", "autopep8", "yapf", "prettier",
            "eslint", "standard", "biome", "stylua", "shfmt", "rubocop", "php-cs-fixer", "ktlint",
            "scalafmt", "ormolu", "dprint", "djlint", "taplo", "typos", "stylelint", "xo", "tslint",
            "phpcbf", "phpstan", "phpcs", "psalm", "pint", "pyupgrade", "pre-commit", "doxygen",
            "sphinx-build", "mkdocs", "jekyll", "hugo", "pandoc", "latexmk", "pdflatex", "xelatex",
            "lualatex", "latex", "bibtex", "typst", "asciidoctor", "webpack", "vite", "rollup",
            "esbuild", "parcel", "swc", "babel", "sass", "lessc", "postcss", "turbo", "nx", "lerna",
            "ng", "gulp", "grunt", "storybook", "expo", "react-native", "ionic", "cordova",
            "flutter", "dart", "elm", "purs", "spago", "dune", "cmake", "ctest", "cpack", "ccmake",
            "meson", "ninja", "autoconf", "automake", "autoreconf", "libtool", "configure", "qmake",
            "scons", "waf", "xmake", "bazel", "bazelisk", "buck", "buck2", "pants", "gradle",
            "gradlew", "mvn", "mvnw", "ant", "sbt", "lein", "mill", "pytest", "tox", "nox",
            "unittest", "coverage", "jest", "vitest", "mocha", "ava", "cypress", "playwright",
            "rspec", "phpunit", "behave", "robot", "go", "dotnet", "rails", "rake", "thor",
            "django-admin", "flask", "uvicorn", "gunicorn", "hypercorn", "waitress-serve",
            "streamlit", "jupyter", "nbconvert", "papermill", "dvc", "make", "gmake", "just",
            "task", "mage", "earthly", "act", "tup", "redo", "ant", "xcodebuild", "pod", "carthage",
            "fastlane", "cookiecutter", "copier", "yo", "plop", "ionic", "alembic", "npx", "bunx",
            "pnpx", "uvx", "cargo-nextest", "trunk", "mdbook", "zola", "eleventy", "gatsby", "next",
            "nuxt", "astro", "svelte-kit", "wrangler-dev", "asciidoc", "a2x", "xsltproc", "dot",
            "neato", "gnuplot", "plantuml", "mmdc", "d2", "ditaa", "cs", "scala-cli", "amm",
            "nodemon", "ts-node-dev", "air", "watchexec", "entr", "reflex", "foreman", "honcho",
            "overmind", "pm2-dev", "supervisor", "php-cs", "artisan", "sail", "symfony", "drush",
            "wp", "v", "odin", "gleam", "zls", "msbuild", "dpkg-buildpackage", "debuild",
            "rpmbuild", "makepkg", "mkpkg", "quilt", "gradle-profiler",
        ],
        When::Always,
        "builds, formats or runs code, and may write to the folder",
        &["gcc a.c -o a", "make test", "pytest -q", "go build ./...", "black src"],
        &["make clean", "go version", "black --check src"],
    ),
    Rule::destroys(
        "build.clean",
        &[
            "make", "gmake", "ninja", "just", "go", "dotnet", "gradle", "mvn", "bazel", "flutter",
            "sbt", "lein", "xmake", "ant", "rake", "meson", "trunk", "latexmk", "hugo", "jekyll",
            "nx", "turbo", "mill", "dune", "lake", "xcodebuild", "pre-commit", "mdbook", "cs",
        ],
        When::Verb(
            &[
                "clean", "distclean", "mrproper", "clobber", "clean-all", "uninstall", "install",
                "deploy", "release", "publish", "push", "destroy", "purge", "prune", "expunge",
                "shutdown", "dist", "reset", "nuget push", "nuget delete", "tool uninstall",
                "remove", "db:drop", "db:reset", "gc", "build clean", "realclean",
            ],
        ),
        "removes build results, or installs or publishes them",
        &["make clean", "make install", "dotnet clean", "gradle publish"],
        &["make test"],
    ),
    Rule::destroys(
        "build.database",
        &[
            "rails", "rake", "alembic", "sequelize", "django-admin", "artisan", "flyway",
            "liquibase", "dbmate", "goose", "diesel", "prisma", "knex", "typeorm", "migrate",
        ],
        When::Verb(
            &[
                "db:drop", "db:reset", "db:migrate", "db:rollback", "db:schema:load", "db:seed",
                "db:purge", "downgrade", "upgrade", "migrate", "destroy", "flush", "down", "up",
                "db push", "migrate reset", "migrate deploy", "clean", "rollback", "drop",
                "db:migrate:undo", "dropAll", "console", "dbconsole", "runner", "c",
                "credentials:edit", "db",
            ],
        ),
        "changes a database",
        &["rails db:drop", "alembic downgrade base", "prisma migrate reset"],
        &["rails routes"],
    ),
    Rule::reads(
        "build.look",
        &[
            "go", "dotnet", "ninja", "cmake", "meson", "flutter", "dart", "dvc", "jupyter", "task",
            "terraform-docs", "ctest", "xcodebuild", "hugo", "zig", "php-cs-fixer", "protoc",
            "java", "kotlin", "typst", "swift", "dpkg-architecture", "pre-commit", "xmake",
            "symfony",
        ],
        When::Verb(
            &[
                "version", "env", "list", "doc", "help", "vet", "tasks", "projects", "dependencies",
                "properties", "query", "cquery", "aquery", "info", "routes", "stats", "about",
                "notes", "doctor", "devices", "graph", "status", "dag", "--list", "introspect",
                "dependency:tree", "dependency:list", "help:effective-pom", "help:describe",
                "validate", "--info", "list package", "sln list", "nuget list", "workload list",
                "tool list", "emulators", "analyze", "current", "history", "heads", "show",
                "mod graph", "mod why", "mod verify", "pipeline show", "metrics show",
                "params diff", "diff", "remote list", "kernelspec list", "--summary", "fonts",
                "targets", "zen", "buildEnvironment", "outgoingVariants", "about:versions",
                "dependencyInsight", "path", "list-tests", "server list", "config list",
            ],
        ),
        "only looks at the project",
        &["go version", "go list ./...", "go vet ./..."],
        &["go build", "go env -w A=b"],
    ),
    Rule::changes(
        "build.go-env",
        &["go"],
        When::VerbWith(&["env"], &["-w", "-u"]),
        "changes settings of the toolchain",
        &["go env -w A=b"],
        &["go env"],
    ),
    Rule::destroys(
        "build.runs",
        &["go", "bazel", "ctest", "gcc", "g++", "cc", "clang", "clang++"],
        When::Option(
            &[
                "-toolexec", "-exec", "--run_under", "-fplugin", "-wrapper", "-vettool", "-B",
                "-specs", "--override_repository", "-fpass-plugin", "-S-x",
            ],
        ),
        "is told to run a program of choice",
        &["go vet -vettool=./x", "gcc -wrapper ./x a.c"],
        &["go vet"],
    ),
    Rule::reads(
        "build.look-option",
        &[
            "ninja", "black", "isort", "ruff", "gofmt", "rustfmt", "clang-format", "shfmt",
            "stylua", "task", "cmake", "ctest", "gcc", "g++", "clang", "java", "javac", "go",
            "php-cs-fixer", "yapf", "autopep8", "dprint", "taplo", "nim", "ghc", "ktlint", "dotnet",
            "flutter", "mvn", "dvc",
        ],
        When::VerbWith(
            &[""],
            &[
                "--check", "--diff", "--dry-run", "--just-print", "--recon", "--collect-only",
                "--list", "--list-tests", "--listTests", "--summary", "--show-only", "-dumpversion",
                "-dumpmachine", "-print-search-dirs", "-version", "--list-sessions", "--list-sdks",
                "--list-runtimes", "--info", "--list-different", "--show-files", "--show-settings",
            ],
        ),
        "only tells what it would do or found",
        &["black --check src", "gcc -dumpversion"],
        &["make test", "black src"],
    ),
    Rule::reads(
        "build.check-format",
        &["gofmt", "shfmt", "clang-format"],
        When::Only(&["*", "* *"], &["-l", "-d", "--color"]),
        "prints formatted code",
        &["gofmt -l src"],
        &["gofmt -w src"],
    ),
    Rule::reads(
        "build.ruff",
        &["ruff"],
        When::Only(
            &["check", "check *", "check * *", "rule *", "config", "linter"],
            &[
                "--quiet", "--select", "--ignore", "--output-format", "--statistics", "--no-fix",
                "--no-cache",
            ],
        ),
        "checks code and reports",
        &["ruff check src"],
        &["ruff check --fix src", "ruff format src"],
    ),
    Rule::reads(
        "build.tsc",
        &["tsc"],
        When::VerbWith(&[""], &["--noEmit", "--showConfig", "--listFilesOnly"]),
        "checks types and reports",
        &["tsc --noEmit"],
        &["tsc src/a.ts"],
    ),
    Rule::destroys(
        "language.java",
        &[
            "java", "dotnet-script", "jbang", "kotlin", "scala", "mono", "wine", "wasmtime",
            "wasmer", "node-gyp", "qemu-system-x86_64",
        ],
        When::Always,
        "runs a program whose effects are not known",
        &["java -jar a.jar", "wine a.exe"],
        &["java -version"],
    ),
    Rule::destroys(
        "build.editor",
        &[
            "vi", "vim", "nvim", "emacs", "nano", "ed", "ex", "pico", "micro", "helix", "hx", "kak",
            "joe", "jed", "mcedit", "code", "subl", "gedit", "kate", "idea", "view", "rvim", "gvim",
            "ne", "sensible-editor", "editor", "xed", "mousepad", "webstorm", "pycharm", "zed",
            "cursor", "atom", "notepad++",
        ],
        When::Always,
        "opens an editor, in which anything can be changed or run",
        &["vim a.txt", "vim -c ':!id'", "nano a"],
        &["less a.txt"],
    ),
];
