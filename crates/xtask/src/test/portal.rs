//! The portal before it is embedded: its types are those of the API document, they fit, it builds.

use super::session::{Session, Verdict};
use crate::failure::{Failure, Outcome};
use crate::web;
use std::fs;
use std::path::Path;

const TYPES: &str = "web/src/api/schema.d.ts";

pub fn run(session: &mut Session) -> Outcome<Verdict> {
    if !session.has_browser {
        return Ok(Verdict::skipped());
    }
    for mut step in web::steps(&session.root) {
        let report = session.record(&mut step)?;
        if !report.succeeded {
            return Ok(Verdict::of(&report));
        }
    }
    let read = || {
        fs::read_to_string(session.root.join(TYPES)).map_err(Failure::to(format!("read {TYPES}")))
    };
    let committed = read()?;
    for script in ["types", "check"] {
        let mut npm = session.program(Path::new("npm"));
        npm.args(["--prefix", "web", "run", "--silent", script]);
        let report = session.record(&mut npm)?;
        if !report.succeeded {
            return Ok(Verdict::of(&report));
        }
    }
    if read()? != committed {
        return Err(Failure::new(format!(
            "{TYPES} was older than crates/api/openapi.json; it is written anew: read the \
             difference and commit it"
        )));
    }
    Ok(Verdict::passed())
}
