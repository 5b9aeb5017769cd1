//! Services, logs, timers, sessions.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: &["systemctl", "journalctl"],
        values: &[
            "-H", "-M", "-t", "-p", "-n", "-u", "-o", "--type", "--state", "--property", "--unit",
            "--since", "--until", "--lines", "--output", "--host", "--machine", "--root", "-S",
            "-U", "-b", "-k", "-g",
        ],
        flags: &[
            "--user", "--system", "--no-pager", "-a", "--all", "-l", "--full", "-q", "--failed",
            "-r", "-f", "-x", "-e",
        ],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["tmux", "screen", "supervisorctl", "pm2", "launchctl"],
        values: &["-L", "-S", "-f", "-t", "-c"],
        flags: &[],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "service.look",
        &["systemctl"],
        When::Verb(
            &[
                "status", "show", "cat", "list-*", "is-active", "is-enabled", "is-failed",
                "is-system-running", "get-default", "help", "whoami", "log-level", "log-target",
            ],
        ),
        "looks at services",
        &[
            "systemctl status nginx", "systemctl list-units --failed",
            "systemctl --user is-active a",
        ],
        &["systemctl restart nginx", "systemctl log-level debug"],
    ),
    Rule::reads(
        "service.bare",
        &["systemctl"],
        When::Only(
            &[""],
            &["--failed", "--all", "-a", "--type", "--state", "--no-pager", "-t", "--user"],
        ),
        "looks at services",
        &["systemctl --failed"],
        &["systemctl stop a"],
    ),
    Rule::privileged(
        "service.show-environment",
        &["systemctl"],
        When::Verb(&["show-environment"]),
        "shows the environment, in which secrets are kept",
        &["systemctl show-environment"],
        &["systemctl status a"],
    ).secret(),
    Rule::privileged(
        "service.change",
        &["systemctl"],
        When::Verb(
            &[
                "log-level *", "log-target *", "start", "stop", "restart", "reload", "enable",
                "disable", "mask", "unmask", "kill", "edit", "daemon-reload", "daemon-reexec",
                "isolate", "set-default", "set-property", "set-environment", "unset-environment",
                "import-environment", "reboot", "poweroff", "halt", "kexec", "suspend", "hibernate",
                "hybrid-sleep", "suspend-then-hibernate", "rescue", "emergency", "exit",
                "switch-root", "reset-failed", "reenable", "preset", "preset-all", "link", "revert",
                "try-restart", "reload-or-restart", "force-reload", "add-wants", "add-requires",
                "bind", "mount-image", "cancel", "clean", "freeze", "thaw", "soft-reboot",
                "service-log-level", "service-watchdogs", "condrestart", "default", "sleep",
            ],
        ),
        "starts, stops or changes services",
        &["systemctl restart nginx", "systemctl --user enable a", "systemctl mask a"],
        &["systemctl status a"],
    ),
    Rule::reads(
        "service.journal",
        &[
            "journalctl", "logread", "lnav", "multitail", "coredumpctl", "aureport", "ausearch",
            "goaccess",
        ],
        When::Always,
        "shows logs",
        &["journalctl -u nginx -n 50", "journalctl -f"],
        &["journalctl --vacuum-time=1d", "coredumpctl debug"],
    ),
    Rule::privileged(
        "service.journal-clean",
        &["journalctl"],
        When::Option(
            &[
                "--vacuum-time", "--vacuum-size", "--vacuum-files", "--rotate", "--flush", "--sync",
                "--setup-keys", "--update-catalog", "--relinquish-var", "--smart-relinquish-var",
            ],
        ),
        "removes or rotates logs",
        &["journalctl --vacuum-time=1d", "journalctl --rotate"],
        &["journalctl -n 5"],
    ),
    Rule::destroys(
        "service.core-debug",
        &["coredumpctl"],
        When::Verb(&["debug", "gdb", "dump"]),
        "opens or writes a memory image",
        &["coredumpctl debug"],
        &["coredumpctl list"],
    ),
    Rule::privileged(
        "service.old",
        &[
            "service", "rc-service", "rc-update", "chkconfig", "update-rc.d", "invoke-rc.d",
            "initctl", "sv", "runsvctrl", "launchctl", "systemd-tmpfiles", "systemd-sysusers",
            "systemd-run", "systemd-nspawn", "systemd-mount", "systemd-umount",
            "systemd-cryptenroll", "systemd-firstboot", "machinectl", "pm2", "supervisorctl",
            "monit", "s6-svc", "nssm", "logrotate", "crond", "cron", "cupsctl", "cupsenable",
            "lpadmin", "udevadm", "at", "batch", "atrm",
        ],
        When::Always,
        "starts, stops or changes services or timers",
        &["service nginx restart", "at now", "launchctl load a"],
        &["service nginx status", "launchctl list", "pm2 list"],
    ),
    Rule::reads(
        "service.old-look",
        &[
            "service", "rc-service", "launchctl", "pm2", "supervisorctl", "sv", "machinectl",
            "monit", "udevadm", "rc-update", "chkconfig", "initctl", "portablectl", "homectl",
            "busctl", "rc-status",
        ],
        When::Verb(
            &[
                "* status", "list", "ls", "status", "show", "jlist", "prettylist", "describe",
                "logs", "info", "avail", "tail", "maintail", "print", "print-disabled", "summary",
                "report", "list-images", "image-status", "--list", "tree", "introspect", "help",
                "blame", "managerpid",
            ],
        ),
        "looks at services",
        &["service nginx status", "launchctl list", "pm2 list"],
        &["service nginx restart"],
    ),
    Rule::reads(
        "service.all-status",
        &["service"],
        When::Only(&[""], &["--status-all"]),
        "looks at services",
        &["service --status-all"],
        &["service a start"],
    ),
    Rule::reads(
        "timer.look",
        &["crontab", "atq"],
        When::VerbWith(&[""], &["-l"]),
        "lists timers",
        &["crontab -l"],
        &["crontab -r", "crontab a.txt", "crontab -e"],
    ),
    Rule::reads("timer.queue", &["atq"], When::Always, "lists timers", &["atq"], &["at now"]),
    Rule::privileged(
        "timer.change",
        &["crontab", "incrontab", "anacron"],
        When::Always,
        "changes what runs by itself later",
        &["crontab -e", "crontab -r"],
        &["crontab -l"],
    ),
    Rule::privileged(
        "timer.set",
        &["crontab"],
        When::Verb(&["*"]),
        "changes what runs by itself later",
        &["crontab a.txt"],
        &["crontab -l"],
    ),
    Rule::reads(
        "session.look",
        &["tmux", "screen", "zellij", "byobu"],
        When::Verb(
            &[
                "ls", "list-*", "display-message", "info", "show-options", "show", "lsc", "lsp",
                "lsw", "has-session", "has", "showmsgs", "list-sessions", "lsk",
            ],
        ),
        "looks at terminal sessions",
        &["tmux ls"],
        &["tmux kill-session -t a", "tmux new -d 'rm x'"],
    ),
    Rule::reads(
        "session.screen-list",
        &["screen"],
        When::VerbWith(&[""], &["-ls", "-list"]),
        "looks at terminal sessions",
        &["screen -ls"],
        &["screen -X quit"],
    ),
    Rule::destroys(
        "session.run",
        &[
            "tmux", "screen", "zellij", "byobu", "dtach", "abduco", "script", "expect", "xterm",
            "gnome-terminal", "konsole", "xfce4-terminal", "lxterminal", "kitty", "alacritty",
            "wezterm", "foot", "terminator", "tilix", "guake", "urxvt", "st", "at-spi", "wall",
            "write", "mesg", "xdotool", "ydotool", "wtype", "xte", "open", "xdg-open", "start",
            "osascript", "notify-send", "sm", "zenity", "yad", "dialog", "batch", "i3-msg",
            "swaymsg", "hyprctl", "bspc", "niri",
        ],
        When::Always,
        "runs commands in a session of its own, or acts on the desktop",
        &["tmux new -d 'rm x'", "script -c ls out.log", "xdg-open a.html"],
        &["tmux ls"],
    ),
    Rule::reads(
        "session.window-list",
        &[
            "i3-msg", "swaymsg", "hyprctl", "niri", "bspc", "wmctrl", "xinput", "systemd-mount",
            "at-spi",
        ],
        When::Only(
            &[
                "get_*", "clients", "monitors", "workspaces", "version", "activewindow",
                "msg outputs", "msg windows", "msg workspaces", "list", "query", "devices",
                "get_tree", "", "layers", "binds",
            ],
            &["-t", "-l", "-m", "-p", "-G", "--list", "-j", "--type"],
        ),
        "looks at windows and devices",
        &["i3-msg -t get_workspaces", "wmctrl -l", "systemd-mount --list"],
        &["i3-msg exit", "hyprctl dispatch exit"],
    ),
    Rule::reads(
        "service.print-look",
        &["lpstat", "lpq", "lpinfo", "lpoptions"],
        When::Always,
        "looks at printers",
        &["lpstat -p"],
        &["lp a.txt"],
    ),
    Rule::destroys(
        "service.print",
        &["lp", "lpr", "lprm", "cancel"],
        When::Always,
        "prints, or cancels printing",
        &["lp a.txt"],
        &["lpstat"],
    ),
    Rule::changes(
        "service.sync",
        &["sync"],
        When::Always,
        "writes what is buffered to disk",
        &["sync"],
        &["sleep 1"],
    ),
];
