//! Programs that a table cannot describe: they run other programs, or their effect lies in a
//! path, a script or an address among their arguments.

mod builtins;
mod wrappers;
mod interpreters;
mod files;
mod lookers;
mod find;
pub mod http;
mod scripts;
mod sed;
mod awk;
mod remote;
mod databases;
mod git;
mod resolve;
mod runners;

use super::rule::Rule;
use super::shell::{Feed, Walker};
use super::table;
use super::words::Arg;

/// The rules with which this code answers.
pub static RULES: &[&[&Rule]] = &[
    builtins::RULES,
    wrappers::RULES,
    interpreters::RULES,
    files::RULES,
    lookers::RULES,
    find::RULES,
    http::RULES,
    scripts::RULES,
    remote::RULES,
    git::RULES,
    resolve::RULES,
    runners::RULES,
];

impl Walker<'_> {
    /// Judges a program by code; `None` leaves it to the table.
    pub fn by_code(&mut self, program: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        let name = table::canonical(program);
        if let Some(wrapper) = wrappers::find(name) {
            return self.wrapped(wrapper, args, input);
        }
        if let Some(output) = self.builtin(name, args, input) {
            return Some(output);
        }
        match name {
            "find" => self.find(args),
            "fd" | "fdfind" => self.fd(args),
            "xargs" => self.xargs(args, input),
            "sh" | "bash" | "dash" | "zsh" | "ksh" | "mksh" | "ash" | "fish" | "rbash" | "yash" => {
                self.shell_program(name, args, input)
            }
            "python" | "pypy" | "node" | "perl" | "ruby" | "php" | "lua" | "luajit" | "deno"
            | "bun" | "tclsh" | "Rscript" | "julia" | "groovy" | "scala" | "osascript" | "pwsh"
            | "powershell" | "guile" | "ipython" | "irb" | "expect" | "ts-node" | "tsx"
            | "elixir" | "erl" | "swift" | "sbcl" | "racket" | "octave" | "gdb" | "emacs"
            | "ghci" | "stack" | "jshell" | "wish" | "raku" | "R" | "bb" | "clojure" | "clj"
            | "matlab" | "maxima" | "gp" | "sage" | "scilab" | "runhaskell" | "runghc"
            | "ocaml" | "iex" | "emacsclient" | "csh" | "tcsh" | "nu" | "xonsh" | "elvish"
            | "hy" | "gnuplot" => self.interpreter(name, args, input),
            "git" => self.git(args),
            "sed" | "gsed" => self.sed(args),
            "awk" | "gawk" | "mawk" | "nawk" | "frawk" | "goawk" => self.awk(args),
            "jq" | "gojq" | "jaq" | "yq" => self.jq(args),
            "mlr" => self.miller(args),
            "sort" | "uniq" => self.filter_output(name, args),
            "tar" | "bsdtar" | "gtar" => self.tar(args),
            "ssh" | "dropbear" | "autossh" => self.ssh(args, input),
            "scp" | "sftp" | "ftp" | "lftp" | "rcp" => self.far_copy(name, args),
            "telnet" | "mosh" | "rsh" | "rlogin" | "sshfs" | "sshuttle" | "tmate" => {
                self.far_session(name)
            }
            "rsync" => self.rsync(args),
            "docker" | "podman" | "nerdctl" | "kubectl" | "oc" | "k" | "docker-compose" | "lxc"
            | "incus" | "ddev" => self.container(name, args, input),
            "psql" | "mysql" | "mariadb" | "sqlite3" | "sqlite" | "duckdb"
            | "clickhouse-client" | "sqlcmd" | "pgcli" | "mycli" | "usql" | "mssql-cli" => {
                self.database(name, args, input)
            }
            "ping" | "ping6" | "traceroute" | "traceroute6" | "tracepath" | "mtr" | "dig"
            | "nslookup" | "host" | "drill" | "whois" => self.resolves(name, args),
            "watch" | "viddy" | "entr" | "watchexec" | "hyperfine" | "parallel" | "rush"
            | "reflex" | "nodemon" => self.repeater(name, args, input),
            "uv" | "poetry" | "pdm" | "pipenv" | "hatch" | "rye" | "pixi" | "conda" | "mamba"
            | "micromamba" | "bundle" | "bundler" | "npm" | "pnpm" | "yarn" | "mise" | "asdf"
            | "rbenv" | "pyenv" | "opam" | "nvm" | "fnm" | "composer" | "doppler" | "op"
            | "infisical" | "chamber" | "teller" | "aws-vault" | "direnv" => {
                self.runner(name, args)
            }
            "npx" | "bunx" | "pnpx" | "uvx" | "xvfb-run" | "flock" | "dbus-run-session"
            | "run-parts" => {
                self.add(&super::general::RUNS_UNKNOWN, name);
                self.mention_all(args);
                Some(Feed::Computed)
            }
            "bq" => self.query_verb(name, args),
            "less" | "more" | "most" | "zless" | "zmore" => {
                self.pager(name, args);
                self.file_program(name, args, input)
            }
            "identify" | "convert" | "magick" | "mogrify" | "montage" | "composite" | "compare"
            | "ffprobe" | "ffmpeg" | "ffplay" | "mpv" | "vlc" | "mediainfo" => {
                self.media(name, args);
                None
            }
            "unzip" | "7z" | "7za" | "7zr" | "7zz" | "cpio" | "unar" => {
                self.unpacks(name, args);
                None
            }
            "cmake" if args.first().is_some_and(|first| first.text == "-E") => {
                Some(self.judge(&args[1..], input))
            }
            "curl" => self.curl(args),
            "wget" => self.wget(args),
            "http" | "https" | "xh" | "xhs" => self.httpie(args),
            _ => self.file_program(name, args, input),
        }
    }
}
