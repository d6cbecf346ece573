//! Receives invalidation events and keeps the epochs of the catalogue and of permissions current:
//! by notification, on a connection of its own, and by polling through the pool, because
//! notifications can get lost, or may be switched off (`NOTIFY_ENABLED`). Where changes may have
//! been missed, or a counter went back or was restored, a new incarnation starts: what is cached is
//! verified in the database before it counts as fresh.

use std::time::{Duration, Instant};

use actix_web::web;

use super::polled_epoch::PolledEpoch;
use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::model::authority::{InvalidationEvent, InvalidationScope};
use crate::model::catalogue_event::CatalogueEvent;
use crate::postgres::notifications::NotificationListener;
use crate::storage::{authority_epochs, catalogue_epochs};

/// Wait before a connection that has ended is opened again.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

/// Polls the catalogue epoch.
pub(in crate::app) async fn poll_catalogue(state: web::Data<AppState>, interval: Duration) {
    state.operations.readiness.until_prepared().await;
    let mut polled = PolledEpoch::default();
    loop {
        // Both taken before the query: the epoch is never considered newer than it is, and a
        // notification that overtakes its result is not taken for a counter that went back.
        let (started, known) = (Instant::now(), state.catalogue.responses.epochs.current());
        let row = state
            .db
            .run_reserved(Circuit::Metrics, "catalogue_epochs.get", async |conn| {
                catalogue_epochs::get_row(conn).await
            })
            .await;
        if let Ok(row) = row {
            let epochs = &state.catalogue.responses.epochs;
            if polled.was_replaced(row) {
                // The next poll confirms it.
                epochs.start_incarnation();
            }
            epochs.apply_polled(row.epoch, known, started);
            state.catalogue.feed.announce_epoch(row.epoch);
        }
        if let Some(replica) = &state.catalogue.replica {
            replica.poll(&state.db).await;
        }
        tokio::time::sleep(interval).await;
    }
}

/// Polls the epoch of permissions, also with the embedded database and its single process: a commit
/// with an unknown outcome may happen after the invalidation that followed it.
pub(in crate::app) async fn poll_authority(state: web::Data<AppState>, interval: Duration) {
    state.operations.readiness.until_prepared().await;
    let mut polled = PolledEpoch::default();
    loop {
        // Both taken before the query, because a notification may overtake its result.
        let (started, known) = (Instant::now(), state.accounts.keys.applied_epoch());
        let row = state
            .db
            .run(Circuit::ApiKeys, "authority_epochs.get", async |conn| {
                authority_epochs::get(conn).await
            })
            .await;
        if let Ok(row) = row {
            if polled.was_replaced(row) {
                state.accounts.keys.start_incarnation().await;
            }
            if state.accounts.keys.apply_epoch(row.epoch, started, known).await {
                state.accounts.sessions.invalidate(InvalidationScope::All, state.clock.now());
                state.catalogue.feed.announce_authority();
            }
        }
        tokio::time::sleep(interval).await;
    }
}

/// Listens for notifications on a connection of its own, and reconnects when that ends. Events from
/// before `LISTEN` are lost, so a new incarnation starts with each connection.
pub(in crate::app) async fn listen(state: web::Data<AppState>) {
    loop {
        if let Ok(connection) = state.db.administrative_connection().await {
            let channels = [
                catalogue_epochs::CHANGES_CHANNEL,
                catalogue_epochs::CHANNEL,
                authority_epochs::CHANNEL,
            ];
            if let Ok(listener) = NotificationListener::listen(connection, &channels).await {
                state.catalogue.responses.epochs.start_incarnation();
                state.accounts.keys.start_incarnation().await;
                receive(&state, listener).await;
            }
            slog::info!(state.logger, "connection for notifications ended; reconnecting");
        }
        tokio::time::sleep(RECONNECT_INTERVAL).await;
    }
}

/// Applies notifications until the connection ends.
async fn receive(state: &AppState, mut listener: NotificationListener) {
    let (mut catalogue, mut authority) = (NotifiedEpoch::default(), NotifiedEpoch::default());
    while let Some(notification) = listener.next().await {
        let now = Instant::now();
        if notification.channel == authority_epochs::CHANNEL {
            let Ok(event) = notification.payload.parse::<InvalidationEvent>() else {
                state.accounts.keys.start_incarnation().await;
                continue;
            };
            if authority.went_back(event.epoch) {
                state.accounts.keys.start_incarnation().await;
            }
            state.accounts.apply_event(event, now).await;
            state.catalogue.feed.announce_authority();
        } else if let Ok(event) = notification.payload.parse::<CatalogueEvent>() {
            let epochs = &state.catalogue.responses.epochs;
            // What changed arrives first, on a channel that not every version of the trigger has.
            let is_epoch = notification.channel == catalogue_epochs::CHANNEL;
            if is_epoch && catalogue.went_back(event.epoch) {
                epochs.start_incarnation();
            }
            epochs.apply_notified(&event, now);
            if is_epoch {
                state.catalogue.feed.announce_epoch(event.epoch);
            }
        }
    }
}

/// The last epoch that was announced on one connection. `PostgreSQL` delivers notifications in the
/// order of their commits, and the counter's row lock puts those in line, so that each epoch is
/// higher than the one before.
#[derive(Debug, Default)]
struct NotifiedEpoch(Option<i64>);

impl NotifiedEpoch {
    /// Records the next epoch. Returns whether the counter went back.
    fn went_back(&mut self, epoch: i64) -> bool {
        self.0.replace(epoch).is_some_and(|before| epoch <= before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notified_epoch_that_does_not_grow_went_back() {
        let mut notified = NotifiedEpoch::default();
        let went_back: Vec<bool> =
            [7, 8, 12, 12, 3, 4].into_iter().map(|epoch| notified.went_back(epoch)).collect();
        assert_eq!(went_back, [false, false, false, true, true, false]);
    }
}
