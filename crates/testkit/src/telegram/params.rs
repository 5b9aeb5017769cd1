//! Parameters of a call, in every form that Telegram reads: query, JSON, form, multipart.

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

#[derive(Default)]
pub struct Params {
    pub fields: Map<String, Value>,
    /// Files by field: their names and bytes.
    pub files: Vec<(String, String, Vec<u8>)>,
}

impl Params {
    pub async fn read(request: Request) -> Self {
        let mut params = Self::default();
        params.form(request.uri().query().unwrap_or_default());
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        if kind.starts_with("multipart/") {
            params.multipart(request).await;
            return params;
        }
        let body = axum::body::to_bytes(request.into_body(), 64 * 1024 * 1024).await;
        let body = body.unwrap_or_default();
        if kind.starts_with("application/json") {
            if let Ok(Value::Object(fields)) = serde_json::from_slice(&body) {
                params.fields.extend(fields);
            }
        } else {
            params.form(&String::from_utf8_lossy(&body));
        }
        params
    }

    async fn multipart(&mut self, request: Request) {
        let Ok(mut parts) = Multipart::from_request(request, &()).await else {
            return;
        };
        while let Ok(Some(part)) = parts.next_field().await {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(str::to_owned);
            let bytes = part.bytes().await.unwrap_or_default().to_vec();
            match file {
                Some(file) => self.files.push((name, file, bytes)),
                None => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    self.fields.insert(name, Value::String(text));
                }
            }
        }
    }

    fn form(&mut self, text: &str) {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.fields.insert(plain(name), Value::String(plain(value)));
        }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        match self.fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// A part that is an object or a list, also where it came as text.
    pub fn json(&self, name: &str) -> Value {
        match self.fields.get(name) {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            Some(value) => value.clone(),
            None => Value::Null,
        }
    }
}

fn plain(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3);
        match (
            bytes[at],
            hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
