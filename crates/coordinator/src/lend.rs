//! Secrets for one errand: opened when it is carried out, known inside by placeholders alone, cut
//! out of everything that comes back.

use crate::Wrong;
use crate::outward::{self, SecretUse};
use crate::run::Run;
use base64::Engine as _;
use secrecy::{ExposeSecret, SecretString};
use std::time::Instant;
use wardroom_domain::{Borrower, NoSecret};
use wardroom_executors::{Equipment, Errand, Loan, Passage};
use wardroom_sandbox::egress::{Life, Purpose, Remote, Swap, Transport};

/// The user name beside a token, of which forges only ask that there is one.
const GIT_USER: &str = "x-access-token";

/// A secret for the requests that git makes to one remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitToken {
    /// The remote.
    pub remote: Remote,
    /// The name of the secret.
    pub secret: String,
}

/// What an errand is given besides its permit, or a sentence on what it cannot have.
pub(crate) async fn equip(
    run: &mut Run,
    errand: &Errand,
) -> Result<Result<Equipment, String>, Wrong> {
    let mut equipment = Equipment::default();
    if errand.passage == Passage::Shut {
        return Ok(Ok(equipment));
    }
    let uses = outward::secret_uses(run.bench.benches().hands.rules(), &errand.effect.call);
    for used in uses {
        let value = match borrow(run, errand, &used.name, &used.remotes).await? {
            Ok(value) => value,
            Err(why) => return Ok(Err(why)),
        };
        equipment.loans.push(loan(run, used, value));
    }
    for token in outward::git_tokens(&run.crew.settings.git_tokens, &errand.effect.call) {
        let remotes = vec![token.remote.clone()];
        let value = match borrow(run, errand, &token.secret, &remotes).await? {
            Ok(value) => value,
            Err(why) => return Ok(Err(why)),
        };
        let until = Instant::now() + errand.timeout;
        git_loan(run, &mut equipment, &token, value, until);
    }
    Ok(Ok(equipment))
}

/// Opens a secret under the lease of this worker, and has it cut out of what comes back.
async fn borrow(
    run: &mut Run,
    errand: &Errand,
    name: &str,
    remotes: &[Remote],
) -> Result<Result<SecretString, String>, Wrong> {
    let audience: Vec<_> = remotes.iter().map(ToString::to_string).collect();
    let borrower = Borrower {
        task: run.task.id,
        fence: run.fence,
        effect: errand.effect.id,
        tool: errand.effect.call.tool.clone(),
        audience: audience.join(", "),
    };
    match run.crew.secrets.lend(name, &borrower).await {
        Ok(value) => {
            run.redactor.also(name, value.expose_secret());
            Ok(Ok(value))
        }
        Err(NoSecret::Stale) => Err(Wrong::Gone),
        Err(why) => Ok(Err(why.to_string())),
    }
}

fn loan(run: &Run, used: SecretUse, value: SecretString) -> Loan {
    Loan {
        placeholder: placeholder(run),
        name: used.name.clone(),
        swap: Swap {
            name: used.name,
            value,
            transport: transport(run, &used.remotes),
            remotes: used.remotes,
            header: used.header,
            life: Life::Once,
            purpose: Purpose::AnyRequest,
        },
    }
}

/// git asks a remote several times in one command, so its token is good for the whole of it.
fn git_loan(
    run: &Run,
    equipment: &mut Equipment,
    token: &GitToken,
    value: SecretString,
    until: Instant,
) {
    let placeholder = placeholder(run);
    let pair = format!("{GIT_USER}:{placeholder}");
    let pair = base64::engine::general_purpose::STANDARD.encode(pair);
    let remotes = vec![token.remote.clone()];
    let transport = transport(run, &remotes);
    let schemes: &[&str] = match transport {
        Transport::Tls => &["https"],
        Transport::Any => &["https", "http"],
    };
    for scheme in schemes {
        let key = format!(
            "http.{scheme}://{}/.extraHeader",
            authority(&token.remote, scheme)
        );
        git_setting(equipment, &key, &format!("Authorization: Basic {pair}"));
    }
    equipment.loans.push(Loan {
        placeholder,
        name: token.secret.clone(),
        swap: Swap {
            name: token.secret.clone(),
            value,
            remotes,
            transport,
            header: http::header::AUTHORIZATION,
            life: Life::Until(until),
            purpose: Purpose::Git,
        },
    });
}

fn authority(remote: &Remote, scheme: &str) -> String {
    match (scheme, remote.port) {
        ("https", 443) | ("http", 80) => remote.host.to_string(),
        _ => remote.to_string(),
    }
}

/// One more setting for git, by its environment.
fn git_setting(equipment: &mut Equipment, key: &str, value: &str) {
    let count = "GIT_CONFIG_COUNT".to_owned();
    let environment = &mut equipment.environment;
    let known = environment.iter().position(|(name, _)| *name == count);
    let number = known
        .and_then(|at| environment.remove(at).1.parse().ok())
        .unwrap_or(0_u32);
    environment.push((format!("GIT_CONFIG_KEY_{number}"), key.to_owned()));
    environment.push((format!("GIT_CONFIG_VALUE_{number}"), value.to_owned()));
    environment.push((count, (number + 1).to_string()));
}

/// In the clear only to what the org vouches for by name: it is near, and known.
fn transport(run: &Run, remotes: &[Remote]) -> Transport {
    let rules = run.bench.benches().hands.rules();
    match remotes.iter().all(|remote| rules.vouches_for(remote)) {
        true => Transport::Any,
        false => Transport::Tls,
    }
}

/// Cannot be guessed, and says what it is to whoever finds it in a log.
fn placeholder(run: &Run) -> String {
    format!(
        "wardroom-placeholder-{}{}",
        run.crew.nonce(),
        run.crew.nonce()
    )
}
