//! How lists are asked for: so many rows, from there on.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// The page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many rows at most; 50 when nobody says, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Page {
    /// The number of rows to answer, within the product's limits.
    pub fn rows(&self) -> u32 {
        rows(self.limit)
    }
}

/// The number of rows to answer to a wish, within the product's limits.
pub fn rows(limit: Option<u32>) -> u32 {
    use wardroom_domain::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
    limit.unwrap_or(PAGE_ROWS_DEFAULT).clamp(1, PAGE_ROWS_MAX)
}
