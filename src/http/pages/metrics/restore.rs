//! Restores a version of a metric.

use actix_web::{HttpResponse, web};

use super::super::PageTable;
use super::super::metric_form::seen::{SEEN, precondition};
use super::super::notice::Notice;
use super::super::page_table::Audience;
use super::frame::path_of;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::MetricChange;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics};
use crate::http::extract::form_body::FormBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::response::see_other;
use crate::model::versions::query::{VERSION_RULE, is_version};
use crate::model::warnings::Warnings;
use crate::storage::precondition::Precondition;

/// Adds the form to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.post("/dashboard/metrics/{id}/restore", Audience::Callers, restore)
}

async fn restore(
    editor: Editor<Metrics>,
    IdPath(id): IdPath,
    origin: Origin,
    FormBody(form): FormBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let version = form.text("version");
    if !is_version(version) {
        return Err(ApiError::invalid("version", VERSION_RULE));
    }
    // A metric that was deleted has no version that the reader could have seen.
    let precondition = &match form.find(SEEN) {
        Some(_) => precondition(&form)?,
        None => Precondition::none(),
    };
    let (services, origin) = (&services, &origin);
    let change = MetricChange { services, origin, id: &id, precondition, request: None };
    change.restore(&editor, (version, &Warnings::default())).await?;
    Ok(see_other(&Notice::VersionRestored.on(&path_of(id.as_str()))))
}
