//! Deprecates a metric, after showing what depends on it.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::elements::form_error;
use super::super::input_field::InputField;
use super::super::metrics::{LoadedMetric, path_of, text_at};
use super::super::notice::Notice;
use super::super::page_table::Audience;
use super::dependents::{dependents, impact};
use super::seen::{SEEN, precondition};
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::MetricChange;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics};
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::response::see_other;
use crate::model::metrics::Metric;
use crate::model::patch::Patch;
use crate::model::text::Id;
use crate::model::violations::Violation;

const PATH: &str = "/dashboard/metrics/{id}/deprecate";
const SUCCESSOR: &str = "successor_id";
const SUNSET: &str = "sunset_on";

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &[], Audience::Callers, show).post(PATH, Audience::Callers, submit)
}

async fn show(
    _: Editor<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let loaded = LoadedMetric::present(&services, &id).await?;
    let impact = impact(&services, &id).await?;
    let form = FormFields::new(vec![(SEEN.to_owned(), loaded.version)]);
    let body = html! { (deprecation(&id, &form, &[])) (dependents(&impact)) };
    let title = format!("Deprecate {}", text_at(&loaded.content, "name"));
    Ok(context.page(&title, NavSection::Metrics, &body))
}

fn deprecation(id: &Id, form: &FormFields, violations: &[Violation]) -> Markup {
    let path = path_of(id.as_str());
    let error_of = |name: &str| {
        let of_field = violations.iter().find(|one| one.field.ends_with(name));
        of_field.map(|one| &*one.message)
    };
    let is_shown =
        |one: &&Violation| [SUCCESSOR, SUNSET].iter().any(|name| one.field.ends_with(name));
    html! {
        form.narrow method="post" action=(format!("{path}/deprecate")) {
            @for one in violations.iter().filter(|one| !is_shown(one)) {
                (form_error(&format!("{} {}", one.field, one.message)))
            }
            input type="hidden" name=(SEEN) value=(form.text(SEEN));
            (InputField {
                name: SUCCESSOR, label: "Id of the metric that replaces it (optional)",
                value: form.text(SUCCESSOR), error: error_of(SUCCESSOR), ..InputField::default()
            }.render())
            (InputField {
                name: SUNSET, label: "May be gone from (optional)", kind: "date",
                value: form.text(SUNSET), error: error_of(SUNSET), ..InputField::default()
            }.render())
            div.actions { button type="submit" { "Deprecate" } a href=(path) { "Cancel" } }
        }
    }
}

async fn submit(
    editor: Editor<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    origin: Origin,
    FormBody(form): FormBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let precondition = &precondition(&form)?;
    let given = |name: &str| match form.text(name).trim() {
        "" => Value::Null,
        text => text.into(),
    };
    let governance =
        json!({"status": "deprecated", SUCCESSOR: given(SUCCESSOR), SUNSET: given(SUNSET)});
    let body = Map::from_iter([("governance".to_owned(), governance)]);
    let (services, origin) = (&services, &origin);
    let changed = match Patch::<Metric>::from_merge_patch(body) {
        Ok(patch) => {
            let change = MetricChange { services, origin, id: &id, precondition, request: None };
            change.update(&editor, &patch).await
        }
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    match changed {
        Ok(_) => Ok(see_other(&Notice::Deprecated.on(&path_of(id.as_str())))),
        Err(ApiError::Validation(violations)) => {
            let body = deprecation(&id, &form, &violations);
            let (error, title) =
                (ApiError::Validation(violations), format!("Deprecate {}", id.as_str()));
            Ok(context.refused(error, &title, NavSection::Metrics, &body))
        }
        Err(error) => Err(error),
    }
}
