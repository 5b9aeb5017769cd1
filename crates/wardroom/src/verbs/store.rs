//! `wardroom store`: the store as a whole.

use crate::failure::{Exit, Failure};
use crate::machine::{self, block_on};
use crate::output::{columns, print};
use crate::place::Place;
use clap::Subcommand;
use serde::Serialize;
use wardroom_server::config::{Config, ObjectUrl, StoreUrl};
use wardroom_server::objects_of;
use wardroom_store::{
    AuditVerifier, CopyEnd, CopyError, Objects, OpenOptions, Servers, Store as Opened, copy,
};

/// The store as a whole
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Carry everything into an empty store: from a laptop's file to a team's server, or back
    Copy(Copy),
}

/// Carry everything into an empty store: from a laptop's file to a team's server, or back
///
/// No server may work on either. All rows arrive or none does; the audit log is checked at both
/// ends. Afterwards write the new URL into wardroom.toml. The keys stay where they are.
#[derive(Debug, clap::Args)]
pub struct Copy {
    /// Where it is: sqlite:wardroom.db, or postgres://user@host/database
    #[arg(long, value_name = "URL", value_parser = store_url)]
    from: StoreUrl,
    /// Where it goes
    #[arg(long, value_name = "URL", value_parser = store_url)]
    to: StoreUrl,
    /// The same database as the role that owns its tables [default: the role of --to]
    #[arg(long, value_name = "URL")]
    to_owner: Option<String>,
    /// Where objects are [default: what the configuration says]
    #[arg(long, value_name = "URL", value_parser = object_url)]
    objects_from: Option<ObjectUrl>,
    /// Where objects go [default: they stay]
    #[arg(long, value_name = "URL", value_parser = object_url)]
    objects_to: Option<ObjectUrl>,
}

fn store_url(text: &str) -> Result<StoreUrl, String> {
    StoreUrl::try_from(text.to_owned())
}

fn object_url(text: &str) -> Result<ObjectUrl, String> {
    ObjectUrl::try_from(text.to_owned())
}

/// What `store copy --json` prints.
#[derive(Serialize)]
struct Carried {
    tables: Vec<CarriedTable>,
    objects: usize,
    audit_events: u64,
}

#[derive(Serialize)]
struct CarriedTable {
    table: String,
    rows: u64,
}

impl Store {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        match self {
            Self::Copy(copy) => copy.run(place),
        }
    }
}

impl Copy {
    fn run(self, place: &Place) -> Result<Exit, Failure> {
        let config = place.config()?;
        let (from, to) = (config.copy_end(&self.from), self.target(&config));
        let verifier = AuditVerifier::load(&config.audit_key_path().with_extension("pub"))?;
        intact(&from, &verifier, "source")?;
        let objects = block_on(self.carry_objects(&config, &from))?;
        let copied = copy(&from, &to, machine::now())?;
        let audit_events = intact(&to, &verifier, "target")?;
        let tables = copied.tables.into_iter();
        let carried = Carried {
            tables: tables
                .map(|(table, rows)| CarriedTable { table, rows })
                .collect(),
            objects,
            audit_events,
        };
        print(place.json, &carried, table)?;
        Ok(Exit::Done)
    }

    fn target(&self, config: &Config) -> CopyEnd {
        let end = config.copy_end(&self.to);
        match (end, &self.to_owner) {
            (CopyEnd::Servers(servers), Some(owner)) => CopyEnd::Servers(Servers {
                owner: Some(owner.clone()),
                ..servers
            }),
            (end, _) => end,
        }
    }

    /// Objects first, so that no row arrives before what it names.
    async fn carry_objects(&self, config: &Config, from: &CopyEnd) -> Result<usize, Failure> {
        let Some(to) = &self.objects_to else {
            return Ok(0);
        };
        let environment = machine::environment().collect();
        let from_url = self.objects_from.as_ref().unwrap_or(&config.objects.url);
        let source: Objects = objects_of(from_url, config, &environment).await?;
        let target: Objects = objects_of(to, config, &environment).await?;
        let keys = open(from)?.object_keys().await?;
        for (key, bytes) in &keys {
            let carried = source.carry(key, *bytes, &target).await;
            carried.map_err(|error| Failure::caused("nothing was copied", &error, ""))?;
        }
        Ok(keys.len())
    }
}

fn open(end: &CopyEnd) -> Result<Opened, Failure> {
    let options = OpenOptions::read(machine::now());
    Ok(match end {
        CopyEnd::File(path) => Opened::open(path, options)?,
        CopyEnd::Servers(servers) => Opened::connect_to(servers, options)?,
    })
}

/// Checks the audit log of an end, and answers how many events it has.
fn intact(end: &CopyEnd, verifier: &AuditVerifier, name: &str) -> Result<u64, Failure> {
    let report = open(end)?.audit_verify(verifier)?;
    match report.first_bad {
        None => Ok(report.events),
        Some(bad) => Err(Failure::new(
            format!("the audit log of the {name} is broken: {bad}"),
            "Restore a backup, or find out what happened, before you copy.",
        )),
    }
}

fn table(carried: &Carried) -> String {
    let rows: Vec<_> = carried
        .tables
        .iter()
        .filter(|table| table.rows > 0)
        .map(|table| vec![table.table.clone(), table.rows.to_string()])
        .collect();
    format!(
        "{}\n{} objects were carried, and {} audit events are intact at both ends.",
        columns(&["table", "rows"], &rows),
        carried.objects,
        carried.audit_events
    )
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        Failure::caused(error.to_string(), &error, "")
    }
}
