//! Refreshes the business metrics that only the database knows: active users, and the categories
//! that become metric labels.

use std::time::Duration;

use actix_web::web;
use strum::VariantNames;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::model::metrics::Tier;
use crate::storage::{metrics, sessions};
use crate::telemetry::instruments::catalogue::CATEGORIES;

/// Refresh interval, that of a usual scrape. A scrape itself must not depend on the database.
const INTERVAL: Duration = Duration::from_secs(15);

/// Registers the most frequent categories once, and counts active users at every interval.
pub(in crate::app) async fn refresh(state: web::Data<AppState>) {
    state.operations.readiness.until_prepared().await;
    let instruments = &state.instruments.catalogue;
    let mut registered = false;
    loop {
        if !registered {
            let limit = i64::try_from(CATEGORIES).unwrap_or(i64::MAX);
            let top =
                state.db.run(Circuit::Metrics, "metrics.commonest_categories", async |conn| {
                    metrics::list_top_categories(conn, limit).await
                });
            if let Ok(categories) = top.await {
                instruments.register_categories(&categories, Tier::VARIANTS);
                registered = true;
            }
        }
        let now = state.clock.now();
        let active = state
            .db
            .run(Circuit::Auth, "sessions.count_active_users", async |conn| {
                sessions::count_active_users(conn, now).await
            })
            .await;
        if let Ok(count) = active {
            instruments.set_active_users(count);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
