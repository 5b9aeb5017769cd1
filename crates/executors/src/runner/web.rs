//! The HTTP tools: pages and other text from open hosts, within limits, seen through to the end of
//! one host and no further.

use super::client::{BODY_BYTES_MAX, Client, Incame, NoAnswer, Outgoing};
use super::{Finding, markdown};
use crate::protocol::Call;
use crate::web::{SECRET_MARK, WebRequest};
use http::HeaderValue;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, SET_COOKIE,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// How often a host may send us on to another of its pages.
const REDIRECTS_MAX: usize = 5;
/// How much is kept for asking again whether it has changed.
const KEPT_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// What the runner needs for requests; made when the first one is asked for.
pub(crate) struct Web {
    runtime: tokio::runtime::Runtime,
    client: Client,
    kept: Kept,
}

impl Web {
    pub(crate) fn new() -> Result<Self, NoAnswer> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| NoAnswer::Setup(error.to_string()))?;
        Ok(Self {
            runtime,
            client: Client::new()?,
            kept: Kept::default(),
        })
    }

    /// Carries out a call that makes a request.
    pub(crate) fn carry(&mut self, call: &Call, request: &WebRequest) -> Finding {
        let mut outgoing = Outgoing {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        };
        if let Err(why) = put_placeholder(request, call, &mut outgoing) {
            return Finding::bad(why);
        }
        let time_max = Duration::from_millis(call.timeout_ms);
        let (client, kept) = (&self.client, &mut self.kept);
        let answer = async {
            match call.tool.as_str() {
                "http_request" => sent(client, outgoing).await,
                "html_to_markdown" => fetched(client, kept, outgoing).await.map(page),
                _ => fetched(client, kept, outgoing).await.map(resource),
            }
        };
        let in_time = self
            .runtime
            .block_on(async { tokio::time::timeout(time_max, answer).await });
        let why = match in_time {
            Ok(Ok(finding)) => return finding,
            Ok(Err(why @ NoAnswer::Cut { .. })) => return Finding::bad(why.to_string()),
            Ok(Err(why)) => why.to_string(),
            Err(_) => format!("no answer within {} s", time_max.as_secs()),
        };
        match self.client.may_have_arrived() && !request.only_reads() {
            true => Finding::doubtful(format!(
                "the request went out, and its answer never came: {why}"
            )),
            false => Finding::bad(why),
        }
    }
}

/// The sandbox holds no secret, only what stands for it on the way.
fn put_placeholder(
    request: &WebRequest,
    call: &Call,
    outgoing: &mut Outgoing,
) -> Result<(), String> {
    let Some(name) = &request.secret else {
        return Ok(());
    };
    let placeholder = call.placeholders.get(name);
    let placeholder = placeholder.ok_or_else(|| format!("the secret `{name}` was not lent"))?;
    let unfit = |_| format!("the header for `{name}` cannot be sent");
    let header = request.secret_header();
    let marked = outgoing.headers.iter_mut().find(|(own, value)| {
        *own == header && value.to_str().is_ok_and(|text| text.contains(SECRET_MARK))
    });
    match marked {
        Some((_, value)) => {
            let text = value
                .to_str()
                .unwrap_or_default()
                .replace(SECRET_MARK, placeholder);
            *value = text.parse().map_err(unfit)?;
        }
        None => {
            outgoing.headers.retain(|(own, _)| *own != AUTHORIZATION);
            let bearer: HeaderValue = format!("Bearer {placeholder}").parse().map_err(unfit)?;
            outgoing.headers.push((AUTHORIZATION, bearer));
        }
    }
    Ok(())
}

/// What a reading tool found: a resource, or where the host sends whoever wants it.
enum Found {
    Here {
        url: Url,
        answer: Incame,
        is_kept: bool,
    },
    Elsewhere {
        status: u16,
        to: String,
    },
}

/// Reads, follows the host to its own pages, and asks of what it has seen only whether it changed.
async fn fetched(
    client: &Client,
    kept: &mut Kept,
    mut outgoing: Outgoing,
) -> Result<Found, NoAnswer> {
    for _ in 0..=REDIRECTS_MAX {
        let mut asked = outgoing.clone();
        asked.headers.extend(kept.conditions(&outgoing.url));
        let mut answer = client.ask(&asked).await?;
        let mut is_kept = false;
        if answer.status.as_u16() == 304
            && let Some(known) = kept.get(&outgoing.url)
        {
            (answer, is_kept) = (known.clone(), true);
        } else {
            kept.put(&outgoing.url, &answer);
        }
        let Some(to) = redirect(&outgoing.url, &answer) else {
            let url = outgoing.url;
            return Ok(Found::Here {
                url,
                answer,
                is_kept,
            });
        };
        match to {
            Ok(next) if next.origin() == outgoing.url.origin() => outgoing.url = next,
            Ok(next) => return Ok(elsewhere(&answer, next.as_str())),
            Err(text) => return Ok(elsewhere(&answer, &text)),
        }
    }
    Err(NoAnswer::Broken(format!(
        "the host sent us on more than {REDIRECTS_MAX} times"
    )))
}

fn elsewhere(answer: &Incame, to: &str) -> Found {
    Found::Elsewhere {
        status: answer.status.as_u16(),
        to: to.chars().take(2000).collect(),
    }
}

/// Where the answer points to, if it sends us on.
fn redirect(from: &Url, answer: &Incame) -> Option<Result<Url, String>> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = answer.headers.get(LOCATION)?;
    let text = String::from_utf8_lossy(location.as_bytes()).into_owned();
    Some(from.join(&text).map_err(|_| text))
}

fn resource(found: Found) -> Finding {
    text_of(found, |text, _| Finding::good(text, json!({})))
}

fn page(found: Found) -> Finding {
    text_of(found, |text, kind| match kind {
        "text/html" | "application/xhtml+xml" | "" => markdown::from_html(&text),
        _ => Finding::good(text, json!({})),
    })
}

/// Text as the tool makes it, or a sentence on why there is none.
fn text_of(found: Found, make: impl Fn(String, &str) -> Finding) -> Finding {
    let (url, answer, is_kept) = match found {
        Found::Here {
            url,
            answer,
            is_kept,
        } => (url, answer, is_kept),
        Found::Elsewhere { status, to } => {
            return Finding::failed(
                format!(
                    "[{status}] it is not here: the host points to {to}, which was not followed"
                ),
                json!({"status": status, "location": to}),
            );
        }
    };
    let status = answer.status.as_u16();
    let kind = media_type(&answer.headers);
    if answer.is_cut {
        return Finding::bad(format!(
            "it has more than {BODY_BYTES_MAX} bytes; get it into a file with the shell instead"
        ));
    }
    if !is_text(&kind, &answer.body) {
        return Finding::bad(format!(
            "it is no text but `{kind}`; get it into a file with the shell instead"
        ));
    }
    let bytes = answer.body.len();
    let mut finding = make(String::from_utf8_lossy(&answer.body).into_owned(), &kind);
    finding.is_error |= status >= 400;
    if status >= 400 {
        finding.text = format!("[{}]\n{}", answer.status, finding.text);
    }
    finding.detail = json!({"status": status, "media_type": kind, "bytes": bytes, "url": url.as_str(), "unchanged": is_kept});
    finding
}

/// Any request; its answer is told with its head, and nothing is followed.
async fn sent(client: &Client, outgoing: Outgoing) -> Result<Finding, NoAnswer> {
    let answer = client.ask(&outgoing).await?;
    let kind = media_type(&answer.headers);
    let mut text = format!("[{}]\n", answer.status);
    for (name, value) in answer
        .headers
        .iter()
        .filter(|(name, _)| **name != SET_COOKIE)
    {
        text.push_str(&format!(
            "{name}: {}\n",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    let bytes = answer.body.len();
    text.push('\n');
    match is_text(&kind, &answer.body) {
        true => text.push_str(&String::from_utf8_lossy(&answer.body)),
        false => text.push_str(&format!("[{bytes} bytes of `{kind}`]")),
    }
    if answer.is_cut {
        text.push_str("\n[… the rest was not read …]");
    }
    let detail = json!({"status": answer.status.as_u16(), "media_type": kind, "bytes": bytes});
    Ok(match answer.status.as_u16() {
        400.. => Finding::failed(text, detail),
        _ => Finding::good(text, detail),
    })
}

fn media_type(headers: &HeaderMap) -> String {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = text
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

fn is_text(kind: &str, body: &[u8]) -> bool {
    let named = matches!(
        kind,
        "application/json"
            | "application/xml"
            | "application/javascript"
            | "application/yaml"
            | "application/toml"
            | "application/graphql"
            | "application/x-ndjson"
            | "image/svg+xml"
    );
    let by_suffix = kind.ends_with("+json") || kind.ends_with("+xml") || kind.ends_with("+yaml");
    match kind {
        "" => std::str::from_utf8(body).is_ok(),
        _ => kind.starts_with("text/") || named || by_suffix,
    }
}

/// What was read before, to be asked for again only if it changed. As long as the sandbox lives.
#[derive(Default)]
struct Kept {
    answers: BTreeMap<String, Incame>,
    bytes: usize,
}

impl Kept {
    fn get(&self, url: &Url) -> Option<&Incame> {
        self.answers.get(url.as_str())
    }

    fn conditions(&self, url: &Url) -> Vec<(HeaderName, HeaderValue)> {
        let Some(known) = self.get(url) else {
            return Vec::new();
        };
        let pairs = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];
        let pairs = pairs.into_iter();
        pairs
            .filter_map(|(had, asks)| Some((asks, known.headers.get(had)?.clone())))
            .collect()
    }

    fn put(&mut self, url: &Url, answer: &Incame) {
        if let Some(old) = self.answers.remove(url.as_str()) {
            self.bytes -= old.body.len();
        }
        let names = answer.headers.contains_key(ETAG) || answer.headers.contains_key(LAST_MODIFIED);
        let forbids = answer
            .headers
            .get(CACHE_CONTROL)
            .and_then(|value| value.to_str().ok());
        let forbids = forbids.is_some_and(|text| text.contains("no-store"));
        if answer.status.as_u16() != 200 || answer.is_cut || !names || forbids {
            return;
        }
        if self.bytes + answer.body.len() > KEPT_BYTES_MAX {
            *self = Self::default();
        }
        self.bytes += answer.body.len();
        self.answers.insert(url.to_string(), answer.clone());
    }
}
