//! Runs a model stand-in by hand, playing a story.
//!
//! `cargo run -p wardroom-testkit --example model_stand_in -- openai 127.0.0.1:8701 [story.yaml]`

use std::process::ExitCode;

use wardroom_llm::Story;
use wardroom_testkit::models::{Dialect, ModelStandIn, Options, StoryBrain};

const USAGE: &str = "usage: model_stand_in DIALECT ADDRESS [STORY]\n\
    DIALECT is openai, openrouter, zai, gemini, ollama or anthropic; without STORY the demo is \
    played; any key is accepted";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dialect, address, story @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let dialect = Dialect::parse(dialect).ok_or(USAGE)?;
    let story = match story.first() {
        Some(path) => {
            let yaml = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            Story::parse(&yaml)
        }
        None => Story::demo(),
    };
    let brain = StoryBrain(story.map_err(|error| error.to_string())?);
    let stand_in = ModelStandIn::start_at(address, Options::open(dialect), brain)
        .await
        .map_err(|error| format!("{address}: {error}"))?;
    println!("{}", stand_in.base_url());
    stand_in.serve().await;
    Ok(())
}
