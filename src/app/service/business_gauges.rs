//! Refreshes the metrics that only the database knows: active users, the categories that become
//! metric labels, and the rows of growing tables.

use std::time::Duration;

use actix_web::web;
use strum::VariantNames;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::model::metrics::Tier;
use crate::storage::table_rows::TableRows;
use crate::storage::{metrics, sessions, table_rows};
use crate::telemetry::instruments::catalogue::CATEGORIES;
use crate::telemetry::instruments::operations::OperationsInstruments;

/// Refresh interval, that of a usual scrape. A scrape itself must not depend on the database.
const INTERVAL: Duration = Duration::from_secs(15);
/// Every so many intervals the rows of tables are read.
const TABLE_INTERVALS: u32 = 4;

/// Registers the most frequent categories once, and counts active users at every interval.
pub(in crate::app) async fn refresh(state: web::Data<AppState>) {
    state.operations.readiness.until_prepared().await;
    let instruments = &state.instruments.catalogue;
    let mut registered = false;
    for round in (0..TABLE_INTERVALS).cycle() {
        if round == 0 {
            refresh_table_rows(&state).await;
        }
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

async fn refresh_table_rows(state: &AppState) {
    let tables = OperationsInstruments::growing_tables();
    let estimate = async |conn: &mut _| table_rows::estimate(conn, tables).await;
    // Keeps the last values while the database is unavailable.
    let rows = state.db.run(Circuit::Auth, "server.estimate_rows", estimate).await;
    for TableRows { table, rows } in rows.into_iter().flatten() {
        state.instruments.operations.set_table_rows(&table, rows);
    }
}
