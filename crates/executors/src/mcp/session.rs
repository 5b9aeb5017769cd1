//! One conversation with one server, from the handshake to the end.

use super::child::{Body, Program};
use super::ears::Ears;
use super::fault::CallFault;
use super::garbage::Weighed;
use super::limits::{END_TIME_MAX, MESSAGE_BYTES_MAX, PAGES_MAX};
use super::value::Answer;
use super::{TOOLS_PER_SERVER_MAX, limits};
use reqwest::Client;
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, CallToolResponse, PaginatedRequestParams};
use rmcp::service::{ClientInitializeError, RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use std::time::Duration;
use wardroom_sandbox::DestroyReason;
use wardroom_tools::Definition;

/// An open session.
pub(super) struct Session {
    server: String,
    service: RunningService<RoleClient, Ears>,
    ears: Ears,
    body: Option<Body>,
    /// What the server says of its tools, as far as we were told.
    pub(super) definitions: Vec<Definition>,
    /// How often the values that it was given had been replaced.
    pub(super) began_at: u64,
}

impl Session {
    /// Shakes hands over a program's streams and reads its tools.
    pub(super) async fn over_streams(server: &str, program: Program) -> Result<Self, String> {
        let Program {
            input,
            output,
            body,
        } = program;
        let transport = AsyncRwTransport::new_client(Weighed::new(output), input)
            .with_max_line_length(MESSAGE_BYTES_MAX);
        let ears = Ears::default();
        let greeted = tokio::time::timeout(limits::START_TIME_MAX, ears.clone().serve(transport));
        let begun = match greeted.await {
            Ok(Ok(service)) => Self::begin(server, service, ears).await,
            Ok(Err(error)) => Err(why_no_handshake(&error)),
            Err(_) => Err(late()),
        };
        match begun {
            Ok(mut session) => {
                session.body = Some(body);
                Ok(session)
            }
            Err(why) => Err(match body.close_and_hear().await {
                Some(said) => format!("{why}; it said: {said}"),
                None => why,
            }),
        }
    }

    /// Shakes hands over HTTP and reads its tools.
    pub(super) async fn over_http(
        server: &str,
        transport: StreamableHttpClientTransport<Client>,
    ) -> Result<Self, String> {
        let ears = Ears::default();
        let greeted = tokio::time::timeout(limits::START_TIME_MAX, ears.clone().serve(transport));
        match greeted.await {
            Ok(Ok(service)) => Self::begin(server, service, ears).await,
            Ok(Err(error)) => Err(why_no_handshake(&error)),
            Err(_) => Err(late()),
        }
    }

    async fn begin(
        server: &str,
        service: RunningService<RoleClient, Ears>,
        ears: Ears,
    ) -> Result<Self, String> {
        let mut session = Self {
            server: server.to_owned(),
            service,
            ears,
            body: None,
            definitions: Vec::new(),
            began_at: 0,
        };
        session.list().await?;
        Ok(session)
    }

    /// Reads the tools again if the server said that they changed.
    pub(super) async fn refresh(&mut self) -> Result<(), String> {
        if self.ears.take_changed() {
            self.list().await?;
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<(), String> {
        match tokio::time::timeout(limits::START_TIME_MAX, self.pages()).await {
            Ok(Ok(definitions)) => {
                self.definitions = definitions;
                Ok(())
            }
            Ok(Err(error)) => Err(format!(
                "it did not list its tools: {}",
                why_no_answer(&error)
            )),
            Err(_) => Err(late()),
        }
    }

    async fn pages(&self) -> Result<Vec<Definition>, ServiceError> {
        let mut definitions = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let mut asked = PaginatedRequestParams::default();
            asked.cursor = cursor;
            let page = self.service.list_tools(Some(asked)).await?;
            definitions.extend(page.tools.into_iter().map(definition));
            definitions.truncate(TOOLS_PER_SERVER_MAX);
            cursor = page.next_cursor;
            if cursor.is_none() || definitions.len() == TOOLS_PER_SERVER_MAX {
                break;
            }
        }
        Ok(definitions)
    }

    /// Calls a tool. Dropping this tells the server that nobody waits any more.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: &Value,
        time: Duration,
        heard: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Answer, CallFault> {
        let mut asked = CallToolRequestParams::new(tool.to_owned());
        asked.arguments = arguments.as_object().cloned();
        let mut progress = self.ears.listen();
        let mut lines = 0;
        let mut answer = std::pin::pin!(self.service.call_tool_once(asked));
        let mut too_late = std::pin::pin!(tokio::time::sleep(time));
        loop {
            tokio::select! {
                answer = &mut answer => return self.read(answer),
                () = &mut too_late => {
                    let server = self.server.clone();
                    return Err(CallFault::Hung { server, time });
                }
                Some(line) = progress.recv(), if lines < limits::PROGRESS_LINES_MAX => {
                    lines += 1;
                    heard(line.as_bytes());
                    heard(b"\n");
                }
            }
        }
    }

    fn read(&self, answer: Result<CallToolResponse, ServiceError>) -> Result<Answer, CallFault> {
        match answer {
            Ok(CallToolResponse::Complete(result)) => Ok(Answer::of(result)),
            Ok(_) => Ok(Answer::refusal(
                "it wants to ask something back, which is not answered here",
            )),
            Err(ServiceError::McpError(error)) => Ok(Answer::refusal(&error.message)),
            Err(error) => Err(CallFault::Lost {
                server: self.server.clone(),
                why: why_no_answer(&error),
            }),
        }
    }

    /// Ends the session, and the program behind it.
    pub(super) async fn close(mut self, why: DestroyReason) {
        // What does not end by itself ends with its program.
        let _ = self.service.close_with_timeout(END_TIME_MAX).await;
        if let Some(body) = self.body.take() {
            body.close(why).await;
        }
    }
}

fn definition(tool: rmcp::model::Tool) -> Definition {
    Definition {
        name: tool.name.into_owned(),
        description: tool.description.unwrap_or_default().into_owned(),
        parameters: Value::Object(tool.input_schema.as_ref().clone()),
    }
}

fn late() -> String {
    format!("it did not answer within {:?}", limits::START_TIME_MAX)
}

fn why_no_handshake(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::ConnectionClosed(_) => {
            "it ended, or printed what is no message, before the handshake".to_owned()
        }
        ClientInitializeError::TransportError { error, .. } => plain(&*error.error),
        other => plain(other),
    }
}

fn why_no_answer(error: &ServiceError) -> String {
    match error {
        ServiceError::TransportSend(error) => plain(&*error.error),
        other => plain(other),
    }
}

/// HTTP statuses of the three hundreds, as the transport words them.
fn redirected(text: String) -> String {
    if text.contains("HTTP 30") {
        "it answered with a redirect, and redirects are not followed; configure the address that it leads to".to_owned()
    } else {
        text
    }
}

/// An error in one line, without what a terminal would obey, and not too long.
fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    redirected(visible.take(300).collect())
}
