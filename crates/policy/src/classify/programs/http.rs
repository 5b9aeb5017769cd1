//! Requests over the network: by method, target, and what is sent along.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating, L2Destructive, L3Privileged};

use super::super::hosts::{Host, host_of, kind_of};
use super::super::invocation::{Dash, Grammar, Invocation};
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::verdict::Effect;
use super::super::words::{Arg, Known};

#[rustfmt::skip]
pub static RULES: &[&Rule] = &[
    &SEARCHES, &FETCHES, &DISCLOSES, &LOOKS_UP, &SENDS, &REMOVES, &METADATA, &WITH_SECRET, &STEERED,
];

#[rustfmt::skip]
static FETCHES: Rule = Rule::code(
    "network.fetch",
    L0Readonly,
    Reach::Remote,
    "reads from this machine or from a host that may be read from",
    &[
        "curl -s https://docs.example.com/a", "wget -qO- https://docs.example.com",
        "curl http://localhost:8080/health", "curl -I https://docs.example.com",
    ],
    &["curl https://example.org", "curl https://docs.example.com.example.org/"],
);
#[rustfmt::skip]
static SEARCHES: Rule = Rule::code(
    "network.search",
    L1Mutating,
    Reach::Remote,
    "sends a question to this machine or to a host that may be read from",
    &["curl -X POST http://localhost:9200/a/_search -d '{}'"],
    &["curl -X POST http://localhost:9200/a/_doc -d '{}'"],
);
#[rustfmt::skip]
static DISCLOSES: Rule = Rule::code(
    "network.disclose",
    L1Mutating,
    Reach::Remote,
    "asks a host that is not on the list, which learns what is asked",
    &[
        "curl https://example.org/a", "curl -H 'Accept: text/html' https://example.org",
        "wget -qO- https://example.org",
    ],
    &["curl https://docs.example.com"],
);
#[rustfmt::skip]
static LOOKS_UP: Rule = Rule::code(
    "network.disclose-unknown",
    L2Destructive,
    Reach::Remote,
    "asks an address that is only known when it runs, and may carry data away",
    &["curl \"https://$host/\"", "curl https://example.org/?q=$(ls)", "curl $url"],
    &["curl https://docs.example.com/$page"],
);
#[rustfmt::skip]
static SENDS: Rule = Rule::code(
    "network.send",
    L2Destructive,
    Reach::Remote,
    "sends data to another machine or changes something there",
    &[
        "curl -d @notes.txt https://docs.example.com", "curl -X POST https://example.org",
        "wget --post-data=a https://docs.example.com", "http POST example.org a=1",
        "curl -T a https://docs.example.com", "curl --json '{}' https://docs.example.com",
    ],
    &["curl -X GET https://docs.example.com"],
);
#[rustfmt::skip]
static REMOVES: Rule = Rule::code(
    "network.delete",
    L2Destructive,
    Reach::Remote,
    "removes something on another machine",
    &[
        "curl -X DELETE https://docs.example.com/a", "curl --request=DELETE http://localhost/a",
        "curl -XDELETE localhost:9200/a",
    ],
    &["curl -X GET https://docs.example.com"],
);
#[rustfmt::skip]
static METADATA: Rule = Rule::code(
    "network.metadata",
    L3Privileged,
    Reach::Remote,
    "asks the address that hands out the machine's credentials",
    &["curl http://169.254.169.254/latest/meta-data/"],
    &["curl http://localhost/"],
);
#[rustfmt::skip]
static WITH_SECRET: Rule = Rule::code(
    "network.secret",
    L3Privileged,
    Reach::Remote,
    "uses a secret or credentials on the way",
    &[
        "curl -u ann:pw https://docs.example.com", "curl -n https://docs.example.com",
        "curl --cert a.pem https://docs.example.com",
    ],
    &["curl https://docs.example.com"],
);
#[rustfmt::skip]
static STEERED: Rule = Rule::code(
    "network.steered",
    L2Destructive,
    Reach::Unknown,
    "takes its orders from a file, or goes through another program or proxy",
    &[
        "curl -K x.cfg", "wget -i list.txt", "curl -x http://example.org https://docs.example.com",
        "wget --use-askpass=./x https://docs.example.com",
    ],
    &["curl https://docs.example.com"],
);

/// One request, whoever makes it.
pub struct Request {
    pub method: String,
    pub address: String,
    pub sends: bool,
    pub secret: bool,
}

impl Request {
    /// A plain read.
    pub fn get(address: &str) -> Self {
        Request {
            method: "GET".to_owned(),
            address: address.to_owned(),
            sends: false,
            secret: false,
        }
    }
}

#[rustfmt::skip]
static CURL: Grammar = Grammar {
    programs: &[],
    values: &[
        "-o", "--output", "-X", "--request", "-H", "--header", "-d", "--data", "--data-raw",
        "--data-binary", "--data-urlencode", "--data-ascii", "--json", "-F", "--form",
        "--form-string", "-T", "--upload-file", "-u", "--user", "-A", "--user-agent", "-e",
        "--referer", "-b", "--cookie", "-c", "--cookie-jar", "-m", "--max-time",
        "--connect-timeout", "--retry", "--retry-delay", "-x", "--proxy", "-U", "--proxy-user",
        "-K", "--config", "-E", "--cert", "--key", "--cacert", "--capath", "-w", "--write-out",
        "-r", "--range", "--resolve", "--connect-to", "-D", "--dump-header", "--limit-rate", "-y",
        "-Y", "-z", "--time-cond", "--interface", "--url", "--output-dir", "--unix-socket",
        "--abstract-unix-socket", "-C", "--continue-at", "-Q", "--quote", "--trace",
        "--trace-ascii", "--stderr", "--max-redirs", "--ciphers", "--oauth2-bearer", "--netrc-file",
        "--dns-servers", "--doh-url", "--aws-sigv4", "-t", "--telnet-option", "--libcurl", "--hsts",
        "--alt-svc", "--etag-save", "--etag-compare", "--socks5", "--socks4", "--socks5-hostname",
        "--preproxy", "--proto", "--retry-max-time", "--max-filesize", "--engine", "--pass", "-P",
        "--ftp-port", "--mail-from", "--mail-rcpt", "--local-port", "--keepalive-time",
        "--variable", "--expand-url", "--url-query",
    ],
    // The beginning of an option with a value, and options of their own.
    flags: &["--head", "--netrc", "--get", "--form-escape", "--proxy-insecure"],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static WGET: Grammar = Grammar {
    programs: &[],
    values: &[
        "-O", "--output-document", "-o", "--output-file", "-a", "--append-output", "-P",
        "--directory-prefix", "-i", "--input-file", "-U", "--user-agent", "--header", "-t",
        "--tries", "-T", "--timeout", "-w", "--wait", "-e", "--execute", "-l", "--level", "-A",
        "-R", "-D", "-I", "-X", "-Q", "--post-data", "--post-file", "--method", "--body-data",
        "--body-file", "--user", "--password", "--limit-rate", "--load-cookies", "--save-cookies",
        "--referer", "-B", "--base", "--ca-certificate", "--certificate", "--private-key",
        "--config", "--use-askpass", "--http-user", "--http-password", "-j",
    ],
    flags: &[],
    dash: Dash::Letters,
};

impl Walker<'_> {
    /// Judges one request by method and target.
    pub fn request(&mut self, request: &Request) {
        let host = host_of(&request.address);
        self.draft.effect(Effect::Network {
            host: host.to_owned(),
            method: request.method.clone(),
        });
        let kind = kind_of(host, self.ground.allowed_domains());
        if kind == Host::Metadata {
            self.add(&METADATA, &request.address);
        }
        if request.secret {
            self.add(&WITH_SECRET, &request.address);
        }
        let is_web = request.address.split_once("://").is_none_or(|(scheme, _)| {
            matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
        });
        let reads = is_web
            && matches!(
                request.method.as_str(),
                "GET" | "HEAD" | "OPTIONS" | "TRACE"
            );
        let rule = if request.method == "DELETE" || sounds_removing(&request.address) && !reads {
            &REMOVES
        } else if request.method == "POST"
            && matches!(kind, Host::Allowed | Host::Loopback)
            && is_search(&request.address)
        {
            &SEARCHES
        } else if request.sends || !reads {
            &SENDS
        } else {
            match kind {
                Host::Allowed | Host::Loopback => &FETCHES,
                Host::Unknown => &LOOKS_UP,
                Host::Metadata | Host::Other
                    if request.address.contains(super::super::words::UNKNOWN) =>
                {
                    &LOOKS_UP
                }
                Host::Metadata | Host::Other => &DISCLOSES,
            }
        };
        self.add(rule, &request.address);
    }

    /// A client that is pointed at a server of choice tells that server what it asks.
    pub fn other_servers(&mut self, program: &str, args: &[Arg]) {
        let mut awaits_host = false;
        for arg in args {
            let (name, value) = arg.text.split_once('=').unwrap_or((&arg.text, ""));
            let is_host = is_host_option(program, name);
            let candidate = match (awaits_host, is_host) {
                (true, _) => Some(arg.text.as_str()),
                (false, true) if !value.is_empty() => Some(value),
                (false, _) => arg
                    .text
                    .find("://")
                    .filter(|at| is_web_scheme(&arg.text[..*at]))
                    .map(|_| arg.text.as_str()),
            };
            awaits_host = is_host && value.is_empty();
            if let Some(address) = candidate {
                self.asks_server(address, program);
            }
        }
    }

    fn asks_server(&mut self, address: &str, program: &str) {
        let host = host_of(address);
        // A queue goes by its address, and the address is the provider's own.
        if program == "aws" && host.starts_with("sqs.") && host.ends_with(".amazonaws.com") {
            return;
        }
        self.draft.effect(Effect::Network {
            host: host.to_owned(),
            method: program.to_owned(),
        });
        match kind_of(host, self.ground.allowed_domains()) {
            Host::Allowed | Host::Loopback => {}
            Host::Unknown => self.add(&LOOKS_UP, address),
            Host::Metadata | Host::Other => self.add(&DISCLOSES, address),
        }
    }

    /// `curl`.
    pub fn curl(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("curl", args, &CURL);
        let mut request = Request::get("");
        let data = [
            "-d",
            "--data",
            "--data-raw",
            "--data-binary",
            "--data-urlencode",
            "--data-ascii",
            "--json",
            "-F",
            "--form",
            "--form-string",
            "-T",
            "--upload-file",
            "-Q",
            "--quote",
            "--mail-rcpt",
        ];
        // `@` names a file whose content goes along.
        let sends_file = |option: &Arg| option.text.contains('@');
        request.sends = invocation.has(&data) && !invocation.has(&["-G", "--get"])
            || invocation
                .values_of(&["-H", "--header"])
                .iter()
                .any(|header| header.text.starts_with('@'))
            || invocation
                .values_of(&["--url-query"])
                .iter()
                .any(sends_file);
        if request.sends {
            request.method = "POST".to_owned();
        } else if invocation.has(&["-I", "--head"]) {
            request.method = "HEAD".to_owned();
        }
        if let Some(method) = invocation.values_of(&["-X", "--request"]).pop() {
            request.method = method.text.to_ascii_uppercase();
        }
        request.secret = invocation.has(&[
            "-u",
            "--user",
            "-n",
            "--netrc",
            "--netrc-file",
            "--netrc-optional",
            "-E",
            "--cert",
            "--key",
            "--oauth2-bearer",
            "--aws-sigv4",
            "-U",
            "--proxy-user",
        ]);
        self.steering(
            &invocation,
            &[
                "-K",
                "--config",
                "-x",
                "--proxy",
                "--preproxy",
                "--socks5",
                "--socks4",
                "--socks5-hostname",
                "--unix-socket",
                "--abstract-unix-socket",
                "--engine",
                "--resolve",
                "--connect-to",
                "--doh-url",
                "--dns-servers",
                "--variable",
                "--libcurl",
            ],
        );
        self.written(
            &invocation,
            &[
                "-o",
                "--output",
                "--output-dir",
                "-c",
                "--cookie-jar",
                "-D",
                "--dump-header",
                "--trace",
                "--trace-ascii",
                "--stderr",
                "--hsts",
                "--alt-svc",
                "--etag-save",
            ],
        );
        if invocation.has(&["-O", "--remote-name", "--remote-name-all", "-J"]) {
            self.writes(&Arg::exact("download"));
        }
        let mut targets: Vec<Arg> = invocation.operands().cloned().collect();
        targets.extend(invocation.values_of(&["--url", "--expand-url"]));
        self.targets(&invocation, request, &targets);
        Some(Feed::Network)
    }

    /// `wget`.
    pub fn wget(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("wget", args, &WGET);
        let mut request = Request::get("");
        request.sends =
            invocation.has(&["--post-data", "--post-file", "--body-data", "--body-file"]);
        if let Some(method) = invocation.values_of(&["--method"]).pop() {
            request.method = method.text.to_ascii_uppercase();
        }
        request.secret = invocation.has(&[
            "--user",
            "--password",
            "--http-user",
            "--http-password",
            "--certificate",
            "--private-key",
            "--ask-password",
            "--load-cookies",
        ]);
        self.steering(
            &invocation,
            &[
                "-i",
                "--input-file",
                "-e",
                "--execute",
                "--config",
                "--use-askpass",
            ],
        );
        self.written(
            &invocation,
            &[
                "-o",
                "--output-file",
                "-a",
                "--append-output",
                "--save-cookies",
                "--warc-file",
            ],
        );
        let documents = invocation.values_of(&["-O", "--output-document"]);
        let to_stdout = documents.iter().any(|document| document.text == "-");
        if documents.is_empty() && !invocation.has(&["--spider"]) {
            self.writes(&Arg::exact("download"));
        }
        for document in documents.iter().filter(|document| document.text != "-") {
            self.writes(document);
        }
        for folder in invocation.values_of(&["-P", "--directory-prefix"]) {
            self.writes(&folder);
        }
        let targets: Vec<Arg> = invocation.operands().cloned().collect();
        self.targets(&invocation, request, &targets);
        Some(if to_stdout {
            Feed::Network
        } else {
            Feed::Computed
        })
    }

    /// `http POST example.org a=1` and its kin.
    pub fn httpie(&mut self, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new("http", args, super::super::table::grammar_of("http"));
        let mut operands: Vec<Arg> = invocation.operands().cloned().collect();
        let mut request = Request::get("");
        if operands.first().is_some_and(|first| is_method(&first.text)) {
            request.method = operands.remove(0).text.to_ascii_uppercase();
        }
        request.secret = invocation.has(&["-a", "--auth", "--cert"]);
        let items = operands.split_off(operands.len().min(1));
        request.sends = items
            .iter()
            .any(|item| item.text.contains(['=', '@']) && !item.text.contains("=="));
        self.written(&invocation, &["-o", "--output", "--session"]);
        if invocation.has(&["-d", "--download"]) {
            self.writes(&Arg::exact("download"));
        }
        self.targets(&invocation, request, &operands);
        Some(Feed::Network)
    }

    fn targets(&mut self, invocation: &Invocation<'_>, request: Request, targets: &[Arg]) {
        self.mention_all(invocation.args);
        // An address behind an option that was misread is asked all the same.
        let behind: Vec<Arg> = match targets {
            [] => invocation
                .args
                .iter()
                .filter(|arg| arg.text.contains("://"))
                .cloned()
                .collect(),
            _ => Vec::new(),
        };
        let targets = if behind.is_empty() { targets } else { &behind };
        let computed = invocation
            .args
            .iter()
            .any(|arg| arg.known == Known::Computed);
        if computed
            || (targets.is_empty() && invocation.operand_count() == 0 && invocation.args.is_empty())
        {
            self.add(&LOOKS_UP, invocation.program);
        }
        for target in targets {
            let one = Request {
                method: request.method.clone(),
                address: target.text.clone(),
                sends: request.sends,
                secret: request.secret,
            };
            self.request(&one);
        }
    }

    fn steering(&mut self, invocation: &Invocation<'_>, options: &[&str]) {
        if invocation.has(options) || invocation.is_unclear() {
            self.add(&STEERED, invocation.program);
        }
    }

    fn written(&mut self, invocation: &Invocation<'_>, options: &[&str]) {
        for target in invocation.values_of(options) {
            if target.text != "-" {
                self.writes(&target);
            }
        }
    }
}

fn is_method(text: &str) -> bool {
    let shouted = text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    shouted
        || matches!(
            text,
            "get" | "head" | "post" | "put" | "patch" | "delete" | "options"
        )
}

fn is_host_option(program: &str, option: &str) -> bool {
    #[rustfmt::skip]
    const OPTIONS: &[&str] = &[
        "--host", "--server", "--hostname", "--registry", "--endpoint", "--endpoints",
        "--bootstrap-server", "--index-url", "--index",
    ];
    let short = matches!(
        program,
        "psql"
            | "mysql"
            | "mariadb"
            | "mysqladmin"
            | "mysqlshow"
            | "redis-cli"
            | "valkey-cli"
            | "pg_isready"
            | "sqlcmd"
            | "mysqldump"
            | "pg_dump"
    );
    OPTIONS.contains(&option)
        || (short && option == "-h")
        || (matches!(program, "docker" | "podman") && option == "-H")
}

fn is_web_scheme(before: &str) -> bool {
    #[rustfmt::skip]
    const SCHEMES: &[&str] = &[
        "http", "https", "tcp", "ssh", "ftp", "ws", "wss", "postgres", "postgresql", "mysql",
        "redis", "rediss", "mongodb", "nats", "ldap", "amqp",
    ];
    SCHEMES.iter().any(|scheme| {
        before.eq_ignore_ascii_case(scheme) || before.rsplit(['=', ':']).next() == Some(scheme)
    })
}

/// Addresses that take a question in a body.
fn is_search(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    matches!(
        path.rsplit('/').next(),
        Some("_search" | "_count" | "_msearch" | "search" | "multi-search" | "query" | "_validate")
    )
}

/// Addresses whose last words say that something is removed.
fn sounds_removing(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/')
        .take(2)
        .any(super::super::judge::sounds_destructive)
}
