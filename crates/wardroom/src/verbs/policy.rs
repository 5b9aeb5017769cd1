//! `wardroom policy`: the rules as a table, and what they say about one action or many.

use super::bulk::{Rows, for_each_row};
use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::{json, lines, print};
use crate::people::People;
use crate::place::Place;
use crate::terminal::visible;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use wardroom_domain::{OrgId, Origin, Principal, Role, Timestamp, UserId};
use wardroom_policy::classify::{
    Ground, Verdict, classify_call, classify_command, rules, self_check,
};
use wardroom_policy::decide::{
    Approvers, Explained, Policy as Rules, Preset, Supposed, Where, table,
};

/// See what the policy says
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Print the policy in force: who, what, where
    Table(PresetFlag),
    Classify(Classify),
    Explain(Explain),
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
    #[arg(long, value_name = "JSON", value_parser = object)]
    args: Value,
    /// For whom it would be done [default: an overlord]
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
}

fn preset(text: &str) -> Result<Preset, String> {
    let words = Preset::ALL
        .iter()
        .map(|preset| preset.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    Preset::parse(text).ok_or_else(|| format!("it is one of {words}"))
}

fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}

impl Policy {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        match self {
            Self::Table(flag) => print_table(place, flag),
            Self::Classify(classify) => classify.run(),
            Self::Explain(explain) => explain.run(place),
            Self::Test => test(place),
        }
    }
}

fn print_table(place: &Place, flag: PresetFlag) -> Result<Exit, Failure> {
    let policy = place.config()?.policy_of(flag.preset);
    if place.json {
        json(&json!({
            "preset": policy.preset,
            "self_approval": policy.approvers.self_approval,
            "table": table(&policy).lines().collect::<Vec<_>>(),
        }))?;
    } else {
        lines(&table(&policy))?;
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
        let requester = supposed_person(Role::Member);
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

/// Somebody of a role, for questions that are about no particular person.
fn supposed_person(role: Role) -> Principal {
    let at = Timestamp::default();
    Principal {
        org: OrgId::mint(at, 0),
        user: UserId::mint(at, 0),
        name: role.to_string(),
        role,
        via: "policy".to_owned(),
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

/// What `policy explain --json` prints.
#[derive(Serialize)]
struct Answer {
    tool: String,
    role: Role,
    in_view: Explained,
    on_host: Explained,
}

impl Explain {
    fn run(self, place: &Place) -> Result<Exit, Failure> {
        let policy = place.config()?.policy();
        let role = match &self.user {
            Some(name) => block_on(async { People::of(place).await?.named(name).await })?.role,
            None => Role::Overlord,
        };
        let requester = supposed_person(role);
        let call = supposed(&requester, &self.tool, &self.args);
        let answer = Answer {
            in_view: policy.explain(&call, Where::View),
            on_host: policy.explain(&call, Where::Host),
            tool: self.tool.clone(),
            role,
        };
        print(place.json, &answer, |answer| in_words(&policy, answer))?;
        Ok(Exit::Done)
    }
}

fn in_words(policy: &Rules, answer: &Answer) -> String {
    let mut text = format!("{} under preset {}\n", visible(&answer.tool), policy.preset);
    for (place, explained) in [
        ("in a task's view", &answer.in_view),
        ("on the host", &answer.on_host),
    ] {
        let Explained {
            decision,
            tier,
            rule,
            source,
            rationale,
            ..
        } = explained;
        text.push_str(&format!(
            "{place}: {decision}, {tier} by `{rule}` ({source}): {}\n",
            visible(rationale)
        ));
        let may = |own: bool| {
            let able = explained
                .deciders
                .iter()
                .filter(|who| if own { who.own } else { who.others });
            able.map(|who| who.role.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        if !explained.deciders.is_empty() {
            let own = Some(may(true))
                .filter(|own| !own.is_empty())
                .unwrap_or("nobody".to_owned());
            text.push_str(&format!(
                "  who decides: {}; the own request: {own}\n",
                may(false)
            ));
        }
    }
    text
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
