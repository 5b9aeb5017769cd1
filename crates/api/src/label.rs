//! The two labels of a value, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain as domain;

/// Where a value came from, and who may learn it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Labels {
    /// Where it came from.
    #[schema(value_type = schema::Integrity)]
    pub integrity: domain::Integrity,
    /// Who may learn it: `user_…`, `ws_…`, `org` or `anyone`; every entry must be met.
    pub audience: Vec<String>,
}

impl From<domain::Labels> for Labels {
    fn from(labels: domain::Labels) -> Self {
        Self {
            integrity: labels.integrity,
            audience: labels.audience.into_iter().collect(),
        }
    }
}
