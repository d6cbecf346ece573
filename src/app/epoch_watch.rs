//! Hears the catalogue's epoch: at once by notification, and every second by asking, because notifications get lost.

use std::time::{Duration, Instant};

use actix_web::web;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::StreamExt;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::storage::catalogue_epochs;

const POLL: Duration = Duration::from_secs(1);

/// Asks every second.
pub(super) async fn poll(state: web::Data<AppState>) {
    loop {
        // Before the question, so that what is heard is never thought to be younger than it is.
        let asked = Instant::now();
        let epoch = state.db.run(Circuit::Metrics, "epoch", async |conn| catalogue_epochs::current(conn).await).await;
        if let Ok(epoch) = epoch {
            state.answers.hear(epoch, asked);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Listens on a connection of its own, and begins anew when that ends; the state is read again by the poll.
pub(super) async fn listen(state: web::Data<AppState>) {
    loop {
        if let Ok(mut connection) = state.db.administrative_connection().await {
            if diesel::sql_query("LISTEN mdl_catalogue").execute(&mut connection).await.is_ok() {
                hear(&state, &mut connection).await;
            }
            slog::debug!(state.logger, "the listener's connection ended; listening again");
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn hear(state: &AppState, connection: &mut AsyncPgConnection) {
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    while let Some(Ok(notification)) = notifications.next().await {
        if let Ok(epoch) = notification.payload.parse() {
            state.answers.hear(epoch, Instant::now());
        }
    }
}
