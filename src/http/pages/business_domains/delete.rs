//! Deleting a business domain, after a question that lists the metrics that refer to it: while
//! there are any, it cannot be deleted.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::elements::form_error;
use super::super::form_parts::confirmation;
use super::super::notice::Notice;
use super::metrics::DomainMetrics;
use super::paths::{PATH, path_of};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::domain_changes::DomainChangeRequest;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Remover};
use crate::http::extract::form_body::FormBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::response::see_other;
use crate::http::routes::business_domains::path::NOUN;
use crate::http::routes::not_found::name_missing;
use crate::model::versions::query::is_version;
use crate::storage::business_domains;
use crate::storage::precondition::{ExcludedVersion, ExpectedVersion, Precondition};

const TITLE: &str = "Delete this business domain?";

pub(super) async fn ask(
    _: Remover<Domains>,
    context: PageContext,
    IdPath(id): IdPath,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let question = question(&services, id.as_str(), None).await?;
    Ok(context.page(TITLE, NavSection::Domains, &question))
}

pub(super) async fn submit(
    remover: Remover<Domains>,
    (context, origin): (PageContext, Origin),
    IdPath(id): IdPath,
    FormBody(typed): FormBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let version = typed.text("version");
    if !is_version(version) {
        return Err(ApiError::invalid("version", "is missing; open the page again"));
    }
    let precondition = Precondition {
        expected: ExpectedVersion::OneOf(vec![version.to_owned()]),
        excluded: ExcludedVersion::None,
    };
    let request = DomainChangeRequest {
        services: &services,
        origin: &origin,
        id: &id,
        precondition: &precondition,
        request: None,
    };
    let Err(error) = request.delete(&remover).await else {
        return Ok(see_other(&Notice::DomainDeleted.on(PATH)));
    };
    let message = match &error {
        ApiError::Conflict(message) => message.clone(),
        ApiError::PreconditionFailed(_) => {
            "It was changed since you opened this page. Look at it again before you delete it."
                .to_owned()
        }
        _ => return Err(error),
    };
    let question = question(&services, id.as_str(), Some(&message)).await?;
    Ok(context.refused(error, TITLE, NavSection::Domains, &question))
}

async fn question(
    services: &CatalogueServices,
    id: &str,
    error: Option<&str>,
) -> Result<Markup, ApiError> {
    let read = services.db.run(Circuit::Domains, "business_domains.get", async |conn| {
        business_domains::get(conn, id).await
    });
    let row = read.await.map_err(name_missing(NOUN, id))?;
    let metrics = DomainMetrics::read(services, &row.name, "1").await?;
    let (page, version) = (path_of(id), row.version.to_string());
    Ok(html! {
        @if let Some(error) = error { (form_error(error)) }
        @if metrics.rows.is_empty() {
            p { "The business domain " strong { (row.name) } " is deleted. Its versions are kept, "
                "so that it can be restored over the API." }
            (confirmation(&format!("{page}/delete"), "Delete", &page, &[("version", &version)]))
        } @else {
            p { strong { (row.name) } " cannot be deleted while metrics refer to it. Move these to "
                "another domain, or delete them first:" }
            (metrics.table()?)
            @if metrics.pagination.has_next {
                p { "These are the first of " (metrics.pagination.total) "." }
            }
            p { a href=(page) { "Back to the domain" } }
        }
    })
}
