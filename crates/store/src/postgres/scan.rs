//! Long answers, as of one moment, for callers that wait for them row by row.

use super::transaction::Pg;
use super::value::{Param, row, type_of};
use super::{Pool, failed, unreachable, wall};
use crate::StoreError;
use crate::sql::{Moment, Row, Value};
use crate::store::Tally;
use futures_util::TryStreamExt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use tokio::sync::mpsc;
use wardroom_domain::OrgId;

/// How many rows wait for a slow reader.
const ROWS_WAITING_MAX: usize = 256;

struct Question {
    sql: String,
    params: Vec<Value<'static>>,
    rows: mpsc::Sender<Result<Row, StoreError>>,
}

/// What is asked of one moment, one question after the other.
pub(super) struct Questions(mpsc::UnboundedReceiver<Question>);

/// The asking side.
pub(super) struct Asking(mpsc::UnboundedSender<Question>);

pub(super) fn moment() -> (Asking, Questions) {
    let (asking, questions) = mpsc::unbounded_channel();
    (Asking(asking), Questions(questions))
}

impl Moment for Asking {
    fn each(
        &self,
        sql: &str,
        params: &[Value<'_>],
        visit: &mut dyn FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (rows, mut coming) = mpsc::channel(ROWS_WAITING_MAX);
        let question = Question {
            sql: sql.to_owned(),
            params: params.iter().cloned().map(Value::into_owned).collect(),
            rows,
        };
        self.0.send(question).map_err(|_| StoreError::Closed)?;
        while let Some(row) = wait_for(&mut coming) {
            visit(row?)?;
        }
        Ok(())
    }
}

/// Waits on the calling thread, whether or not it belongs to a runtime.
fn wait_for<T>(coming: &mut mpsc::Receiver<T>) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // It has no turn to give back: nothing else runs on this thread meanwhile.
    let mut next = pin!(tokio::task::unconstrained(coming.recv()));
    loop {
        match next.as_mut().poll(&mut context) {
            Poll::Ready(next) => return next,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Answers the questions in one transaction that sees one moment.
pub(super) async fn answer(pool: &Pool, tally: &Tally, mut questions: Questions) {
    let client = match pool.get().await {
        Ok(client) => client,
        Err(error) => return refuse(questions, &unreachable(&error)).await,
    };
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    if let Err(error) = client.batch_execute(begin).await {
        return refuse(questions, &failed("reading", &error)).await;
    }
    let reader = Pg {
        client: &client,
        tally,
        failure: None,
    };
    while let Some(question) = questions.0.recv().await {
        if let Err(error) = stream(&reader, &question).await {
            // Whoever asked may have heard enough.
            let _ = question.rows.send(Err(error)).await;
            break;
        }
    }
    let _ = client.batch_execute("ROLLBACK").await;
}

/// A question that names no org is about all of them: behind the wall that is one after the other.
async fn stream(reader: &Pg<'_>, question: &Question) -> Result<(), StoreError> {
    if let Some(org) = wall::org_of(&question.params) {
        return stream_of(reader, question, Some(org)).await.map(drop);
    }
    for org in wall::visible(reader.client).await? {
        if !stream_of(reader, question, org).await? {
            break;
        }
    }
    Ok(())
}

/// Answers whether anybody still listens.
async fn stream_of(
    reader: &Pg<'_>,
    question: &Question,
    org: Option<OrgId>,
) -> Result<bool, StoreError> {
    let failed = |error: tokio_postgres::Error| failed("reading", &error);
    wall::stand_in(reader.client, org).await.map_err(failed)?;
    let types: Vec<_> = question.params.iter().map(type_of).collect();
    let statement = reader
        .client
        .prepare_typed_cached(&question.sql, &types)
        .await
        .map_err(failed)?;
    let values = question.params.iter().map(Param);
    let rows = reader
        .client
        .query_raw(&statement, values)
        .await
        .map_err(failed)?;
    let mut rows = pin!(rows);
    while let Some(given) = rows.try_next().await.map_err(failed)? {
        if question.rows.send(row(&given)).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn refuse(mut questions: Questions, error: &StoreError) {
    while let Some(question) = questions.0.recv().await {
        let _ = question.rows.send(Err(error.clone())).await;
    }
}
