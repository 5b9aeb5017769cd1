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
        let path = place.config()?.store_path();
        block_on(Office::open(place))?;
        print(
            place.json,
            &json!({"database": path, "migrated": true}),
            |_| format!("{} is at this version's schema.", path.display()),
        )?;
        Ok(Exit::Done)
    }
}
