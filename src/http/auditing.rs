//! The audit log of requests. The transaction of a request records its events
//! (`storage::audit_events`); here they are logged, once they are known to be committed. Refused
//! requests are counted ([`queue`]) and written later, many in one statement.

pub mod queue;
mod refusal;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, web};
use slog::{Logger, o};

use super::AppState;
use super::error::ApiError;
use crate::actors::db_breaker::{Circuit, DbBreakerHandle};
use crate::storage::audit_events::{self, NewEvent, RecordedEvent, Trail};
use crate::telemetry::error_chain;

/// Pauses before the lookups of events whose commit is not confirmed: a running server commits
/// within moments.
const LOOKUP_PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(30)];

/// Writes what waits in the queue: at the end of an interval (`all`) every refusal, else only those
/// of new keys. Returns the number of rows. What could not be written stays in the queue.
pub async fn flush(state: &AppState, all: bool) -> usize {
    let queue = &state.audit;
    let _flush = queue.lock_flush().await;
    let (waiting, refusals) = queue.take(all);
    let rows: Result<Vec<NewEvent>, _> = refusals.iter().map(refusal::to_event).collect();
    let rows = match rows {
        Ok(rows) => waiting.iter().cloned().chain(rows).collect::<Vec<_>>(),
        Err(error) => {
            let error = error_chain(&error);
            slog::error!(state.logger, "audit events dropped"; "error" => error);
            return 0;
        }
    };
    if rows.is_empty() {
        return 0;
    }
    let insert = async |conn: &mut _| audit_events::insert_all(conn, &rows).await;
    match state.db.run(Circuit::Auth, "audit_events.record_refusals", insert).await {
        Ok(ids) => {
            for (event_id, row) in ids.into_iter().zip(&rows) {
                log(&state.logger, event_id, row);
            }
            rows.len()
        }
        Err(error) => {
            slog::warn!(state.logger, "failed to write audit events; trying again";
                "error" => error_chain(&error));
            queue.put_back(waiting, refusals);
            0
        }
    }
}

/// The audit of one request. Its events are logged when the request ends or is dropped. It lives in
/// the request, which a handler that runs to its end keeps after its client has disconnected.
struct AuditedRequest {
    state: web::Data<AppState>,
    trail: Trail,
}

/// Returns the trail of a request, to which its transactions add their events. The first call
/// begins the audit of the request; most requests record nothing.
pub fn trail(request: &HttpRequest) -> Trail {
    let Some(state) = request.app_data::<web::Data<AppState>>() else { return Trail::default() };
    let mut extensions = request.extensions_mut();
    if let Some(AuditedRequest { trail, .. }) = extensions.get() {
        return trail.clone();
    }
    let trail = Trail::default();
    extensions.insert(AuditedRequest { state: state.clone(), trail: trail.clone() });
    trail
}

/// Ends the audit of a request that has its response: logs its events and counts its refusal.
pub fn finish_request(
    state: &AppState,
    request: &HttpRequest,
    status: StatusCode,
    error: Option<&ApiError>,
) {
    if let Some(refusal) = error.and_then(|error| refusal::from_request(request, error)) {
        state.audit.count(refusal, state.clock.now());
    }
    if status.is_success()
        && let Some(AuditedRequest { trail, .. }) = request.extensions().get()
    {
        log_committed(&state.db, &state.logger, trail);
    }
}

/// Events that are left were recorded by a request that failed or whose client disconnected; their
/// transaction may be committed all the same.
impl Drop for AuditedRequest {
    fn drop(&mut self) {
        let (last, earlier) = self.trail.take();
        log_existing(&self.state.db, &self.state.logger, [last, earlier].concat());
    }
}

/// Logs the events of a trail whose last transaction is known to be committed.
pub fn log_committed(db: &DbBreakerHandle, logger: &Logger, trail: &Trail) {
    log_existing(db, logger, log_rows(logger, trail));
}

/// Logs the events of the last transaction, which is known to be committed. Returns those of
/// earlier transactions.
pub fn log_rows(logger: &Logger, trail: &Trail) -> Vec<RecordedEvent> {
    let (last, earlier) = trail.take();
    for row in last {
        log(logger, row.event_id, &row.event);
    }
    earlier
}

/// Looks up in the background which of these events are committed, and logs those.
pub fn log_existing(db: &DbBreakerHandle, logger: &Logger, mut rows: Vec<RecordedEvent>) {
    if rows.is_empty() {
        return;
    }
    let (db, logger) = (db.clone(), logger.clone());
    actix_web::rt::spawn(async move {
        for pause in LOOKUP_PAUSES {
            tokio::time::sleep(pause).await;
            let ids: Vec<i64> = rows.iter().map(|row| row.event_id).collect();
            let find = async |conn: &mut _| audit_events::find_existing(conn, &ids).await;
            let found = db.run(Circuit::Auth, "audit_events.find_existing", find).await;
            let Ok(existing) = found else { continue };
            let (committed, missing) =
                rows.into_iter().partition(|row| existing.contains(&row.event_id));
            rows = missing;
            for row in committed {
                log(&logger, row.event_id, &row.event);
            }
            if rows.is_empty() {
                return;
            }
        }
    });
}

/// Logs an event without its details, which are personal data.
fn log(logger: &Logger, event_id: i64, row: &NewEvent) {
    let values = o!(
        "event_id" => event_id, "action" => row.action, "outcome" => row.outcome,
        "reason" => row.reason, "occurrences" => row.occurrences, "actor" => row.actor.clone(),
        "actor_id" => row.actor_id.map(|id| id.to_string()), "target" => row.target.clone(),
        "target_id" => row.target_id.map(|id| id.to_string()), "channel" => row.channel,
        "address" => row.address.clone(), "request_id" => row.request_id.clone(),
        "server_request_id" => row.server_request_id.map(|id| id.to_string()),
        "trace_id" => row.trace_id.map(|id| id.simple().to_string()));
    if row.reason.is_some() {
        slog::warn!(logger, "audit"; values);
    } else {
        slog::info!(logger, "audit"; values);
    }
}
