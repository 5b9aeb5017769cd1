//! `wardroom migrate`: the database, brought to this version's schema.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::office::Office;
use crate::output::print;
use crate::place::Place;
use clap::Args;
use serde_json::json;

/// Bring the database to this version's schema
#[derive(Debug, Args)]
pub struct Migrate {}

impl Migrate {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let database = place.config()?.store_name();
        block_on(Office::open(place))?;
        print(
            place.json,
            &json!({"database": database, "migrated": true}),
            |_| format!("{database} is at this version's schema."),
        )?;
        Ok(Exit::Done)
    }
}
