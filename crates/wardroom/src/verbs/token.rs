//! `wardroom token`: what programs prove themselves with.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::{columns, print};
use crate::people::People;
use crate::place::Place;
use crate::terminal::visible;
use clap::Subcommand;
use serde::Serialize;
use wardroom_api::token::Token as Shown;
use wardroom_domain::TokenId;

/// Make and end API tokens
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it; it is not shown again
    Create {
        /// Who acts with it
        #[arg(long, value_name = "NAME")]
        user: String,
        /// What it is for
        #[arg(long, value_name = "N", default_value = "command line")]
        name: String,
    },
    /// List tokens, without their secrets
    List {
        /// Only those of this person
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// End a token
    Revoke {
        #[arg(value_parser = TokenId::parse)]
        id: TokenId,
    },
}

#[derive(Serialize)]
struct TokenList {
    tokens: Vec<Shown>,
}

impl Token {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        block_on(async {
            let people = People::of(place).await?;
            match self {
                Self::Create { user, name } => {
                    let created = people
                        .create_token(&people.named(&user).await?, &name)
                        .await?;
                    print(place.json, &created, |created| created.secret.clone())?;
                }
                Self::List { user } => {
                    let mut tokens = people.tokens().await?;
                    if let Some(name) = user {
                        let owner = people.named(&name).await?.id;
                        tokens.retain(|token| token.user == owner);
                    }
                    print(place.json, &TokenList { tokens }, table)?;
                }
                Self::Revoke { id } => {
                    people.revoke_token(id).await?;
                    anstream::eprintln!("{id} counts no longer.");
                }
            }
            Ok(Exit::Done)
        })
    }
}

fn table(list: &TokenList) -> String {
    let rows: Vec<_> = list
        .tokens
        .iter()
        .map(|token| {
            let state = if token.revoked_at.is_some() {
                "revoked"
            } else {
                "counts"
            };
            let name = visible(&token.name).into_owned();
            vec![
                token.id.to_string(),
                token.user.to_string(),
                state.to_owned(),
                name,
            ]
        })
        .collect();
    match rows.is_empty() {
        true => "No tokens.".to_owned(),
        false => columns(&["ID", "USER", "STATE", "NAME"], &rows),
    }
}
