//! A change of a metric by the statements of the service, in its order, on a bare pool: without
//! parsing, rules, cleaning and waiting for the other writers' turn. `scripts/bench` prints how
//! many statements each side makes; keep them equal.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::queries::Pool;
use crate::rows::{RawJson, Row};
use crate::schema::{api_keys, audit_events, catalogue_epochs, metric_revisions, metrics, users};

/// The key of the calls, and its owner.
#[derive(Clone, Copy)]
pub struct KeyAndOwner {
    key: Uuid,
    owner: Uuid,
}

/// Finds the newest key, which is that of the benchmark; none on a database without keys.
pub async fn authority(pool: &Pool) -> Option<KeyAndOwner> {
    let mut conn = pool.get().await.expect("a connection");
    let newest = api_keys::table.order_by(api_keys::created_at.desc());
    let found = newest.select((api_keys::key_id, api_keys::user_id)).first(&mut conn).await;
    found.optional().expect("a query").map(|(key, owner)| KeyAndOwner { key, owner })
}

/// Changes the description of a metric.
pub async fn metric(
    id: Path<String>,
    pool: Data<Pool>,
    authority: Data<Option<KeyAndOwner>>,
) -> HttpResponse {
    let mut conn = pool.get().await.expect("a connection");
    let caller = authority.get_ref().as_ref().expect("an API key");
    let changed = conn.transaction(async |conn| change(conn, &id, caller).await).await;
    changed.expect("a change");
    HttpResponse::Ok().finish()
}

async fn change(
    conn: &mut AsyncPgConnection,
    id: &str,
    caller: &KeyAndOwner,
) -> Result<(), diesel::result::Error> {
    let now = Utc::now();
    let epoch = catalogue_epochs::table.select(catalogue_epochs::epoch);
    epoch.for_update().first::<i64>(conn).await?;
    let found = metrics::table.find(id).select(Row::as_select());
    let mut row: Row = found.for_update().first(conn).await?;
    row.description = format!("Changed {now}");
    row.revision += 1;
    row.version = format!("1.{}.0", row.revision);
    row.updated_at = now;
    let updated = diesel::update(metrics::table.find(id)).set(&row);
    let row: Row = updated.returning(Row::as_returning()).get_result(conn).await?;
    let revision = (
        metric_revisions::metric_id.eq(id),
        metric_revisions::revision.eq(row.revision),
        metric_revisions::version.eq(&row.version),
        metric_revisions::changed_at.eq(now),
        metric_revisions::changed_by.eq(&row.updated_by),
        metric_revisions::change_type.eq("update"),
        metric_revisions::fields_changed.eq(RawJson::new("[\"description\"]")),
        metric_revisions::changes_summary.eq("Changed description"),
    );
    diesel::insert_into(metric_revisions::table).values(revision).execute(conn).await?;
    audit(conn, id, caller).await?;
    epoch.first::<i64>(conn).await?;
    let owner = users::table.find(caller.owner).select((users::status, users::role));
    owner.for_share().first::<(String, String)>(conn).await?;
    let key = api_keys::table.find(caller.key).filter(api_keys::revoked_at.is_null());
    key.select(api_keys::scopes).for_share().first::<RawJson>(conn).await?;
    Ok(())
}

async fn audit(
    conn: &mut AsyncPgConnection,
    id: &str,
    caller: &KeyAndOwner,
) -> Result<(), diesel::result::Error> {
    let request = Uuid::now_v7();
    let event = (
        audit_events::occurred_at.eq(Utc::now()),
        audit_events::action.eq("metric.updated"),
        audit_events::outcome.eq("success"),
        audit_events::occurrences.eq(1),
        audit_events::actor_id.eq(caller.owner),
        audit_events::actor.eq("admin"),
        audit_events::target.eq(id),
        audit_events::channel.eq("api"),
        audit_events::credential.eq("api_key"),
        audit_events::credential_id.eq(caller.key),
        audit_events::address.eq("127.0.0.1"),
        audit_events::request_id.eq(request.to_string()),
        audit_events::server_request_id.eq(request),
        audit_events::details.eq(RawJson::new("{}")),
        audit_events::changes.eq(RawJson::new("{\"version\": {\"to\": \"1\", \"from\": \"1\"}}")),
    );
    let inserted = diesel::insert_into(audit_events::table).values(event);
    inserted.returning(audit_events::event_id).get_result::<i64>(conn).await?;
    Ok(())
}
