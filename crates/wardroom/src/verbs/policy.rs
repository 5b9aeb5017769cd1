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
use serde_json::{Map, Value, json};
use wardroom_domain::{RiskTier, Role};
use wardroom_policy::classify::{
    Ground, Verdict, classify_call, classify_command, rules, self_check,
};
use wardroom_policy::decide::{Policy as Rules, Preset, Verb, table};

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

/// One row of the table: what happens at each tier in one place.
#[derive(Serialize)]
struct Row {
    place: &'static str,
    verbs: Map<String, Value>,
}

fn print_table(place: &Place, flag: PresetFlag) -> Result<Exit, Failure> {
    let mut policy = place.config()?.policy();
    policy.preset = flag.preset.unwrap_or(policy.preset);
    if !place.json {
        lines(&table(policy.preset, &policy.approvers))?;
        return Ok(Exit::Done);
    }
    let row = |place, verb: &dyn Fn(RiskTier) -> Verb| Row {
        place,
        verbs: RiskTier::ALL
            .map(|tier| (tier.to_string(), json!(verb(tier))))
            .into_iter()
            .collect(),
    };
    json(&json!({
        "preset": policy.preset,
        "self_approval": policy.approvers.self_approval,
        "rows": [
            row("view", &|_| Verb::Allow),
            row("host_folder", &|_| Verb::Ask),
            row("own_workspace", &|tier| policy.preset.private_apply(tier)),
            row("outside", &|tier| policy.preset.outside(tier)),
        ],
    }))?;
    Ok(Exit::Done)
}

fn ground(is_view: bool) -> Ground {
    let allowed_domains = Vec::new();
    match is_view {
        true => Ground::View { allowed_domains },
        false => Ground::HostFolder { allowed_domains },
    }
}

/// What the preset does with an action that it has judged: what stays in a view is nobody's
/// business yet, anything else counts as leaving the box.
fn verb(preset: Preset, verdict: &Verdict, is_view: bool) -> Verb {
    match verdict.tier {
        RiskTier::L0Readonly if is_view => Verb::Allow,
        tier => preset.outside(tier),
    }
}

impl Classify {
    fn run(self) -> Result<Exit, Failure> {
        let ground = ground(self.view);
        for_each_row(|row| {
            let verdict = judge(row, &ground)?;
            let decision = verb(self.preset, &verdict, self.view);
            row.insert("tier".to_owned(), json!(verdict.tier));
            row.insert("decision".to_owned(), json!(decision));
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

/// What `policy explain --json` prints.
#[derive(Serialize)]
struct Explained {
    tool: String,
    in_view: Judged,
    on_host: Judged,
    role: Role,
    /// Whether the person may decide his own request on the host.
    may_decide_own: bool,
}

#[derive(Serialize)]
struct Judged {
    #[serde(flatten)]
    verdict: Verdict,
    decision: Verb,
}

impl Explain {
    fn run(self, place: &Place) -> Result<Exit, Failure> {
        let policy = place.config()?.policy();
        let role = match &self.user {
            Some(name) => block_on(async { People::of(place).await?.named(name).await })?.role,
            None => Role::Overlord,
        };
        let judged = |is_view| {
            let verdict = classify_call(&self.tool, &self.args, &ground(is_view));
            let decision = verb(policy.preset, &verdict, is_view);
            Judged { verdict, decision }
        };
        let (in_view, on_host) = (judged(true), judged(false));
        let tier = on_host.verdict.tier;
        let may_decide_own = policy.approvers.may_permit(role, true, tier).is_ok();
        let explained = Explained {
            tool: self.tool,
            in_view,
            on_host,
            role,
            may_decide_own,
        };
        print(place.json, &explained, |explained| {
            in_words(&policy, explained)
        })?;
        Ok(Exit::Done)
    }
}

fn in_words(policy: &Rules, explained: &Explained) -> String {
    let part = |place: &str, judged: &Judged| {
        let Verdict {
            tier,
            rule,
            rationale,
            ..
        } = &judged.verdict;
        let decision = judged.decision;
        format!(
            "{place}: {decision}, {tier} by `{rule}`: {}\n",
            visible(rationale)
        )
    };
    let decider =
        match policy
            .approvers
            .may_permit(explained.role, true, explained.on_host.verdict.tier)
        {
            Ok(()) => format!("a {} may decide his own request", explained.role),
            Err(why) => why.to_string(),
        };
    [
        format!(
            "{} under preset {}\n",
            visible(&explained.tool),
            policy.preset
        ),
        part("in a task's view", &explained.in_view),
        part("on the host", &explained.on_host),
        format!("who decides: {decider}\n"),
    ]
    .concat()
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
