//! Changes of metrics: each is one transaction with its audit event. The API's routes and the pages
//! for people call these; they differ in how they read the request and write the response.

use actix_web::web;
use chrono::{DateTime, Utc};

use super::write::{api_stamp, change_once, change_or_replay, restore_stamp};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics, Remover};
use crate::http::extract::origin::Origin;
use crate::http::response::deleted_item;
use crate::http::routes::metrics::path::NOUN;
use crate::http::routes::metrics::response::changed_metric;
use crate::http::routes::metrics::versioned::VERSIONED;
use crate::http::routes::not_found::name_missing;
use crate::http::routes::version_conflicts::explain_refusal;
use crate::model::audit::{Action, Changes};
use crate::model::completeness::Completeness;
use crate::model::metrics::Metric;
use crate::model::metrics::revision::MetricDiff;
use crate::model::patch::{Patch, Patchable};
use crate::model::text::Id;
use crate::model::warnings::Warnings;
use crate::storage::idempotency_keys::{IdempotentRequest, StoredResponse};
use crate::storage::metrics::DeletePolicy;
use crate::storage::precondition::Precondition;
use crate::storage::{Transaction, audit_events, metrics};

/// What a change of one metric is made with.
#[derive(Debug)]
pub struct MetricChange<'a> {
    pub services: &'a web::Data<CatalogueServices>,
    pub origin: &'a Origin,
    pub id: &'a Id,
    pub precondition: &'a Precondition,
    /// Makes a repeated request change nothing.
    pub request: Option<IdempotentRequest>,
}

/// Creates a metric.
///
/// # Errors
/// Those of [`metrics::create`] and of the transaction.
pub async fn create_metric(
    services: &CatalogueServices,
    editor: &Editor<Metrics>,
    origin: &Origin,
    request: Option<IdempotentRequest>,
    (metric, warnings): (&Metric, &Warnings),
) -> Result<StoredResponse, ApiError> {
    let actor = origin.actor(&editor.caller.user);
    let authority = editor.authority();
    let target = (Circuit::Metrics, "metrics.create");
    let created =
        change_or_replay(services, target, &authority, request.as_ref(), async |conn, now| {
            let row = metrics::create(conn, metric, api_stamp(&editor.caller, now)).await?;
            let (id, changes) =
                (row.metric_id.as_str(), Changes::version(None, Some(&row.version)));
            audit_events::record_changes(conn, &actor, Action::MetricCreated, id, &changes, now)
                .await?;
            Ok((changed_metric(&row, warnings)?, ()))
        });
    let (response, created) = created.await?;
    if created.is_some() {
        let (tier, category) = metric.labels();
        services.instruments.catalogue.count_created_metric(tier, category);
    }
    Ok(response)
}

/// What an update would do.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedUpdate {
    /// The present version.
    pub former: String,
    /// The version that it would make; none if it changes nothing.
    pub next: Option<String>,
    /// Of the changed metric.
    pub completeness: Completeness,
}

/// Finds out what a patch would do to the present metric, by the rules of [`metrics::update`]. What
/// it names (a domain, other metrics) is not looked up.
///
/// # Errors
/// [`ApiError::Validation`] as an update, and [`ApiError::NotFound`].
pub async fn plan_update(
    services: &CatalogueServices,
    id: &Id,
    patch: &Patch<Metric>,
) -> Result<PlannedUpdate, ApiError> {
    let read = services
        .db
        .run(Circuit::Metrics, "metrics.get", async |conn| metrics::get(conn, id.as_str()).await);
    let row = read.await.map_err(name_missing(NOUN, id.as_str()))?;
    let before = row.to_metric()?;
    let after = patch.apply_to(&before).map_err(ApiError::Validation)?;
    let next = MetricDiff::between(&before, &after).map(|diff| diff.next_version(&row.version));
    let completeness =
        if after.is_draft() { Completeness::of(&after) } else { Completeness::full() };
    Ok(PlannedUpdate { former: row.version, next, completeness })
}

impl MetricChange<'_> {
    /// Applies a patch.
    ///
    /// # Errors
    /// Those of [`metrics::update`] and of the transaction; a conflict says what has changed.
    pub async fn update(
        self,
        editor: &Editor<Metrics>,
        patch: &Patch<Metric>,
    ) -> Result<StoredResponse, ApiError> {
        let Self { services, origin, id, precondition, request } = self;
        if !patch.keeps_id(id.as_str()) {
            return Err(ApiError::invalid("metric_id", "cannot be changed"));
        }
        let (actor, authority) = (origin.actor(&editor.caller.user), editor.authority());
        let target = (Circuit::Metrics, "metrics.update");
        let work = async |conn: &mut Transaction<'_>, now: DateTime<Utc>| {
            let (id, stamp) = (id.as_str(), api_stamp(&editor.caller, now));
            let (row, changes) = metrics::update(conn, id, precondition, patch, stamp).await?;
            if let Some(changes) = changes {
                let action = Action::MetricUpdated;
                audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
            }
            changed_metric(&row, &patch.warnings)
        };
        let changed = change_once(services, target, &authority, request.as_ref(), work).await;
        explain_refusal(services, &VERSIONED, (id, precondition), changed).await
    }

    /// Makes the content of a version the next version.
    ///
    /// # Errors
    /// Those of [`metrics::restore_version`] and of the transaction.
    pub async fn restore(
        self,
        editor: &Editor<Metrics>,
        (version, warnings): (&str, &Warnings),
    ) -> Result<StoredResponse, ApiError> {
        let Self { services, origin, id, precondition, request } = self;
        let (actor, authority) = (origin.actor(&editor.caller.user), editor.authority());
        let target = (Circuit::Metrics, "metrics.restore");
        let work = async |conn: &mut Transaction<'_>, now: DateTime<Utc>| {
            let (id, stamp) = (id.as_str(), restore_stamp(&editor.caller, now));
            let (row, changes) =
                metrics::restore_version(conn, id, precondition, version, stamp).await?;
            if let Some(changes) = changes {
                let action = Action::MetricRestored;
                audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
            }
            changed_metric(&row, warnings)
        };
        let changed = change_once(services, target, &authority, request.as_ref(), work).await;
        explain_refusal(services, &VERSIONED, (id, precondition), changed).await
    }

    /// Deletes the metric; its revisions are kept.
    ///
    /// # Errors
    /// Those of [`metrics::delete`] and of the transaction.
    pub async fn delete(
        self,
        remover: &Remover<Metrics>,
        policy: DeletePolicy,
    ) -> Result<StoredResponse, ApiError> {
        let Self { services, origin, id, precondition, request } = self;
        let (actor, authority) = (origin.actor(&remover.caller.user), remover.authority());
        let target = (Circuit::Metrics, "metrics.delete");
        let work = async |conn: &mut Transaction<'_>, now: DateTime<Utc>| {
            let (id, stamp) = (id.as_str(), api_stamp(&remover.caller, now));
            let version = metrics::delete(conn, id, precondition, policy, stamp).await?;
            let (action, changes) = (Action::MetricDeleted, Changes::version(Some(version), None));
            let details = (&details_of(policy), &changes);
            audit_events::record_detailed(conn, &actor, action, id, details, now).await?;
            deleted_item("Metric deleted successfully")
        };
        let changed = change_once(services, target, &authority, request.as_ref(), work).await;
        explain_refusal(services, &VERSIONED, (id, precondition), changed).await
    }
}

/// Returns the details of a deletion for the audit log.
fn details_of(policy: DeletePolicy) -> serde_json::Value {
    match policy {
        DeletePolicy::Unused => serde_json::json!({}),
        DeletePolicy::Force => serde_json::json!({"force": true}),
    }
}
