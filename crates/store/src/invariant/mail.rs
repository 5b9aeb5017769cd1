//! What comes in and goes out: I1, I11, I12, I15.

use super::{Findings, Invariant};
use crate::StoreError;
use crate::sql::{Moment, params};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(moment: &dyn Moment, findings: &mut Findings) -> Result<(), StoreError> {
    answered(moment, findings)?;
    answered_once(moment, findings)?;
    in_order(moment, findings)?;
    mail_has_its_task(moment, findings)
}

/// What is done names an answer that is there; what is not done is found again by every start.
fn answered(moment: &dyn Moment, findings: &mut Findings) -> Result<(), StoreError> {
    let sql = "SELECT i.connector, i.external_id, i.state, m.id IS NOT NULL FROM inbox i \
               LEFT JOIN message m ON m.org = i.org AND m.id = i.reply \
               WHERE i.reply IS NOT NULL OR i.state NOT IN ('PENDING', 'DONE')";
    moment.each(sql, params![], &mut |row| {
        let (connector, delivery, state, has_reply): (String, String, String, bool) =
            row.decode()?;
        let place = format!("inbox {connector} {delivery}");
        if state != "DONE" {
            let sentence = format!("it is {state}, and has an answer or no such state");
            findings.add(Invariant::AdmittedOnce, place, sentence);
        } else if !has_reply {
            findings.add(Invariant::AdmittedOnce, place, "its answer is not there");
        }
        Ok(())
    })
}

/// Each delivery was answered in its conversation once, however often it came.
fn answered_once(moment: &dyn Moment, findings: &mut Findings) -> Result<(), StoreError> {
    let mut answers: BTreeSet<(String, String)> = BTreeSet::new();
    let sql = "SELECT chain, body FROM audit WHERE kind = 'message.sent' ORDER BY org, chain, seq";
    moment.each(sql, params![], &mut |row| {
        let (chain, body): (String, String) = row.decode()?;
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let Some(delivery) = body["answers"].as_str() else {
            return Ok(());
        };
        if !answers.insert((chain, delivery.to_owned())) {
            findings.add(Invariant::HeardOnce, delivery, "it was answered twice");
        }
        Ok(())
    })
}

/// Place by place nothing overtakes what was written before it.
fn in_order(moment: &dyn Moment, findings: &mut Findings) -> Result<(), StoreError> {
    let mut waiting: BTreeMap<String, String> = BTreeMap::new();
    let sql = "SELECT destination, id, sent_at IS NOT NULL, dropped_at IS NOT NULL FROM outbox \
               ORDER BY org, seq";
    moment.each(sql, params![], &mut |row| {
        let (place, id, is_sent, is_dropped): (String, String, bool, bool) = row.decode()?;
        if is_sent && is_dropped {
            findings.add(
                Invariant::OutboxInOrder,
                &id,
                "it was delivered and given up",
            );
        }
        match waiting.get(&place) {
            Some(earlier) if is_sent => {
                let sentence = format!("it was delivered before {earlier}, which was there first");
                findings.add(Invariant::OutboxInOrder, id, sentence);
            }
            None if !is_sent && !is_dropped => {
                waiting.insert(place, id);
            }
            _ => {}
        }
        Ok(())
    })
}

fn mail_has_its_task(moment: &dyn Moment, findings: &mut Findings) -> Result<(), StoreError> {
    let sql = "SELECT s.task, s.seq FROM signal s \
               LEFT JOIN task t ON t.org = s.org AND t.id = s.task WHERE t.id IS NULL";
    moment.each(sql, params![], &mut |row| {
        let (task, seq): (String, i64) = row.decode()?;
        let place = format!("signal {task} {seq}");
        findings.add(
            Invariant::OneTenant,
            place,
            "its task is not one of its org",
        );
        Ok(())
    })
}
