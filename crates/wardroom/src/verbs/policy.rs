//! `wardroom policy`: the rules as a table, and what they say about one action or many.

use super::bulk::{Rows, for_each_row};
use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::{json, lines, print};
use crate::people::People;
use crate::place::Place;
use crate::policies::{self, Changed, Policies, Written};
use crate::terminal::visible;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;
use wardroom_api::policy::{Decider, ExplainPolicy, Explained, ExplainedCall, PolicyVersion};
use wardroom_domain::{Origin, Principal, Role, UserId, UserStatus};
use wardroom_policy::classify::{
    Ground, Verdict, classify_call, classify_command, rules, self_check,
};
use wardroom_policy::decide::{Approvers, Policy as Rules, Preset, Supposed, Where, table};

/// See what the policy says
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Print the policy in force: who, what, where
    Table(PresetFlag),
    Classify(Classify),
    Explain(Explain),
    Set(Set),
    /// List the versions of the policy, newest first, with what each changed
    History,
    /// Make an old version the newest; 0 is the configuration alone
    Rollback {
        /// Which, from `policy history`
        #[arg(id = "which", value_name = "VERSION")]
        version: i64,
    },
    /// Check that every rule of the classifier decides its own examples
    Test,
}

#[derive(Debug, Args)]
pub struct PresetFlag {
    /// Judge by this preset instead of the one in force
    #[arg(long, value_parser = preset)]
    preset: Option<Preset>,
}

/// Judge many actions: one JSON object per line of stdin, {"command": "…"} or {"tool": "…",
/// "arguments": {…}}
#[derive(Debug, Args)]
pub struct Classify {
    /// As run in a task's view without egress, not on a bare host folder
    #[arg(long)]
    view: bool,
    /// Judge by this preset
    #[arg(long, value_parser = preset, default_value = "enterprise")]
    preset: Preset,
}

/// Say what would become of one tool call, and why
#[derive(Debug, Args)]
pub struct Explain {
    /// The tool, such as shell
    #[arg(long)]
    tool: String,
    /// Its arguments, such as {"command": "ls"}
    #[arg(long, value_name = "JSON", value_parser = policies::object)]
    args: Value,
    /// For whom it would be done [default: an overlord]
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// Through which door: chat, api, subtask, schedule or webhook [default: chat]
    #[arg(long, value_parser = origin)]
    origin: Option<Origin>,
    /// The agent that would do it
    #[arg(long)]
    agent: Option<String>,
    /// As if the task had read something from outside before
    #[arg(long)]
    after_external: bool,
}

/// Put a policy in force, at once and for running tasks too
#[derive(Debug, Args)]
pub struct Set {
    /// The document, in TOML, or rules alone in a file that ends in .cedar; - for stdin
    file: PathBuf,
    /// A person's own rules, in Cedar, which tighten the org's for his actions
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

fn origin(text: &str) -> Result<Origin, String> {
    let words: Vec<&str> = Origin::ALL.iter().map(|origin| origin.as_str()).collect();
    Origin::parse(text).ok_or_else(|| format!("it is one of {}", words.join(", ")))
}

fn preset(text: &str) -> Result<Preset, String> {
    let words = Preset::ALL
        .iter()
        .map(|preset| preset.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    Preset::parse(text).ok_or_else(|| format!("it is one of {words}"))
}

impl Policy {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        match self {
            Self::Table(flag) => print_table(place, flag),
            Self::Classify(classify) => classify.run(),
            Self::Explain(explain) => explain.run(place),
            Self::Set(set) => set.run(place),
            Self::History => history(place),
            Self::Rollback { version } => roll_back(place, version),
            Self::Test => test(place),
        }
    }
}

fn print_table(place: &Place, flag: PresetFlag) -> Result<Exit, Failure> {
    let text = match flag.preset {
        Some(_) => table(&place.config()?.policy_of(flag.preset)),
        None => block_on(policies::table(place))?,
    };
    match place.json {
        true => json(&json!({"table": text.lines().collect::<Vec<_>>()}))?,
        false => lines(&text)?,
    }
    Ok(Exit::Done)
}

fn ground(is_view: bool) -> Ground {
    let allowed_domains = Vec::new();
    match is_view {
        true => Ground::View { allowed_domains },
        false => Ground::HostFolder { allowed_domains },
    }
}

impl Classify {
    fn run(self) -> Result<Exit, Failure> {
        let ground = ground(self.view);
        let policy = Rules::new(self.preset, Approvers::default());
        let requester = policies::somebody(Role::Member);
        for_each_row(|row| {
            let verdict = judge(row, &ground)?;
            let arguments = row.get("arguments").cloned().unwrap_or_default();
            let tool = row
                .get("tool")
                .and_then(Value::as_str)
                .unwrap_or("shell")
                .to_owned();
            let call = supposed(&requester, &tool, &arguments);
            let explained = policy.explain_verdict(&call, place_of(self.view), verdict.clone());
            row.insert("tier".to_owned(), json!(verdict.tier));
            row.insert("decision".to_owned(), json!(explained.decision));
            row.insert("rationale".to_owned(), json!(verdict.rationale));
            row.insert("rule".to_owned(), json!(verdict.rule));
            Ok(())
        })
    }
}

fn judge(row: &Rows, ground: &Ground) -> Result<Verdict, String> {
    match (row.get("command"), row.get("tool")) {
        (Some(Value::String(command)), _) => Ok(classify_command(command, ground)),
        (None, Some(Value::String(tool))) => {
            let arguments = row.get("arguments").cloned().unwrap_or_else(|| json!({}));
            Ok(classify_call(tool, &arguments, ground))
        }
        _ => Err("it has neither a `command` nor a `tool`, each a string".to_owned()),
    }
}

fn supposed<'a>(requester: &'a Principal, tool: &'a str, arguments: &'a Value) -> Supposed<'a> {
    Supposed {
        requester,
        origin: Origin::Chat,
        agent: "",
        after_external: false,
        tool,
        arguments,
    }
}

fn place_of(is_view: bool) -> Where {
    if is_view { Where::View } else { Where::Host }
}

impl Explain {
    fn run(self, place: &Place) -> Result<Exit, Failure> {
        let explained = block_on(async {
            let (user, role) = match &self.user {
                Some(name) => {
                    let user = People::of(place).await?.named(name).await?;
                    (Some(user.id), user.role)
                }
                None => (None, Role::Overlord),
            };
            let asked = ExplainPolicy {
                tool: self.tool,
                arguments: self.args,
                user,
                origin: self.origin,
                agent: self.agent,
                after_external: self.after_external,
            };
            policies::explain(place, asked, role).await
        })?;
        print(place.json, &explained, in_words)?;
        Ok(Exit::Done)
    }
}

fn in_words(call: &ExplainedCall) -> String {
    let mut text = format!("{} for a {}\n", visible(&call.tool), call.role);
    for (place, explained) in [
        ("in a task's view", &call.in_view),
        ("on the host", &call.on_host),
    ] {
        text.push_str(&answer_in_words(place, explained));
    }
    text
}

fn answer_in_words(place: &str, explained: &Explained) -> String {
    let Explained {
        decision,
        tier,
        rule,
        source,
        rationale,
        deciders,
    } = explained;
    let why = visible(rationale);
    let mut text = format!(
        "{place}: {decision}, {tier} by `{}` ({source}): {why}\n",
        visible(rule)
    );
    if !deciders.is_empty() {
        let able = |may: fn(&Decider) -> bool| {
            let roles: Vec<&str> = deciders
                .iter()
                .filter(|who| may(who))
                .map(|who| who.role.as_str())
                .collect();
            if roles.is_empty() {
                "nobody".to_owned()
            } else {
                roles.join(", ")
            }
        };
        let (others, own) = (able(|who| who.others), able(|who| who.own));
        text.push_str(&format!(
            "  who says yes: {others}; to his own request: {own}\n"
        ));
    }
    text
}

impl Set {
    fn run(self, place: &Place) -> Result<Exit, Failure> {
        let text = self.read()?;
        let is_cedar = self.file.extension().is_some_and(|end| end == "cedar");
        block_on(async {
            let policies = Policies::of(place).await?;
            if let Some(name) = &self.user {
                let user = user_of(place, &policies, name).await?;
                policies.set_own(user, text).await?;
                anstream::eprintln!("The own rules of {name} are in force.");
                return Ok(());
            }
            let written = match is_cedar {
                true => Written::Rules(text),
                false => Written::Document(text),
            };
            said(place, &policies.set(written).await?)
        })?;
        Ok(Exit::Done)
    }

    fn read(&self) -> Result<String, Failure> {
        let read = match self.file.as_os_str() == "-" {
            true => std::io::read_to_string(std::io::stdin()),
            false => std::fs::read_to_string(&self.file),
        };
        read.map_err(|error| {
            let sentence = format!("{} cannot be read", self.file.display());
            Failure::caused(sentence, &error, "Name a file, or - for stdin.")
        })
    }
}

/// Somebody by name, from the store that is open already where there is no server.
async fn user_of(place: &Place, policies: &Policies, name: &str) -> Result<UserId, Failure> {
    let Policies::Store(office, _) = policies else {
        return Ok(People::of(place).await?.named(name).await?.id);
    };
    let users = office.store.users(office.org).await?;
    let found = users
        .into_iter()
        .find(|user| user.name == name && user.status != UserStatus::Removed);
    found.map(|user| user.id).ok_or_else(|| {
        Failure::new(
            format!("there is nobody named `{name}`"),
            "See `wardroom user list`.",
        )
    })
}

fn said(place: &Place, changed: &Changed) -> Result<(), Failure> {
    for warning in &changed.warnings {
        anstream::eprintln!("note: {}", visible(warning));
    }
    let data = json!({"version": changed.version, "warnings": changed.warnings});
    print(place.json, &data, |_| {
        format!("version {} is in force\n", changed.version)
    })
}

fn roll_back(place: &Place, version: i64) -> Result<Exit, Failure> {
    block_on(async {
        let changed = Policies::of(place).await?.roll_back(version).await?;
        said(place, &changed)
    })?;
    Ok(Exit::Done)
}

fn history(place: &Place) -> Result<Exit, Failure> {
    let versions = block_on(async { Policies::of(place).await?.history().await })?;
    print(place.json, &json!({"versions": versions}), |_| {
        let mut text = String::new();
        for version in &versions {
            let PolicyVersion {
                version,
                author,
                at,
                diff,
                ..
            } = version;
            text.push_str(&format!(
                "version {version}, {at}, {}\n{}\n",
                visible(author),
                visible(diff)
            ));
        }
        text
    })?;
    Ok(Exit::Done)
}

fn test(place: &Place) -> Result<Exit, Failure> {
    let faults = self_check();
    let count = rules().count();
    let is_good = faults.is_empty();
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| json!({"rule": fault.rule, "command": fault.command, "decided_by": fault.decided_by}))
        .collect();
    print(
        place.json,
        &json!({"rules": count, "faults": faults}),
        |_| {
            let mut text = format!("{count} rules, {} faults\n", faults.len());
            for fault in &faults {
                text.push_str(&format!("{fault}\n"));
            }
            text
        },
    )?;
    Ok(if is_good { Exit::Done } else { Exit::Refused })
}
