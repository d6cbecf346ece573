//! Receives invalidation events and keeps the epochs of the catalogue and of permissions current:
//! by notification, on a connection of its own, and by polling every second through the pool,
//! because notifications can get lost.

use std::time::{Duration, Instant};

use actix_web::web;
use futures_util::StreamExt;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::model::authority::{InvalidationEvent, InvalidationScope};
use crate::postgres::notifications::NotificationListener;
use crate::storage::{authority_epochs, catalogue_epochs};

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Polls the catalogue epoch.
pub(in crate::app) async fn poll_catalogue(state: web::Data<AppState>) {
    state.operations.readiness.until_prepared().await;
    loop {
        // Taken before the query, so that the epoch is never considered newer than it is.
        let started = Instant::now();
        let epoch = state
            .db
            .run(Circuit::Metrics, "epoch", async |conn| catalogue_epochs::get(conn).await)
            .await;
        if let Ok(epoch) = epoch {
            state.catalogue.responses.confirm_epoch(epoch, started);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Polls the epoch of permissions, also with the embedded database and its single process: a commit
/// with an unknown outcome may happen after the invalidation that followed it.
pub(in crate::app) async fn poll_authority(state: web::Data<AppState>) {
    state.operations.readiness.until_prepared().await;
    loop {
        // Both taken before the query, because a notification may overtake its result.
        let (started, known) = (Instant::now(), state.accounts.keys.applied_epoch());
        let epoch = state
            .db
            .run(Circuit::ApiKeys, "epoch", async |conn| authority_epochs::get(conn).await)
            .await;
        if let Ok(epoch) = epoch
            && state.accounts.keys.apply_epoch(epoch, started, known).await
        {
            state.accounts.sessions.invalidate(InvalidationScope::All);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Listens for notifications on a connection of its own, and reconnects when that ends. Events from
/// before `LISTEN` are lost, so all cached permissions are invalidated first; the catalogue epoch
/// is read by the poll.
pub(in crate::app) async fn listen(state: web::Data<AppState>) {
    loop {
        if let Ok(connection) = state.db.administrative_connection().await {
            let channels = [catalogue_epochs::CHANNEL, authority_epochs::CHANNEL];
            if let Ok(listener) = NotificationListener::listen(connection, &channels).await {
                state.accounts.invalidate(InvalidationScope::All).await;
                receive(&state, listener).await;
            }
            slog::info!(state.logger, "connection for notifications ended; reconnecting");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Applies notifications until the connection ends.
async fn receive(state: &AppState, mut listener: NotificationListener) {
    let mut notifications = std::pin::pin!(listener.notifications());
    while let Some(Ok(notification)) = notifications.next().await {
        let now = Instant::now();
        if notification.channel == authority_epochs::CHANNEL {
            match notification.payload.parse::<InvalidationEvent>() {
                Ok(event) => state
                    .accounts
                    .sessions
                    .invalidate(state.accounts.keys.apply_event(event, now).await),
                Err(_) => state.accounts.invalidate(InvalidationScope::All).await,
            }
        } else if let Ok(epoch) = notification.payload.parse() {
            state.catalogue.responses.confirm_epoch(epoch, now);
        }
    }
}
