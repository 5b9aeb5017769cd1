//! `wardroom pairing`: linking people of chat networks to people of the org.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::{columns, print};
use crate::people::People;
use crate::place::Place;
use crate::terminal::visible;
use clap::Subcommand;
use wardroom_api::invite::{ConfirmPairing, PairingList};
use wardroom_domain::PairingId;

/// Link people of chat networks to people of the org
#[derive(Debug, Subcommand)]
pub enum Pairing {
    /// List who waits to be linked
    List,
    /// Link the person who brought this token
    Confirm {
        token: String,
        /// Who he is here
        #[arg(long, value_name = "NAME")]
        user: String,
    },
    /// Turn a wish to be linked down
    Refuse {
        #[arg(value_parser = PairingId::parse)]
        id: PairingId,
    },
    /// Take an identity from its person
    Unlink {
        connector: String,
        external_id: String,
    },
}

impl Pairing {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let client = place.client()?;
        block_on(async {
            match self {
                Self::List => print(place.json, &client.pairings().await?, table)?,
                Self::Confirm { token, user } => {
                    let user = People::of(place).await?.named(&user).await?;
                    let confirm = ConfirmPairing {
                        token,
                        user: user.id,
                    };
                    let linked = client.confirm_pairing(&confirm).await?;
                    print(place.json, &linked, |linked| {
                        format!(
                            "{} {} ({}) is {}.",
                            visible(&linked.connector),
                            visible(&linked.external_id),
                            visible(&linked.display),
                            visible(&user.name)
                        )
                    })?;
                }
                Self::Refuse { id } => {
                    client.refuse_pairing(id).await?;
                    anstream::eprintln!("{id} is turned down.");
                }
                Self::Unlink {
                    connector,
                    external_id,
                } => {
                    client.unlink_identity(&connector, &external_id).await?;
                    anstream::eprintln!("{connector} {external_id} is nobody's any more.");
                }
            }
            Ok(Exit::Done)
        })
    }
}

fn table(list: &PairingList) -> String {
    let rows: Vec<_> = list
        .pairings
        .iter()
        .map(|wish| {
            vec![
                wish.id.to_string(),
                visible(&wish.connector).into_owned(),
                visible(&wish.external_id).into_owned(),
                wish.expires_at.to_string(),
                visible(&wish.display).into_owned(),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => "Nobody waits to be linked.".to_owned(),
        false => columns(
            &["ID", "CONNECTOR", "NETWORK'S ID", "UNTIL", "CALLS HIMSELF"],
            &rows,
        ),
    }
}
