//! Hears the epochs of the catalogue and of authority: at once by notification, and every second by
//! asking, because notifications get lost. The two ways share nothing: the questions go through the
//! pool, the notifications come on a connection of their own.

use std::time::{Duration, Instant};

use actix_web::web;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::StreamExt;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::model::authority::{Concern, Notice};
use crate::storage::{authority_epochs, catalogue_epochs};

const POLL: Duration = Duration::from_secs(1);

/// Asks every second whether the catalogue has changed.
pub(in crate::app) async fn poll_catalogue(state: web::Data<AppState>) {
    state.prepared().await;
    loop {
        // Before the question, so that what is heard is never thought to be younger than it is.
        let asked = Instant::now();
        let epoch = state
            .db
            .run(Circuit::Metrics, "epoch", async |conn| catalogue_epochs::current(conn).await)
            .await;
        if let Ok(epoch) = epoch {
            state.answers.hear(epoch, asked);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Asks every second whether somebody's authority has ended. So does the embedded database's only
/// process: a commit whose outcome it was not told may come after the invalidation that followed
/// it.
pub(in crate::app) async fn poll_authority(state: web::Data<AppState>) {
    state.prepared().await;
    loop {
        // Before the question, too: a notification may overtake its answer.
        let (asked, known) = (Instant::now(), state.keys.epoch());
        let epoch = state
            .db
            .run(Circuit::ApiKeys, "epoch", async |conn| authority_epochs::current(conn).await)
            .await;
        if let Ok(epoch) = epoch
            && state.keys.polled(epoch, asked, known).await
        {
            state.callers.end(Concern::All);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Listens on a connection of its own, and begins anew when that ends. What was said before it
/// listened was not heard: so everything about authority is forgotten first; the catalogue's epoch
/// is read again by the poll.
pub(in crate::app) async fn listen(state: web::Data<AppState>) {
    loop {
        if let Ok(mut connection) = state.db.administrative_connection().await {
            let channels = format!(
                "LISTEN {}; LISTEN {}",
                catalogue_epochs::CHANNEL,
                authority_epochs::CHANNEL
            );
            if connection.batch_execute(&channels).await.is_ok() {
                state.end(Concern::All).await;
                hear(&state, &mut connection).await;
            }
            slog::info!(
                state.logger,
                "the connection for notifications has ended; listening again"
            );
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn hear(state: &AppState, connection: &mut AsyncPgConnection) {
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    while let Some(Ok(notification)) = notifications.next().await {
        let now = Instant::now();
        if notification.channel == authority_epochs::CHANNEL {
            match notification.payload.parse::<Notice>() {
                Ok(notice) => state.callers.end(state.keys.announced(notice, now).await),
                Err(_) => state.end(Concern::All).await,
            }
        } else if let Ok(epoch) = notification.payload.parse() {
            state.answers.hear(epoch, now);
        }
    }
}
