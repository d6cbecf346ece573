//! The audit log of requests. What a request has done was recorded in its own transaction
//! (`storage::audit_events`); here it is logged, once it is known to be committed. What a request
//! was refused is counted here (`memory::refusals`) and written later, in one statement for many.

mod refusal;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, web};
use chrono::{DateTime, Utc};
use slog::{Logger, o};
use tokio::sync::Notify;
use uuid::Uuid;

pub use self::refusal::Attempt;
use super::AppState;
use super::error::ApiError;
use crate::actors::db_breaker::Circuit;
use crate::cache::audit_refusals::{Refusals, Refused};
use crate::model::audit::Action;
use crate::storage::audit_events::{self, Actor, NewEvent, Recorded, Trail};

/// Most rows that wait for the database, of actions that are not done in it.
const MAX_WAITING: usize = 256;
/// When a transaction whose end is not known is looked for: a server that lives commits within
/// moments.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(30)];

/// What requests leave for the audit log.
#[derive(Debug, Default)]
pub struct Audit {
    refusals: Refusals,
    waiting: Mutex<VecDeque<NewEvent>>,
    wake: Notify,
    /// One flush at a time: whoever flushes at shutdown waits for one that is under way.
    flushing: tokio::sync::Mutex<()>,
}

impl Audit {
    /// Hands over the row of an action that is not done in the database. Beyond a bound the oldest
    /// is lost.
    pub fn record_later(&self, event: NewEvent) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(event);
        self.wake.notify_one();
    }

    /// Counts the refusal of something that its request was not refused for, so that nobody learns
    /// of it.
    pub fn count_refusal(
        &self,
        actor: &Actor,
        action: Action,
        reason: &'static str,
        account: (Option<Uuid>, String),
        now: DateTime<Utc>,
    ) {
        if let Some((kind, sample)) = refusal::of_actor(actor, action, reason, account)
            && self.refusals.count(kind, sample, now)
        {
            self.wake.notify_one();
        }
    }

    /// Waits until there is something to be written at once.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    fn take_waiting(&self) -> VecDeque<NewEvent> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn give_back(&self, mut events: VecDeque<NewEvent>, refused: Vec<Refused>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        events.append(&mut waiting);
        events.drain(..events.len().saturating_sub(MAX_WAITING));
        *waiting = events;
        drop(waiting);
        self.refusals.give_back(refused);
    }
}

/// Writes what is due: at the end of an interval (`all`) everything that was counted, else only
/// what is new. Returns how many rows; what could not be written is kept for the next time.
pub async fn flush(state: &AppState, all: bool) -> usize {
    let audit = &state.audit;
    let _turn = audit.flushing.lock().await;
    let refused = if all { audit.refusals.take_all() } else { audit.refusals.take_fresh() };
    let waiting = audit.take_waiting();
    let rows: Result<Vec<NewEvent>, _> = refused.iter().map(refusal::row).collect();
    let Ok(rows) = rows.map(|rows| waiting.iter().cloned().chain(rows).collect::<Vec<_>>()) else {
        return 0;
    };
    if rows.is_empty() {
        return 0;
    }
    let insert = async |conn: &mut _| audit_events::insert_all(conn, &rows).await;
    match state.db.run(Circuit::Auth, "record_refusals", insert).await {
        Ok(ids) => {
            for (event_id, row) in ids.into_iter().zip(&rows) {
                log(&state.logger, event_id, row);
            }
            rows.len()
        }
        Err(error) => {
            slog::warn!(state.logger, "failed to write audit events; trying again"; "error" => format!("{error:?}"));
            audit.give_back(waiting, refused);
            0
        }
    }
}

/// A request under way. What it has recorded is logged when it ends, however that is: it lives in
/// the request, which a handler that runs to its end keeps after its client has gone.
struct AuditedRequest {
    state: web::Data<AppState>,
    trail: Trail,
}

/// Begins to audit a request.
pub fn start(state: &web::Data<AppState>, request: &ServiceRequest) {
    let trail = Trail::default();
    let mut extensions = request.extensions_mut();
    extensions.insert(trail.clone());
    extensions.insert(AuditedRequest { state: state.clone(), trail });
}

/// A request has its response, whether or not its client is still there.
pub fn finish(request: &HttpRequest, status: StatusCode, error: Option<&ApiError>) {
    let refusal = error.and_then(|error| refusal::kind(request, error));
    let extensions = request.extensions();
    let Some(AuditedRequest { state, trail }) = extensions.get() else { return };
    if status.is_success() {
        log_committed(state, trail);
    }
    if let Some((kind, sample)) = refusal
        && state.audit.refusals.count(kind, sample, state.clock.now())
    {
        state.audit.wake.notify_one();
    }
}

/// What is left here was recorded by a request that failed or whose client went away: it may be
/// committed all the same.
impl Drop for AuditedRequest {
    fn drop(&mut self) {
        let (last, earlier) = self.trail.take();
        log_existing(&self.state, [last, earlier].concat());
    }
}

/// Logs what a transaction has recorded that is known to be committed.
pub fn log_committed(state: &web::Data<AppState>, trail: &Trail) {
    log_existing(state, log_rows(&state.logger, trail));
}

/// Logs the rows of the last transaction, which is known to be committed. Returns those of earlier
/// ones.
pub fn log_rows(logger: &Logger, trail: &Trail) -> Vec<Recorded> {
    let (last, earlier) = trail.take();
    for row in last {
        log(logger, row.event_id, &row.event);
    }
    earlier
}

/// Looks which rows there are, and logs those.
pub fn log_existing(state: &web::Data<AppState>, mut rows: Vec<Recorded>) {
    if rows.is_empty() {
        return;
    }
    let state = state.clone();
    actix_web::rt::spawn(async move {
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            let ids: Vec<i64> = rows.iter().map(|row| row.event_id).collect();
            let look = async |conn: &mut _| audit_events::existing(conn, &ids).await;
            let Ok(existing) = state.db.run(Circuit::Auth, "existing_audit_events", look).await
            else {
                continue;
            };
            let (committed, missing) =
                rows.into_iter().partition(|row| existing.contains(&row.event_id));
            rows = missing;
            for row in committed {
                log(&state.logger, row.event_id, &row.event);
            }
            if rows.is_empty() {
                return;
            }
        }
    });
}

/// The log event of a row; without its values, which are personal data: the row has them.
fn log(logger: &Logger, event_id: i64, row: &NewEvent) {
    let values = o!(
        "event_id" => event_id, "action" => row.action, "outcome" => row.outcome, "reason" => row.reason,
        "occurrences" => row.occurrences, "actor" => row.actor.clone(),
        "actor_id" => row.actor_id.map(|id| id.to_string()), "target" => row.target.clone(),
        "target_id" => row.target_id.map(|id| id.to_string()), "channel" => row.channel,
        "address" => row.address.clone(), "request_id" => row.request_id.clone(),
        "server_request_id" => row.server_request_id.map(|id| id.to_string()));
    if row.reason.is_some() {
        slog::warn!(logger, "audit"; values);
    } else {
        slog::info!(logger, "audit"; values);
    }
}
