//! What the instruments of the business cannot count by themselves: now and then the database is
//! asked.

use std::time::Duration;

use actix_web::web;
use strum::VariantNames;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::model::metrics::Tier;
use crate::storage::{metrics, sessions};
use crate::telemetry::instruments::catalogue::CATEGORIES;

/// As often as Prometheus usually scrapes. Not at each scrape, which must answer while the database
/// is away.
const EVERY: Duration = Duration::from_secs(15);

/// Counts active users for ever, and once the categories there are.
pub(in crate::app) async fn take(state: web::Data<AppState>) {
    state.prepared().await;
    let instruments = &state.instruments.catalogue;
    let mut categories_known = false;
    loop {
        if !categories_known {
            let most = i64::try_from(CATEGORIES).unwrap_or(i64::MAX);
            let known = state.db.run(Circuit::Metrics, "commonest_categories", async |conn| {
                metrics::commonest_categories(conn, most).await
            });
            if let Ok(categories) = known.await {
                instruments.known(&categories, Tier::VARIANTS);
                categories_known = true;
            }
        }
        let now = state.clock.now();
        let active = state
            .db
            .run(Circuit::Auth, "active_users", async |conn| {
                sessions::active_users(conn, now).await
            })
            .await;
        if let Ok(count) = active {
            instruments.active_users(count);
        }
        tokio::time::sleep(EVERY).await;
    }
}
