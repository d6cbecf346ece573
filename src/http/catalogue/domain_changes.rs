//! Changes of business domains: each is one transaction with its audit event. The API's routes and
//! the pages for people call these; they differ in how they read the request and write the
//! response.

use actix_web::web;
use chrono::{DateTime, Utc};

use super::write::{api_stamp, change_once};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Editor, Remover};
use crate::http::extract::origin::Origin;
use crate::http::response::{changed_item, deleted_item};
use crate::http::routes::business_domains::response::DomainResponse;
use crate::http::routes::business_domains::versioned::VERSIONED;
use crate::http::routes::version_conflicts::explain_refusal;
use crate::model::audit::{Action, Changes};
use crate::model::business_domains::BusinessDomain;
use crate::model::patch::Patch;
use crate::model::text::Id;
use crate::model::warnings::Warnings;
use crate::storage::idempotency_keys::{IdempotentRequest, StoredResponse};
use crate::storage::precondition::Precondition;
use crate::storage::{Transaction, audit_events, business_domains};

/// What a change of one business domain is made with.
#[derive(Debug)]
pub struct DomainChangeRequest<'a> {
    pub services: &'a web::Data<CatalogueServices>,
    pub origin: &'a Origin,
    pub id: &'a Id,
    pub precondition: &'a Precondition,
    /// Makes a repeated request change nothing.
    pub request: Option<IdempotentRequest>,
}

/// Creates a business domain.
///
/// # Errors
/// Those of [`business_domains::create`] and of the transaction.
pub async fn create_domain(
    services: &CatalogueServices,
    editor: &Editor<Domains>,
    origin: &Origin,
    request: Option<IdempotentRequest>,
    (domain, warnings): (&BusinessDomain, &Warnings),
) -> Result<StoredResponse, ApiError> {
    let actor = origin.actor(&editor.caller.user);
    let authority = editor.authority();
    let target = (Circuit::Domains, "business_domains.create");
    change_once(services, target, &authority, request.as_ref(), async |conn, now| {
        let stamp = api_stamp(&editor.caller, now);
        let row = business_domains::create(conn, domain, stamp).await?;
        let changes = Changes::version(None, Some(row.version));
        let id = row.domain_id.as_str();
        audit_events::record_changes(conn, &actor, Action::DomainCreated, id, &changes, now)
            .await?;
        let version = row.version.to_string();
        changed_item(&DomainResponse::from(row), &version, warnings)
    })
    .await
}

impl DomainChangeRequest<'_> {
    /// Applies a patch.
    ///
    /// # Errors
    /// Those of [`business_domains::update`] and of the transaction; a conflict says what has
    /// changed.
    pub async fn update(
        self,
        editor: &Editor<Domains>,
        patch: &Patch<BusinessDomain>,
    ) -> Result<StoredResponse, ApiError> {
        let Self { services, origin, id, precondition, request } = self;
        if !patch.keeps_id(id.as_str()) {
            return Err(ApiError::invalid("domain_id", "cannot be changed"));
        }
        let (actor, authority) = (origin.actor(&editor.caller.user), editor.authority());
        let target = (Circuit::Domains, "business_domains.update");
        let work = async |conn: &mut Transaction<'_>, now: DateTime<Utc>| {
            let (id, stamp) = (id.as_str(), api_stamp(&editor.caller, now));
            let (row, changes) =
                business_domains::update(conn, id, precondition, patch, stamp).await?;
            if let Some(changes) = changes {
                let action = Action::DomainUpdated;
                audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
            }
            let version = row.version.to_string();
            changed_item(&DomainResponse::from(row), &version, &patch.warnings)
        };
        let changed = change_once(services, target, &authority, request.as_ref(), work).await;
        explain_refusal(services, &VERSIONED, (id, precondition), changed).await
    }

    /// Deletes the domain.
    ///
    /// # Errors
    /// Those of [`business_domains::delete`] and of the transaction.
    pub async fn delete(self, remover: &Remover<Domains>) -> Result<StoredResponse, ApiError> {
        let Self { services, origin, id, precondition, request } = self;
        let (actor, authority) = (origin.actor(&remover.caller.user), remover.authority());
        let target = (Circuit::Domains, "business_domains.delete");
        let work = async |conn: &mut Transaction<'_>, now: DateTime<Utc>| {
            let (id, stamp) = (id.as_str(), api_stamp(&remover.caller, now));
            let version = business_domains::delete(conn, id, precondition, stamp).await?;
            let (action, changes) = (Action::DomainDeleted, Changes::version(Some(version), None));
            audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
            deleted_item("Domain deleted successfully")
        };
        let changed = change_once(services, target, &authority, request.as_ref(), work).await;
        explain_refusal(services, &VERSIONED, (id, precondition), changed).await
    }
}
