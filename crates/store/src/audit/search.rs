//! The statements of a search in the audit log.
//!
//! A search walks along one index, newest first. What that index cannot tell is looked at event by
//! event, and only so far: every answer comes soon, however much is kept, and says how far it went.

use super::events::{AuditFilter, ChainScope};
use crate::page::Place;
use crate::sql::{ToValue, Value};
use wardroom_domain::OrgId;

/// How many places of an index cost what the body of one event does.
const PLACES_PER_BODY: u32 = 5;
/// How many bodies that lie side by side cost what one of those does that lie scattered: of one kind,
/// of one person, of one tier.
const BODIES_PER_SCATTERED: u32 = 4;

/// The index that a search walks along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    Chain,
    Kind,
    Actor,
    Tier,
    Time,
}

/// A search that goes on after a place.
pub(super) struct Search<'a> {
    org: OrgId,
    filter: &'a AuditFilter,
    after: Option<&'a Place>,
    road: Road,
}

/// A statement with its parameters.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) params: Vec<Value<'static>>,
}

impl Statement {
    fn new(sql: &str, org: OrgId) -> Self {
        Self {
            sql: sql.to_owned(),
            params: vec![org.to_value().into_owned()],
        }
    }

    /// Adds a condition that names one value by `?`, as often as it likes.
    fn and(&mut self, condition: &str, value: impl ToValue) {
        self.params.push(value.to_value().into_owned());
        let condition = condition.replace('?', &format!("${}", self.params.len()));
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition);
    }

    /// The same, if there is a value.
    fn given(&mut self, condition: &str, value: Option<impl ToValue>) {
        if let Some(value) = value {
            self.and(condition, value);
        }
    }

    fn value(&mut self, value: impl ToValue) -> String {
        self.params.push(value.to_value().into_owned());
        format!("${}", self.params.len())
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(org: OrgId, filter: &'a AuditFilter, after: Option<&'a Place>) -> Self {
        let road = if filter.chain.is_some() || filter.task.is_some() {
            Road::Chain
        } else if filter.kind.is_some() {
            Road::Kind
        } else if filter.actor.is_some() {
            Road::Actor
        } else if filter.tier.is_some() {
            Road::Tier
        } else {
            Road::Time
        };
        Self {
            org,
            filter,
            after,
            road,
        }
    }

    /// How many places are looked at where `bodies_max` bodies may be; none if every event on the
    /// road fits.
    pub(super) fn window(&self, bodies_max: u32) -> Option<u32> {
        let AuditFilter {
            scope,
            from,
            to,
            actor,
            kind,
            tier,
            words,
            ..
        } = self.filter;
        let is_off = |given: bool, road: Road| given && self.road != road;
        let reads_bodies = words.is_some()
            || is_off(actor.is_some(), Road::Actor)
            || is_off(kind.is_some(), Road::Kind)
            || is_off(tier.is_some(), Road::Tier)
            || (self.road == Road::Chain && (from.is_some() || to.is_some()));
        match (reads_bodies, scope) {
            (true, _) if matches!(self.road, Road::Time | Road::Chain) => Some(bodies_max),
            (true, _) => Some((bodies_max / BODIES_PER_SCATTERED).max(1)),
            (false, ChainScope::Of(_)) => Some(bodies_max.saturating_mul(PLACES_PER_BODY)),
            (false, ChainScope::Everything) => None,
        }
    }

    /// The place at the end of a window, if the road goes on behind it.
    pub(super) fn floor(&self, window: u32) -> Statement {
        let mut statement = Statement::new(
            "SELECT p.at, p.chain, p.seq FROM audit p WHERE p.org = $1",
            self.org,
        );
        self.walk(&mut statement, "p");
        let offset = window.saturating_sub(1);
        let order = self.order("p");
        statement
            .sql
            .push_str(&format!(" {order} LIMIT 1 OFFSET {offset}"));
        statement
    }

    /// The events down to the floor, at most so many.
    pub(super) fn events(&self, floor: Option<&Place>, rows: u32) -> Statement {
        let of_somebody = matches!(self.filter.scope, ChainScope::Of(_));
        // Whose an event is stands in the index: what is not his is never read.
        let (walked, head) = match of_somebody {
            true => (
                "p",
                "FROM audit p CROSS JOIN audit a WHERE p.org = $1 \
                 AND a.org = $1 AND a.chain = p.chain AND a.seq = p.seq",
            ),
            false => ("a", "FROM audit a WHERE a.org = $1"),
        };
        let columns = "SELECT a.chain, a.seq, a.at, a.kind, a.actor, a.tier, a.body, \
                       a.prev_hash, a.hash";
        let mut statement = Statement::new(&format!("{columns} {head}"), self.org);
        self.walk(&mut statement, walked);
        if let Some(floor) = floor {
            self.down_to(&mut statement, walked, floor);
        }
        self.belong(&mut statement, floor);
        self.fit(&mut statement);
        let order = self.order(walked);
        statement.sql.push_str(&format!(" {order} LIMIT {rows}"));
        statement
    }

    /// What the index of the road answers by itself.
    fn walk(&self, statement: &mut Statement, t: &str) {
        let filter = self.filter;
        match self.road {
            Road::Chain => {
                statement.given(&format!("{t}.chain = ?"), filter.task);
                statement.given(&format!("{t}.chain = ?"), filter.chain.as_ref());
            }
            Road::Kind => statement.given(&format!("{t}.kind = ?"), filter.kind),
            Road::Actor => statement.given(&format!("{t}.actor = ?"), filter.actor.as_ref()),
            Road::Tier => statement.given(&format!("{t}.tier = ?"), filter.tier),
            Road::Time => {}
        }
        if self.road != Road::Chain {
            self.in_time(statement, t);
        }
        if let Some(after) = self.after {
            self.compare(statement, t, "<", after);
        }
    }

    fn down_to(&self, statement: &mut Statement, t: &str, floor: &Place) {
        self.compare(statement, t, ">=", floor);
    }

    fn compare(&self, statement: &mut Statement, t: &str, how: &str, place: &Place) {
        if self.road == Road::Chain {
            statement.and(&format!("{t}.seq {how} ?"), place.seq);
            return;
        }
        let at = statement.value(place.at);
        let chain = statement.value(&place.tie);
        let seq = statement.value(place.seq);
        let condition = format!(" AND ({t}.at, {t}.chain, {t}.seq) {how} ({at}, {chain}, {seq})");
        statement.sql.push_str(&condition);
    }

    fn in_time(&self, statement: &mut Statement, t: &str) {
        statement.given(&format!("{t}.at >= ?"), self.filter.from);
        statement.given(&format!("{t}.at < ?"), self.filter.to);
    }

    /// One's own tasks and conversations, and what one did oneself.
    fn belong(&self, statement: &mut Statement, floor: Option<&Place>) {
        let ChainScope::Of(user) = self.filter.scope else {
            return;
        };
        let user = statement.value(user);
        let mut own = Statement {
            sql: format!(
                "SELECT o.at, o.chain, o.seq FROM audit o WHERE o.org = $1 AND o.actor = {user}"
            ),
            params: std::mem::take(&mut statement.params),
        };
        own.given("o.at <= ?", self.after.map(|place| place.at));
        own.given("o.at >= ?", floor.map(|place| place.at));
        statement.params = own.params;
        statement.sql.push_str(&format!(
            " AND (p.chain IN (SELECT t.id FROM task t WHERE t.org = $1 AND t.requester = {user}) \
             OR p.chain IN (SELECT c.id FROM conversation c WHERE c.org = $1 AND c.owner = {user}) \
             OR (p.at, p.chain, p.seq) IN ({}))",
            own.sql
        ));
    }

    /// What only the event itself can tell. `|| ''` keeps an engine from leaving the road for
    /// another index, whose length nobody has measured.
    fn fit(&self, statement: &mut Statement) {
        let filter = self.filter;
        if self.road == Road::Chain {
            self.in_time(statement, "a");
        }
        if self.road != Road::Kind {
            statement.given("a.kind || '' = ?", filter.kind);
        }
        if self.road != Road::Actor {
            statement.given("a.actor || '' = ?", filter.actor.as_ref());
        }
        if self.road != Road::Tier {
            statement.given("a.tier || '' = ?", filter.tier);
        }
        let pattern = filter.words.as_deref().map(holding);
        statement.given("lower(a.body) LIKE ?", pattern);
    }

    /// Newest first. The order of one chain is that of its numbers.
    fn order(&self, t: &str) -> String {
        match self.road {
            Road::Chain => format!("ORDER BY {t}.seq DESC"),
            _ => format!("ORDER BY {t}.at DESC, {t}.chain DESC, {t}.seq DESC"),
        }
    }
}

/// Words as a pattern; the signs that a pattern gives a meaning stand for any one sign.
fn holding(words: &str) -> String {
    let plain = |sign| {
        if matches!(sign, '%' | '\\') {
            '_'
        } else {
            sign
        }
    };
    let words: String = words.to_lowercase().chars().map(plain).collect();
    format!("%{words}%")
}
