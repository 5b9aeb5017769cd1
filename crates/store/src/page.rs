//! Lists come in pages, newest first, continued by a cursor that only we can read.

use crate::StoreError;
use crate::sql::{ToValue, Value};
use wardroom_domain::{Timestamp, limits};

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most; the store has its own limit beside it.
    pub limit: Option<u32>,
    /// Where the page before this one ended.
    pub cursor: Option<String>,
}

impl Page {
    /// The first page, with the usual number of rows.
    pub fn first() -> Self {
        Self::default()
    }

    /// Where the page before this one ended.
    pub(crate) fn place(&self) -> Result<Option<Place>, StoreError> {
        let read = |cursor: &String| Place::read(cursor).ok_or(StoreError::BadCursor);
        self.cursor.as_ref().map(read).transpose()
    }

    pub(crate) fn rows(&self) -> u32 {
        self.limit
            .unwrap_or(limits::PAGE_ROWS_DEFAULT)
            .clamp(1, limits::PAGE_ROWS_MAX)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// How to ask for what follows; none when this is the end.
    pub next_cursor: Option<String>,
}

/// A place in a list: a moment, and what tells apart the rows of that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: Timestamp,
    pub(crate) tie: String,
    /// What tells apart the rows of one tie; 0 where there is but one.
    pub(crate) seq: i64,
}

impl Place {
    pub(crate) fn write(&self) -> String {
        hex::encode(format!("{}:{}:{}", self.at.as_micros(), self.seq, self.tie))
    }

    fn read(cursor: &str) -> Option<Self> {
        let plain = String::from_utf8(hex::decode(cursor).ok()?).ok()?;
        let mut parts = plain.splitn(3, ':');
        let at = Timestamp::from_micros(parts.next()?.parse().ok()?);
        let seq = parts.next()?.parse().ok()?;
        Some(Self {
            at,
            tie: parts.next()?.to_owned(),
            seq,
        })
    }
}

/// The columns that a list is ordered by: those of a [`Place`].
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub(crate) at: &'static str,
    pub(crate) tie: &'static str,
    /// `0` where the tie is enough.
    pub(crate) seq: &'static str,
}

/// The order of most lists.
pub(crate) const BY_CREATION: Order = Order {
    at: "created_at",
    tie: "id",
    seq: "0",
};

/// A list statement put together from fixed parts, so that a filter that is not given costs nothing.
pub(crate) struct Select {
    sql: String,
    params: Vec<Value<'static>>,
    rows: u32,
}

impl Select {
    /// `head` ends in a `WHERE` condition on `$1`, the org.
    pub(crate) fn new(head: &'static str, org: wardroom_domain::OrgId) -> Self {
        Self {
            sql: head.to_owned(),
            params: vec![org.to_value().into_owned()],
            rows: 0,
        }
    }

    /// Adds a condition without a parameter.
    pub(crate) fn only(mut self, condition: &'static str) -> Self {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self
    }

    /// Adds a condition, such as `requester =`, if there is a value for it.
    pub(crate) fn given(mut self, condition: &'static str, value: Option<impl ToValue>) -> Self {
        if let Some(value) = value {
            self.params.push(value.to_value().into_owned());
            let place = self.params.len();
            self.sql.push_str(&format!(" AND {condition} ${place}"));
        }
        self
    }

    /// Adds a condition that names one value by `?`, as often as it likes.
    pub(crate) fn bound(mut self, condition: &'static str, value: impl ToValue) -> Self {
        self.params.push(value.to_value().into_owned());
        let condition = condition.replace('?', &format!("${}", self.params.len()));
        self.sql.push_str(&format!(" AND ({condition})"));
        self
    }

    /// Newest first, continued after the cursor, one row more than wanted.
    pub(crate) fn newest(mut self, order: Order, page: &Page) -> Result<Self, StoreError> {
        let Order { at, tie, seq } = order;
        if let Some(place) = page.place()? {
            let first = self.params.len() + 1;
            self.params.extend([
                place.at.to_value().into_owned(),
                place.tie.to_value().into_owned(),
                place.seq.to_value().into_owned(),
            ]);
            self.sql.push_str(&format!(
                " AND ({at}, {tie}, {seq}) < (${first}, ${}, ${})",
                first + 1,
                first + 2
            ));
        }
        self.rows = page.rows();
        let by_seq = if seq == "0" {
            String::new()
        } else {
            format!(", {seq} DESC")
        };
        let limit = self.rows + 1;
        self.sql.push_str(&format!(
            " ORDER BY {at} DESC, {tie} DESC{by_seq} LIMIT {limit}"
        ));
        Ok(self)
    }

    /// One row per value of this column, in its order.
    pub(crate) fn grouped(mut self, column: &'static str) -> Self {
        self.sql
            .push_str(&format!(" GROUP BY {column} ORDER BY {column}"));
        self
    }

    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn params(&self) -> &[Value<'static>] {
        &self.params
    }

    /// Cuts the extra row off and makes a cursor of the last one that stays.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, place: impl Fn(&T) -> Place) -> Paged<T> {
        let more = items.len() > self.rows as usize;
        items.truncate(self.rows as usize);
        let next_cursor = items
            .last()
            .filter(|_| more)
            .map(|last| place(last).write());
        Paged { items, next_cursor }
    }
}
