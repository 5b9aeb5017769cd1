//! Whether everything that was answered is still there after a power cut of the process.

use crate::failure::{Failure, Outcome};
use crate::site::Site;
use crate::table::{Row, Table, Target};
use wardroom_domain::ConversationId;

/// Kills the server, starts it again and counts: two messages and two audit events per turn.
pub async fn check(
    site: &mut Site,
    talks: &[(ConversationId, usize)],
    table: &mut Table,
) -> Outcome<()> {
    site.world.kill();
    site.world.up();
    let owner = site.world.owner();
    let (mut turns, mut kept) = (0, 0);
    for (conversation, said) in talks {
        turns += said;
        kept += owner.hears(*conversation).await.len();
    }
    table.push(Row::new(
        "messages kept after kill -9",
        format!("{kept} of {turns} turns"),
        Target::of("2 per turn", kept == 2 * turns),
    ));
    let events = events(site)?;
    table.push(Row::new(
        "audit events after it, chains intact",
        events.to_string(),
        Target::of(format!("at least {}", 2 * turns), events >= 2 * turns),
    ));
    Ok(())
}

/// How many events the verified audit log has; none if it is broken.
fn events(site: &Site) -> Outcome<usize> {
    let text = site.world.verb(&["audit", "verify", "--json"]);
    let text = text.map_err(Failure::to("verify the audit log"))?;
    let report: serde_json::Value =
        serde_json::from_str(&text).map_err(Failure::to("read the report"))?;
    let is_intact = report["intact"] == true;
    Ok(report["events"].as_u64().filter(|_| is_intact).unwrap_or(0) as usize)
}
