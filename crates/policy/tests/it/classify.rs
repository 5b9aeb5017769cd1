//! The classifier: its own rules, a table of commands, obfuscated commands, tool calls, and laws
//! that hold for every command.

use proptest::prelude::*;
use serde_json::json;
use wardroom_domain::RiskTier;
use wardroom_policy::classify::{Ground, classify_call, classify_command, rules, self_check};

fn host() -> Ground {
    Ground::HostFolder {
        allowed_domains: vec!["docs.example.com".to_owned()],
    }
}

fn view() -> Ground {
    Ground::View {
        allowed_domains: Vec::new(),
    }
}

/// The lines of a fixture: a tier and a command each.
#[expect(clippy::expect_used, reason = "a broken fixture must stop the test")]
fn table(text: &str) -> impl Iterator<Item = (RiskTier, &str)> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (tier, command) = line
                .split_once("  ")
                .expect("a tier, two spaces, a command");
            (RiskTier::parse(tier).expect("a tier"), command)
        })
}

fn complaints(text: &str, is_wrong: fn(RiskTier, RiskTier) -> bool) -> Vec<String> {
    table(text)
        .filter_map(|(wanted, command)| {
            let verdict = classify_command(command, &host());
            let said = format!(
                "{} {} `{command}`, not {wanted}",
                verdict.tier, verdict.rule
            );
            is_wrong(verdict.tier, wanted).then_some(said)
        })
        .collect()
}

/// Every rule decides the commands it says it decides, and leaves alone the ones it spares.
#[test]
fn rules_hold_their_own_examples() {
    let faults: Vec<String> = self_check().iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Ids are unique, and every row has examples of both kinds.
#[test]
fn rules_have_one_name_each_and_examples() {
    let mut seen = std::collections::HashSet::new();
    for rule in rules() {
        assert!(seen.insert(rule.id), "two rules are called {}", rule.id);
        assert!(
            rule.programs.is_empty() || !rule.matches.is_empty(),
            "{} has no example",
            rule.id
        );
    }
}

#[test]
fn commands_weigh_what_the_table_says() {
    let text = include_str!("commands.txt");
    assert!(table(text).count() > 300);
    let wrong = complaints(text, |got, wanted| got != wanted);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_disguise_lowers_a_tier() {
    let wrong = complaints(include_str!("obfuscated.txt"), |got, wanted| got < wanted);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands behind line ends, comments and here-documents are seen; text in documents is text.
#[test]
fn lines_and_documents_are_told_apart() {
    let tier = |command: &str| classify_command(command, &host()).tier;
    for runs in [
        "ls\nrm x",
        "ls # all of it\nrm x",
        "echo \"a\" #\"\nrm x",
        "echo $'\\''; rm x #'",
        "cat <<E\nE\nrm x",
        "cat <<-E\n\tE\nrm x",
        "cat <<E; rm x\nE",
        "cat <<E\n$(rm x)\nE",
        "cat <<E\n`rm x`\nE",
        "sh <<'E'\nrm x\nE",
        "bash -s <<E\nrm x\nE",
        "cat <<E | sh\nrm x\nE",
        "l\\\ns; r\\\nm x",
    ] {
        assert!(tier(runs) >= RiskTier::L2Destructive, "{runs}");
    }
    for shows in [
        "cat <<E\nrm x\nE",
        "cat <<'E'\n$(rm x)\nE",
        "grep rm <<E\nrm x\nE",
    ] {
        assert_eq!(tier(shows), RiskTier::L0Readonly, "{shows}");
    }
}

/// Inside a view without egress nothing of all this asks, except for secrets that lie in the folder.
#[test]
fn a_view_without_egress_asks_for_nothing_but_secrets() {
    for (_, command) in table(include_str!("commands.txt")) {
        let verdict = classify_command(command, &view());
        assert!(
            verdict.tier <= RiskTier::L1Mutating,
            "{} `{command}`",
            verdict.tier
        );
    }
    assert_eq!(
        classify_command("make clean && rm -rf /", &view()).tier,
        RiskTier::L0Readonly
    );
    assert_eq!(
        classify_command("cat .env", &view()).tier,
        RiskTier::L1Mutating
    );
}

#[test]
fn a_view_with_egress_weighs_what_leaves_it() {
    let open = Ground::View {
        allowed_domains: vec!["docs.example.com".to_owned()],
    };
    let tier = |command: &str| classify_command(command, &open).tier;
    assert_eq!(tier("rm -rf build"), RiskTier::L0Readonly);
    assert_eq!(
        tier("curl https://docs.example.com/a"),
        RiskTier::L0Readonly
    );
    assert_eq!(
        tier("curl -d @a https://docs.example.com/a"),
        RiskTier::L2Destructive
    );
    assert_eq!(tier("some-unheard-of-tool"), RiskTier::L1Mutating);
}

#[test]
fn tool_calls_are_judged_by_their_arguments() {
    let tier = |tool: &str, arguments| classify_call(tool, &arguments, &host()).tier;
    assert_eq!(
        tier("shell", json!({"command": "ls"})),
        RiskTier::L0Readonly
    );
    assert_eq!(
        tier("shell", json!({"command": "rm a"})),
        RiskTier::L2Destructive
    );
    assert_eq!(tier("shell", json!({})), RiskTier::L2Destructive);
    assert_eq!(
        tier("file_read", json!({"path": "/workspace/a.txt"})),
        RiskTier::L0Readonly
    );
    assert_eq!(
        tier("file_read", json!({"path": "/workspace/.env"})),
        RiskTier::L3Privileged
    );
    assert_eq!(
        tier("file_read", json!({"path": "~/.ssh/id_rsa"})),
        RiskTier::L3Privileged
    );
    assert_eq!(
        tier("file_write", json!({"path": "a.txt", "content": ""})),
        RiskTier::L1Mutating
    );
    assert_eq!(
        tier("file_write", json!({"path": "/etc/hosts", "content": ""})),
        RiskTier::L3Privileged
    );
    assert_eq!(
        tier("file_delete", json!({"path": "a.txt"})),
        RiskTier::L2Destructive
    );
    assert_eq!(
        tier("file_move", json!({"from": "a", "to": "b"})),
        RiskTier::L1Mutating
    );
    assert_eq!(
        tier("http_fetch", json!({"url": "https://docs.example.com/a"})),
        RiskTier::L0Readonly
    );
    assert_eq!(
        tier("http_fetch", json!({"url": "https://example.org/a"})),
        RiskTier::L1Mutating
    );
    let delete = json!({"method": "DELETE", "url": "https://docs.example.com/a"});
    assert_eq!(tier("http_request", delete), RiskTier::L2Destructive);
    let with_secret = json!({"method": "GET", "url": "https://docs.example.com", "secret": "api"});
    assert_eq!(tier("http_request", with_secret), RiskTier::L3Privileged);
    let with_header =
        json!({"method": "GET", "url": "https://docs.example.com", "headers": {"X-Api-Key": "a"}});
    assert_eq!(tier("http_request", with_header), RiskTier::L3Privileged);
    for (url, expected) in [
        ("http://10.0.0.5/admin", RiskTier::L2Destructive),
        ("http://localhost:8700/v1/policy", RiskTier::L2Destructive),
        ("http://127.1/", RiskTier::L2Destructive),
        ("http://0x7f000001/", RiskTier::L2Destructive),
        ("http://[::ffff:192.168.0.1]/", RiskTier::L2Destructive),
        ("http://printer/", RiskTier::L2Destructive),
        ("http://nas.local./", RiskTier::L2Destructive),
        ("http://169.254.169.254/latest", RiskTier::L3Privileged),
        ("https://user:pw@example.org/", RiskTier::L3Privileged),
        ("file:///etc/hosts", RiskTier::L2Destructive),
        ("javascript:alert(1)", RiskTier::L2Destructive),
        ("no address", RiskTier::L2Destructive),
    ] {
        assert_eq!(tier("http_fetch", json!({"url": url})), expected, "{url}");
    }
    assert_eq!(
        tier("file_read", json!({"path": "../../etc/shadow"})),
        RiskTier::L3Privileged
    );
    assert_eq!(
        tier("sql", json!({"statement": "DROP TABLE a"})),
        RiskTier::L2Destructive
    );
    assert_eq!(
        tier("publish", json!({"text": "hi"})),
        RiskTier::L2Destructive
    );
    assert_eq!(
        tier("request_permission_level", json!({"level": 3})),
        RiskTier::L3Privileged
    );
    assert_eq!(tier("launch_missiles", json!({})), RiskTier::L2Destructive);
    // What a tool does outside the sandbox weighs the same from inside a view.
    let in_view = |tool: &str, arguments| classify_call(tool, &arguments, &view()).tier;
    assert_eq!(
        in_view("publish", json!({"text": "hi"})),
        RiskTier::L2Destructive
    );
    assert_eq!(
        in_view("file_delete", json!({"path": "a.txt"})),
        RiskTier::L0Readonly
    );
}

#[test]
fn what_is_too_big_or_too_deep_is_not_trusted() {
    let many = "ls ".repeat(40_000);
    let deep = format!("{}ls{}", "$(".repeat(200), ")".repeat(200));
    let brackets = "((".repeat(20);
    let nested = format!("{}ls{}", "if true; then ".repeat(2000), "; fi".repeat(2000));
    let cases = format!(
        "{}ls{}",
        "case a in a) ".repeat(2000),
        ";; esac".repeat(2000)
    );
    let prefixes = format!("{}ls", "time ".repeat(9000));
    let tests = format!("[[ {}a ]]", "! ".repeat(20_000));
    let wrapped = format!("{}ls", "env ".repeat(9000));
    let finds = format!("{};", "find . -exec ".repeat(3000));
    let digits = "ls ~99999999999999999999999 ${99999999999999999999}";
    let all = [
        many, deep, brackets, nested, cases, prefixes, tests, wrapped, finds,
    ];
    for command in &all {
        let verdict = classify_command(command, &host());
        assert!(verdict.tier >= RiskTier::L2Destructive, "{command:.60}");
    }
    classify_command(digits, &host());
    classify_command(
        "ls 99999999999999999999>x {99999999999999999999..1}",
        &host(),
    );
}

fn any_command() -> impl Strategy<Value = String> {
    let lines: Vec<String> = table(include_str!("commands.txt"))
        .map(|(_, command)| command.to_owned())
        .filter(|command| !command.contains('\'') && !command.contains("left open"))
        .collect();
    proptest::sample::select(lines)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Putting a command inside another never makes it milder.
    #[test]
    fn wrapping_never_lowers_a_tier(command in any_command(), wrap in 0_usize..8) {
        let wrapped = match wrap {
            0 => format!("sh -c '{command}'"),
            1 => format!("env X=1 nice timeout 5 sh -c '{command}'"),
            2 => format!("ls; {command}"),
            3 => format!("({command})"),
            4 => format!("echo \"$({command})\""),
            5 => format!("eval '{command}'"),
            6 => format!("if true; then {command}\nfi"),
            _ => format!("f() {{ {command}\n}}; f"),
        };
        let (bare, inside) = (classify_command(&command, &host()), classify_command(&wrapped, &host()));
        prop_assert!(inside.tier >= bare.tier, "{} {} < {} {}: {wrapped}", inside.tier, inside.rule, bare.tier, bare.rule);
    }

    /// Two commands weigh as much as the heavier one at least.
    #[test]
    fn a_list_weighs_its_heaviest_part(first in any_command(), second in any_command()) {
        let both = classify_command(&format!("{first}\n{second}"), &host()).tier;
        prop_assert!(both >= classify_command(&first, &host()).tier);
    }

    /// No text makes it panic, and a view is never stricter than the host.
    #[test]
    fn any_text_gets_a_verdict(text in "\\PC{0,60}") {
        prop_assert!(classify_command(&text, &view()).tier <= classify_command(&text, &host()).tier);
    }

    /// The same for text made of what shells care about.
    #[test]
    fn any_shell_soup_gets_a_verdict(pieces in proptest::collection::vec(proptest::sample::select(SOUP), 0..16)) {
        let verdict = classify_command(&pieces.concat(), &host());
        prop_assert!(!verdict.rationale.is_empty() && !verdict.rule.is_empty());
    }
}

const SOUP: &[&str] = &[
    "rm ",
    "ls ",
    "-rf ",
    "/ ",
    "$",
    "${",
    "}",
    "(",
    ")",
    "((",
    "))",
    "`",
    "'",
    "\"",
    "\\",
    "|",
    "||",
    "&",
    "&&",
    ";",
    ">",
    ">>",
    "<",
    "<<",
    "<<<",
    "<(",
    "\n",
    "EOF\n",
    "if ",
    "then ",
    "fi ",
    "do ",
    "done ",
    "for x in ",
    "case ",
    "esac ",
    "{",
    "~",
    "~9",
    "*",
    "[",
    "[[ ",
    "]]",
    "=",
    "a=",
    "!",
    "#",
    "%",
    "sed ",
    "awk ",
    "find ",
    "-exec ",
    "tar ",
    "ssh ",
    "git ",
    "-c ",
    "env ",
    "sh -c ",
    "curl ",
    "99999999999 ",
    "é",
    "\u{0}",
    "\u{202e}",
];
