//! The road from a permitted call to a reply: which models, how often, and at what cost.
//!
//! Each model of the chain is tried with backoff; then the next is asked. Every failed attempt is
//! returned, so that the caller can audit and meter it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use wardroom_policy::Permit;

use crate::config::{ConfigError, RoutingSettings, nearest};
use crate::cost::{Cost, Price};
use crate::limits;
use crate::message::{Delta, ModelReply, ModelRequest, Part};
use crate::model::{Model, ModelError};
use crate::role::{ModelCall, ModelRole};

/// A model with what the router must know of it.
#[derive(Clone)]
pub struct RoutedModel {
    pub model: Arc<dyn Model>,
    pub retries_max: u32,
    pub price: Price,
}

/// How fast we come back after a failure.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub first: Duration,
    pub ceiling: Duration,
    /// Whoever asks us to wait longer is passed over.
    pub retry_after_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: limits::BACKOFF_FIRST,
            ceiling: limits::BACKOFF_CEILING,
            retry_after_max: limits::RETRY_AFTER_MAX,
        }
    }
}

pub struct Router {
    models: BTreeMap<String, RoutedModel>,
    routing: RoutingSettings,
    pace: Pace,
}

/// A reply with its history.
#[derive(Debug)]
pub struct Conversed {
    pub reply: ModelReply,
    /// The model that answered, by its name under `[models.NAME]`.
    pub model: String,
    /// The attempts that failed before.
    pub attempts: Vec<Attempt>,
    pub cost: Cost,
}

/// One failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Counted from 1 over all models of the chain.
    pub number: u32,
    pub model: String,
    pub error: ModelError,
    /// How long we then waited before the next attempt.
    pub waited: Duration,
}

/// No model of the chain gave a reply.
#[derive(Debug, thiserror::Error)]
#[error("no model could answer: {}", told(attempts))]
pub struct Exhausted {
    pub attempts: Vec<Attempt>,
}

/// The last error of each model, since the ones before it are seldom news.
fn told(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "the policy allows none of the configured ones here; an admin can change that"
            .to_owned();
    }
    let mut last = BTreeMap::new();
    for attempt in attempts {
        last.insert(&attempt.model, attempt);
    }
    let mut last: Vec<_> = last.into_values().collect();
    last.sort_by_key(|attempt| attempt.number);
    let sentences = last
        .iter()
        .map(|attempt| format!("{}: {}", attempt.model, attempt.error));
    sentences.collect::<Vec<_>>().join("; ")
}

/// A piece of preview. A higher attempt number replaces all that came with a lower one.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub attempt: u32,
    pub delta: Delta,
}

impl Router {
    /// Checks that every chain names models that there are.
    pub fn new(
        models: impl IntoIterator<Item = RoutedModel>,
        routing: RoutingSettings,
        pace: Pace,
    ) -> Result<Self, ConfigError> {
        let models = models
            .into_iter()
            .map(|routed| (routed.model.name().to_owned(), routed));
        let models: BTreeMap<_, _> = models.collect();
        check_chain("coordinator", &routing.coordinator, &models)?;
        check_chain("executor", &routing.executor, &models)?;
        for (task_type, chain) in &routing.task_types {
            check_chain(&format!("task_types.{task_type}"), chain, &models)?;
        }
        Ok(Self {
            models,
            routing,
            pace,
        })
    }

    /// Who is asked for what.
    pub fn routing(&self) -> &RoutingSettings {
        &self.routing
    }

    /// Asks one model by name, once, with no other to fall back to: whether it answers at all. None
    /// if there is no such model.
    pub async fn try_model(
        &self,
        permit: Permit<ModelCall>,
        name: &str,
        request: &ModelRequest,
    ) -> Option<Result<Conversed, ModelError>> {
        let call = permit.spend();
        let routed = self.models.get(name)?;
        let request = request_for(routed, &call, request);
        let replied = routed.model.complete(&request, &mut |_| {}).await;
        Some(replied.map(|reply| Conversed {
            cost: routed.price.of(&reply.usage),
            model: routed.model.name().to_owned(),
            attempts: Vec::new(),
            reply,
        }))
    }

    /// Asks the models of the call's chain, one after another, until one replies.
    pub async fn converse(
        &self,
        permit: Permit<ModelCall>,
        request: &ModelRequest,
        preview: &mut (dyn FnMut(Preview) + Send),
    ) -> Result<Conversed, Exhausted> {
        let call = permit.spend();
        let mut attempts = Vec::new();
        for routed in self.chain(&call) {
            let request = request_for(routed, &call, request);
            if let Some(reply) = self.ask(routed, &request, &mut attempts, preview).await {
                let cost = routed.price.of(&reply.usage);
                let model = routed.model.name().to_owned();
                return Ok(Conversed {
                    reply,
                    model,
                    attempts,
                    cost,
                });
            }
        }
        Err(Exhausted { attempts })
    }

    /// The models to ask, in order. With images, those that see come first.
    fn chain(&self, call: &ModelCall) -> Vec<&RoutedModel> {
        let by_type = call
            .task_type
            .as_ref()
            .and_then(|kind| self.routing.task_types.get(kind));
        let names = match (by_type, call.role) {
            (Some(names), _) => names,
            (None, ModelRole::Coordinator) => &self.routing.coordinator,
            (None, ModelRole::Executor) => &self.routing.executor,
        };
        let mut chain: Vec<_> = names
            .iter()
            .filter(|name| call.allowlists.iter().all(|list| list.lets_model(name)))
            .filter_map(|name| self.models.get(name))
            .collect();
        if call.needs_images {
            chain.sort_by_key(|routed| !routed.model.sees_images());
        }
        chain
    }

    /// Asks one model until it replies or its tries are used up.
    async fn ask(
        &self,
        routed: &RoutedModel,
        request: &ModelRequest,
        attempts: &mut Vec<Attempt>,
        preview: &mut (dyn FnMut(Preview) + Send),
    ) -> Option<ModelReply> {
        let mut backoff = self.backoff(routed.retries_max);
        loop {
            let number = attempts.len() as u32 + 1;
            let mut numbered = |delta| {
                preview(Preview {
                    attempt: number,
                    delta,
                })
            };
            let error = match routed.model.complete(request, &mut numbered).await {
                Ok(reply) => return Some(reply),
                Err(error) => error,
            };
            let pause = self.pause(&error, &mut backoff);
            let model = routed.model.name().to_owned();
            tracing::warn!(%model, attempt = number, code = error.code(), %error, ?pause, "model attempt failed");
            let waited = pause.unwrap_or_default();
            attempts.push(Attempt {
                number,
                model,
                error,
                waited,
            });
            tokio::time::sleep(pause?).await;
        }
    }

    /// How long to wait before the same model is asked again; nothing if it is not asked again.
    fn pause(
        &self,
        error: &ModelError,
        backoff: &mut impl Iterator<Item = Duration>,
    ) -> Option<Duration> {
        if !error.is_retryable() {
            return None;
        }
        let pause = backoff.next()?;
        match error.retry_after() {
            Some(asked) if asked > self.pace.retry_after_max => None,
            Some(asked) => Some(asked.max(pause)),
            None => Some(pause),
        }
    }

    fn backoff(&self, retries_max: u32) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.pace.first)
            .with_max_delay(self.pace.ceiling)
            .with_max_times(retries_max as usize)
            .with_jitter()
            .build()
    }
}

fn check_chain(
    chain: &str,
    names: &[String],
    models: &BTreeMap<String, RoutedModel>,
) -> Result<(), ConfigError> {
    if names.is_empty() {
        return Err(ConfigError::EmptyChain {
            chain: chain.to_owned(),
        });
    }
    let Some(given) = names.iter().find(|name| !models.contains_key(*name)) else {
        return Ok(());
    };
    Err(ConfigError::UnknownModel {
        chain: chain.to_owned(),
        given: given.clone(),
        nearest: nearest(given, models.keys().map(String::as_str)).map(str::to_owned),
    })
}

/// The request as this model may have it: with the person's own key for it, and without pictures
/// where it cannot see.
fn request_for<'a>(
    routed: &RoutedModel,
    call: &ModelCall,
    request: &'a ModelRequest,
) -> Cow<'a, ModelRequest> {
    let mut request = Cow::Borrowed(request);
    if let Some(key) = call.own_keys.get(routed.model.name()) {
        request.to_mut().own_key = Some(key.clone());
    }
    if !routed.model.sees_images() && request.messages.iter().any(|message| message.has_images()) {
        blind(request.to_mut());
    }
    request
}

fn blind(request: &mut ModelRequest) {
    for part in request
        .messages
        .iter_mut()
        .flat_map(|message| &mut message.content)
    {
        if let Part::Image(image) = part {
            let text = format!(
                "[A picture ({}) was attached here. This model cannot see pictures; say so if the \
                 answer depends on it.]",
                image.media_type
            );
            *part = Part::Text { text };
        }
    }
}
