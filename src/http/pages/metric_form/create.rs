//! Creates a metric: an empty draft, or a duplicate of another metric.

use actix_web::{HttpResponse, web};
use garde::Validate;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::input_field::InputField;
use super::super::metrics::{LoadedMetric, path_of};
use super::super::notice::Notice;
use super::super::page_table::Audience;
use super::domains::offered_domains;
use super::edit::FORM;
use super::planned::{CHECK, Plan, check_button};
use super::render::FormView;
use super::texts::{MORE, compact, patch_of, texts_of, without_nulls};
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::create_metric;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics};
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::extract::query::QueryParameters;
use crate::http::request::routes::DASHBOARD;
use crate::http::response::see_other;
use crate::model::completeness::Completeness;
use crate::model::metrics::Metric;
use crate::model::parse::parse_body;
use crate::model::text::Id;
use crate::model::violations::Violation;

/// Path of the page.
pub(in crate::http::pages) const PATH: &str = "/dashboard/new-metric";
/// The query parameter with the metric to be duplicated.
const FROM: &str = "from";
const ID: &str = "metric_id";
const TITLE: &str = "New metric";

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &[FROM], Audience::Callers, show).post(PATH, Audience::Callers, submit)
}

async fn show(
    _: Editor<Metrics>,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let mut metric = json!({});
    if let Some((_, from)) = parameters.iter().find(|(name, _)| name == FROM) {
        let id = Id::new(from);
        if id.validate().is_err() {
            return Err(ApiError::invalid(FROM, "must be the id of a metric"));
        }
        metric = LoadedMetric::present(&services, &id).await?.content;
    }
    if let Some(governance) = metric.get_mut("governance").and_then(Value::as_object_mut) {
        // A duplicate is a draft of its own, whatever its model is.
        governance.retain(|name, _| name != "successor_id" && name != "sunset_on");
        governance.insert("status".to_owned(), json!("draft"));
    } else {
        metric = json!({"governance": {"status": "draft"}});
    }
    let form = FormFields::new(texts_of(&metric));
    let domains = &offered_domains(&services).await;
    let view = FormView { form: &form, violations: &[], domains };
    Ok(context.page(TITLE, NavSection::Metrics, &page(&context, "", view)))
}

fn page(context: &PageContext, id: &str, view: FormView<'_>) -> Markup {
    let mut typed = content(id, view.form);
    typed.retain(|name, _| name != ID || !id.is_empty());
    let share = Completeness::of_unfinished::<Metric>(&Value::Object(typed));
    let error = view.violations.iter().find(|one| one.field == ID).map(|one| &*one.message);
    let create = html! {
        div.actions { button type="submit" { "Create" } a href=(DASHBOARD) { "Cancel" } }
    };
    html! {
        (view.summary())
        p.hint {
            "A draft needs id, name and business domain. The rest can follow, until it becomes \
             active."
        }
        form.metric method="post" action=(PATH) {
            (create)
            (Plan::New(&share).render())
            (check_button(&context.nonce, PATH, "How complete?"))
            (InputField {
                name: ID, label: "Id", value: id, error, required: true,
                hint: "Letters, digits, '-' and '_'; it never changes", ..InputField::default()
            }.render())
            (view.sections())
            (create)
        }
    }
}

/// Returns the metric as it was typed.
fn content(id: &str, form: &FormFields) -> Map<String, Value> {
    let mut content = without_nulls(patch_of(form, &Value::Null));
    content.insert(ID.to_owned(), id.into());
    content
}

async fn submit(
    editor: Editor<Metrics>,
    context: PageContext,
    origin: Origin,
    FormBody(sent): FormBody<FORM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let (id, form) = (sent.text(ID).trim(), compact(&sent));
    if form.find(MORE).is_some() {
        let domains = &offered_domains(&services).await;
        let view = FormView { form: &form, violations: &[], domains };
        return Ok(context.page(TITLE, NavSection::Metrics, &page(&context, id, view)));
    }
    let parsed = parse_body::<Metric>(content(id, &form));
    if sent.find(CHECK).is_some() {
        // A metric that is being written has errors for long: they are no refusal.
        let violations = parsed.err().unwrap_or_default();
        let domains = &offered_domains(&services).await;
        let view = FormView { form: &form, violations: &violations, domains };
        return Ok(context.page(TITLE, NavSection::Metrics, &page(&context, id, view)));
    }
    let (metric, warnings) = match parsed {
        Ok(parsed) => parsed,
        Err(violations) => {
            let error = ApiError::Validation(violations);
            return Ok(refuse(&context, &services, id, &form, error).await);
        }
    };
    match create_metric(&services, &editor, &origin, None, (&metric, &warnings)).await {
        Ok(_) => {
            let notice =
                if warnings.shown.is_empty() { Notice::Created } else { Notice::SavedCleaned };
            Ok(see_other(&notice.on(&path_of(id))))
        }
        Err(error @ (ApiError::Validation(_) | ApiError::Conflict(_))) => {
            Ok(refuse(&context, &services, id, &form, error).await)
        }
        Err(error) => Err(error),
    }
}

/// Shows the form again with its errors. A conflict is about the id, the only thing that must be
/// unique.
async fn refuse(
    context: &PageContext,
    services: &CatalogueServices,
    id: &str,
    form: &FormFields,
    error: ApiError,
) -> HttpResponse {
    let violations = match &error {
        ApiError::Validation(violations) => violations.clone(),
        other => vec![Violation::new(ID, other.to_string())],
    };
    let domains = &offered_domains(services).await;
    let body = page(context, id, FormView { form, violations: &violations, domains });
    context.refused(error, TITLE, NavSection::Metrics, &body)
}
