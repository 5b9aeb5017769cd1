//! Vaults, keys, certificates, passwords.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

#[rustfmt::skip]
const VAULT: &[&str] = &[
    "vault", "bao", "op", "bw", "doppler", "lpass", "infisical", "teller", "chamber", "akeyless",
    "dashlane", "keeper", "secrethub", "passbolt", "1password", "rbw",
];

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: VAULT,
        values: &[
            "--project", "-p", "--config", "-c", "--account", "--vault", "--token", "-address",
            "-namespace", "-ns",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["gpg", "gpg2", "age", "sops", "ssh-keygen"],
        values: &[
            "-r", "--recipient", "-u", "--local-user", "-o", "--output", "-f", "-t", "-b", "-C",
            "-N", "-P", "--homedir", "--keyserver", "-i", "-R",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "vault.look",
        VAULT,
        When::Verb(
            &[
                "status", "version", "list", "ls", "policy list", "policy read", "auth list",
                "secrets list", "kv list", "kv metadata get", "kv metadata list", "audit list",
                "plugin list", "namespace list", "lease lookup", "token lookup",
                "token capabilities", "path-help", "operator raft list-peers", "operator members",
                "operator key-status", "item list", "vault list", "vault get", "user list",
                "user get", "group list", "group get", "document list", "account list", "whoami",
                "configs list", "configs", "configs get", "projects", "projects list",
                "projects get", "environments", "environments list", "me", "activity", "settings",
                "secrets names", "help", "list items", "list folders", "list collections",
                "list organizations", "configure", "configs logs", "events-api list",
            ],
        ),
        "looks at names in a vault",
        &["vault status", "vault kv list secret/", "op item list"],
        &["vault kv get secret/a", "op item get a", "vault kv delete secret/a"],
    ).remote(),
    Rule::privileged(
        "vault.use",
        VAULT,
        When::Always,
        "shows or changes secrets or rights",
        &[
            "vault kv get secret/a", "op item get a", "vault policy delete a", "doppler secrets",
            "bw get password a",
        ],
        &["vault status"],
    ).remote(),
    Rule::changes(
        "vault.run",
        &["doppler"],
        When::Verb(&["setup", "login", "update", "configure set", "open"]),
        "sets up the client",
        &["doppler setup -p a"],
        &["doppler secrets"],
    ).remote(),
    Rule::privileged(
        "password.store",
        &[
            "pass", "passage", "gopass", "keepassxc-cli", "secret-tool", "keyring", "security",
            "ssh-agent", "ssh-add", "gpg-connect-agent", "kwallet-query", "lastpass", "tomb",
            "ykman", "fprintd-delete", "fprintd-enroll", "gnome-keyring-daemon", "certbot",
            "acme.sh", "mkcert", "step", "cfssl", "easyrsa", "update-ca-certificates", "trust",
            "certutil", "keytool", "oathtool", "htpasswd", "openssl-passwd", "authconfig", "realm",
            "kadmin", "kinit", "kdestroy", "smbpasswd", "pwsafe", "age", "sops", "gocryptfs",
            "encfs", "cryfs", "electrum", "bitcoin-cli", "geth", "monero-wallet-cli",
        ],
        When::Always,
        "shows, uses or changes secrets, keys or trust",
        &["pass show a", "ssh-add", "keytool -genkey", "sops -d a.yaml"],
        &["pass ls", "ssh-add -l", "gpg --list-keys"],
    ).secret(),
    Rule::reads(
        "password.look",
        &[
            "pass", "passage", "gopass", "step", "mkcert", "keytool", "certbot", "ykman", "trust",
            "realm",
        ],
        When::Verb(
            &[
                "ls", "list", "find", "certificate inspect", "certificate verify", "certificates",
                "-list", "version", "info", "discover", "oath accounts list",
            ],
        ),
        "looks at names of secrets, or at certificates",
        &["pass ls", "certbot certificates"],
        &["pass show a"],
    ),
    Rule::reads(
        "password.agent-list",
        &["ssh-add"],
        When::VerbWith(&[""], &["-l"]),
        "lists the agent's keys by fingerprint",
        &["ssh-add -l"],
        &["ssh-add -L a", "ssh-add -D"],
    ),
    Rule::reads(
        "password.key-look",
        &["ssh-keygen"],
        When::Rehearsal(&[""], &["-l", "-F", "-B", "-H-x"]),
        "looks at the fingerprint of a key",
        &["ssh-keygen -lf a.pub"],
        &["ssh-keygen -t ed25519 -f a"],
    ),
    Rule::changes(
        "password.key-make",
        &["ssh-keygen"],
        When::Always,
        "makes or changes keys",
        &["ssh-keygen -t ed25519 -f a"],
        &["ssh-keygen -lf a.pub"],
    ),
    Rule::destroys(
        "password.known-remove",
        &["ssh-keygen"],
        When::Option(&["-R", "-D", "-p", "-A", "-s"]),
        "changes trusted hosts or keys",
        &["ssh-keygen -R host"],
        &["ssh-keygen -lf a.pub"],
    ),
    Rule::reads(
        "gpg.look",
        &["gpg", "gpg2", "sq", "gpgv"],
        When::Rehearsal(
            &[""],
            &[
                "--list-keys", "-k", "--list-public-keys", "--list-sigs", "--fingerprint",
                "--verify", "--list-packets", "--check-sigs", "--list-secret-keys", "-K",
                "--show-keys",
            ],
        ),
        "looks at keys and signatures",
        &["gpg --list-keys", "gpg --verify a.sig a"],
        &["gpg --export-secret-keys", "gpg -d a.gpg"],
    ),
    Rule::privileged(
        "gpg.keys",
        &["gpg", "gpg2"],
        When::Option(
            &[
                "--export-secret-keys", "--export-secret-subkeys", "--delete-keys",
                "--delete-secret-keys", "--import", "--edit-key", "--gen-key", "--sign",
                "--decrypt", "-d", "-s", "--keyserver", "--recv-keys", "--send-keys",
            ],
        ),
        "uses or changes private keys or trust",
        &["gpg --list-keys --export-secret-keys"],
        &["gpg --list-keys"],
    ),
    Rule::reads(
        "gpg.inspect",
        &["sq", "gpgv", "minisign", "signify", "cosign", "rekor-cli"],
        When::Verb(
            &[
                "inspect", "verify", "packet dump", "toolbox packet dump", "key list", "cert list",
                "tree", "triangulate", "get",
            ],
        ),
        "looks at keys and signatures",
        &["cosign verify a"],
        &["cosign sign a"],
    ),
    Rule::privileged(
        "gpg.use",
        &["gpg", "gpg2", "sq", "minisign", "signify", "cosign", "gpg-card", "gpgconf", "gpgtar"],
        When::Always,
        "uses or changes private keys or trust",
        &["gpg -c a", "gpg --quick-add-uid a b"],
        &["gpg --list-keys"],
    ),
    Rule::reads(
        "openssl.look",
        &["openssl"],
        When::Verb(
            &[
                "version", "list", "ciphers", "x509", "crl", "verify", "asn1parse", "dgst",
                "sha256", "sha1", "md5", "sha512", "rand", "prime", "speed", "errstr", "help",
            ],
        ),
        "looks at certificates, or computes",
        &[
            "openssl x509 -in a.crt -text", "openssl version", "openssl rand -hex 8",
            "openssl dgst -sha256 a",
        ],
        &["openssl x509 -in a.crt -out b", "openssl rsa -in a", "openssl dgst -sign a b"],
    ),
    Rule::changes(
        "openssl.to-file",
        &["openssl"],
        When::Option(&["-out", "-writerand", "-keyout", "-CAserial"]),
        "writes its result to a file",
        &["openssl x509 -in a.crt -out b"],
        &["openssl x509 -in a.crt"],
    ),
    Rule::privileged(
        "openssl.keys",
        &["openssl"],
        When::Option(
            &[
                "-sign", "-signkey", "-CAkey", "-key", "-inkey", "-engine", "-provider",
                "-provider-path", "-passin", "-passout", "-pass", "-hmac", "-macopt",
            ],
        ),
        "uses private keys, or loads modules",
        &["openssl dgst -sign a b"],
        &["openssl dgst -sha256 a"],
    ),
    Rule::changes(
        "openssl.ask",
        &["openssl"],
        When::Verb(&["s_client", "s_time"]),
        "connects to another machine",
        &["openssl s_client -connect example.org:443"],
        &["openssl version"],
    ).remote(),
    Rule::privileged(
        "openssl.use",
        &["openssl"],
        When::Verb(&["*"]),
        "makes, uses or changes keys",
        &["openssl rsa -in a", "openssl req -new", "openssl enc -d -in a", "openssl genrsa"],
        &["openssl version"],
    ),
];
