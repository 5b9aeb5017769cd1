//! What a document says in tables, as rules.

use super::document::{OriginRules, PolicyDocument};
use std::fmt::Write;
use wardroom_domain::{Origin, RiskTier};

const VERGE: &str = "action in [Action::\"apply\", Action::\"outside\"]";
const ANY: &str = "action";

/// The rules that follow from thresholds and from the table of origins.
pub(super) fn generated(document: &PolicyDocument) -> String {
    let mut rules = String::new();
    if let Some(tier) = document.apply_unasked {
        threshold(&mut rules, "apply", tier);
    }
    if let Some(tier) = document.outside_unasked {
        threshold(&mut rules, "outside", tier);
    }
    for (origin, table) in document.origins.iter().flatten() {
        of_origin(&mut rules, *origin, table);
    }
    rules
}

/// Both ways: what lies below goes unasked, what lies above asks whatever the preset says.
fn threshold(rules: &mut String, verge: &str, tier: RiskTier) {
    let tier = tier as usize;
    let keys = match verge {
        "outside" => "context.approved || context.mandated || context.granted || context.bypassed",
        _ => "context.approved || context.granted || context.bypassed",
    };
    let _ = write!(
        rules,
        "@id(\"{verge}-unasked\")\npermit (principal, action == Action::\"{verge}\", resource)\n\
         when {{ context.tier <= {tier} }};\n\
         @id(\"{verge}-asked\")\nforbid (principal, action == Action::\"{verge}\", resource)\n\
         when {{ context.tier > {tier} }}\nunless {{ {keys} }};\n"
    );
}

fn of_origin(rules: &mut String, origin: Origin, table: &OriginRules) {
    let from = format!("context.origin == Origin::\"{origin}\"");
    let mut rule = |id: &str, why: &str, head: &str, when: &str, unless: &str| {
        let _ = write!(
            rules,
            "@id(\"origins.{origin}.{id}\")\n@why(\"{why}\")\nforbid (principal, {head}, resource)\n\
             when {{ {from}{when} }}{unless};\n"
        );
    };
    if let Some(tools) = tools(&table.deny) {
        let why = format!("From {origin} this tool is forbidden.");
        rule("deny", &why, ANY, &tools, "");
    }
    if let Some(tools) = tools(&table.ask) {
        let why = format!("From {origin} this tool always asks.");
        rule("ask", &why, VERGE, &tools, "\nunless { context.approved }");
    }
    if let Some(tier) = table.tier_max {
        let why = format!("From {origin} nothing above {tier} happens.");
        let when = format!(" && context.tier > {}", tier as usize);
        rule("tier-max", &why, VERGE, &when, "");
    }
}

/// The condition that the tool is one of these. INVARIANT: the names were checked, so that none of
/// them can end the text that it stands in.
fn tools(names: &[String]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    if names.iter().any(|name| name == "*") {
        return Some(String::new());
    }
    let one = |name: &String| format!("context.tool like \"{name}\"");
    let any: Vec<String> = names.iter().map(one).collect();
    Some(format!(" && ({})", any.join(" || ")))
}
