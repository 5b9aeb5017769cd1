//! What an operator writes, and what he is told about it.

use super::*;

/// The sentence that a file and an environment are refused with, without the folder's name.
fn told(text: &str, env: &[(&str, &str)]) -> String {
    match load(text, env) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let document = Document::parse(Path::new("wardroom.toml"), text)?;
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    environment::overlay(&document, env)
}

#[test]
fn the_page_of_the_contract_is_accepted() {
    let config = load(
        r#"
profile = "laptop"
[server]
listen = "127.0.0.1:8700"
[store]
url = "sqlite:wardroom.db"
[bus]
url = "embedded"
[objects]
url = "file:objects"
[models.default]
provider = "openai"
base_url = "http://127.0.0.1:11434/v1"
model = "llama3"
api_key = "secret:openai"
[models.rehearsal]
provider = "scripted"
script = "story.yaml"
[routing]
coordinator = ["default"]
executor = ["default", "rehearsal"]
[policy]
preset = "enterprise"
self_approval = ["L1_MUTATING", "L2_DESTRUCTIVE"]
allow_bypass = false
approval_ttl_s = 3600
[sandbox]
backend = "native"
allow_domains = []
allow_private = ["10.0.0.0/8", "nas.lan:445"]
memory_max_mib = 512
processes_max = 128
wall_time_max_s = 600
[limits]
executors_per_user = 5
tasks_per_workspace = 5
"#,
        &[],
    )
    .unwrap();
    assert_eq!(config.preset(), Preset::Enterprise);
    assert_eq!(config.routing.executor, ["default", "rehearsal"]);
}

#[test]
fn an_absent_file_is_a_laptop() {
    let dir = Path::new("/nowhere/at/all");
    let config = Config::load(dir, None, std::iter::empty()).unwrap();
    assert_eq!(
        (config.profile, config.preset()),
        (Profile::Laptop, Preset::Consumer)
    );
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8700");
    assert_eq!(config.store_file(), Some(dir.join("wardroom.db")));
    let named = Config::load(dir, Some(Path::new("/nowhere/x.toml")), std::iter::empty());
    assert!(
        named
            .unwrap_err()
            .to_string()
            .contains("/nowhere/x.toml cannot be read")
    );
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    let cases = [
        (
            "[server]\nlistn = \"x\"",
            "wardroom.toml line 2: there is no key `server.listn`; the nearest known key is `server.listen`",
        ),
        (
            "listen = \"127.0.0.1:1\"",
            "wardroom.toml line 1: there is no key `listen`; the nearest known key is `server.listen`",
        ),
        (
            "[models.a]\nprovider = \"openai\"\napi_key = \"sk-123\"",
            "wardroom.toml line 3: `models.a.api_key` holds a secret in plain text, which does not belong in a configuration; write models.a.api_key = \"env:NAME\" and set NAME in the server's environment, or \"secret:NAME\" for a stored one",
        ),
        (
            "[store]\n\nurl = \"mysql://me:pw@db/x\"",
            "wardroom.toml line 3: `store.url`: `…@db/x` cannot be used; write sqlite:wardroom.db or postgres://user@host/database",
        ),
        (
            "[server]\nlisten = \"8700\"",
            "wardroom.toml line 2: `server.listen`: invalid socket address syntax",
        ),
        (
            "[limits]\nexecutors_per_user = 0",
            "wardroom.toml line 2: `limits.executors_per_user`: 0 is too little; write 1 or more",
        ),
        (
            "[bus]\nurl = \"redis://127.0.0.1\"",
            "wardroom.toml line 2: `bus.url`: a database file has one process, so there is nobody to \
             wake; write embedded, or a postgres:// URL into store.url",
        ),
        (
            "[routing]\ncoordinator = [\"mian\"]\n[models.main]\nprovider = \"openai\"\nmodel = \"x\"",
            "wardroom.toml line 2: `routing.coordinator`: there is no [models.mian]; the nearest is [models.main]",
        ),
        (
            "[mcp.files]\ntiers = {}",
            "wardroom.toml line 1: `mcp.files`: says nothing of how the server is reached; write command = [\"…\"] or url = \"https://…\"",
        ),
        (
            "[mcp.My-Files]\ncommand = [\"x\"]",
            "wardroom.toml line 1: `mcp.My-Files`: the name of a server begins the names of its tools; use up to 24 lower-case letters, digits and single `_`",
        ),
        (
            "[mcp.files]\nurl = \"http://files.example/mcp\"\nheaders = { Authorization = \"secret:files\" }",
            "wardroom.toml line 2: `mcp.files.url`: its headers would travel in the clear; write https://",
        ),
        (
            "[mcp.files]\ncommand = [\"x\"]\nenv = { TOKEN_OF = \"secret:files\" }",
            "wardroom.toml line 3: `mcp.files.env.TOKEN_OF`: no secret goes into a sandbox; write sandboxed = false if the org trusts this program with it",
        ),
        (
            "[mcp.files]\ncommand = [\"x\"]\ntiers = { read = \"L9\" }",
            "wardroom.toml line 3: `mcp.files.tiers.read`: unknown variant `L9`, expected one of `L0_READONLY`, `L1_MUTATING`, `L2_DESTRUCTIVE`, `L3_PRIVILEGED`",
        ),
        (
            "[server\n",
            "wardroom.toml line 1 is not TOML: unclosed table, expected `]`",
        ),
    ];
    for (text, sentence) in cases {
        assert_eq!(told(text, &[]), sentence);
    }
}

#[test]
fn the_environment_overrides_and_is_blamed_by_name() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"";
    let env = [
        ("WARDROOM_SERVER__LISTEN", "127.0.0.1:2"),
        ("WARDROOM_LIMITS__EXECUTORS_PER_USER", "9"),
        ("WARDROOM_SANDBOX__ALLOW_DOMAINS", "[\"example.org\"]"),
        ("WARDROOM_MODELS__DEFAULT__PROVIDER", "openai"),
        ("WARDROOM_MODELS__DEFAULT__API_KEY", "env:KEY"),
        ("WARDROOM_PROFILE", "agenticai"),
        ("WARDROOM_DATA", "/elsewhere"),
    ];
    let config = load(file, &env).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.limits.executors_per_user, 9);
    assert_eq!(config.sandbox.allow_domains[0].to_string(), "example.org");
    assert_eq!(config.preset(), Preset::Enterprise);

    let refused = |name, value| told(file, &[(name, value)]);
    assert_eq!(
        refused("WARDROOM_SERVER__LISTEM", "x"),
        "the environment variable WARDROOM_SERVER__LISTEM: there is no key `server.listem`; \
         the nearest known key is `server.listen`"
    );
    assert!(refused("WARDROOM_MODELS__A__API_KEY", "sk-1").contains("in plain text"));
    assert!(
        refused("WARDROOM_LIMITS__EXECUTORS_PER_USER", "many")
            .starts_with("the environment variable WARDROOM_LIMITS__EXECUTORS_PER_USER: `limits.")
    );
    assert!(refused("WARDROOM_LIMITS__TASKS_PER_WORKSPACE", "0").contains("0 is too little"));
}
