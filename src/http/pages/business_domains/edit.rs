//! Creating and changing a business domain. What two people change at the same time is merged field
//! by field (`conflict`).

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::form_parts::FormErrors;
use super::super::notice::Notice;
use super::conflict::{self, load_version};
use super::form::DomainForm;
use super::paths::{NEW, PATH, path_of};
use super::texts::DomainTexts;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::domain_changes::{DomainChangeRequest, create_domain};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Editor};
use crate::http::extract::form_body::FormBody;
use crate::http::extract::json_body::ITEM;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::response::see_other;
use crate::http::routes::business_domains::path::NOUN;
use crate::http::routes::business_domains::response::DomainResponse;
use crate::http::routes::not_found::name_missing;
use crate::model::business_domains::BusinessDomain;
use crate::model::parse::parse_body;
use crate::model::patch::Patch;
use crate::model::versions::query::is_version;
use crate::model::warnings::Warnings;
use crate::storage::business_domains;
use crate::storage::precondition::{ExcludedVersion, ExpectedVersion, Precondition};

const TITLE: &str = "Edit business domain";
const NEW_TITLE: &str = "New business domain";

pub(super) async fn show_new(_: Editor<Domains>, context: PageContext) -> HttpResponse {
    let form = new_form("", &DomainTexts::default(), FormErrors::default());
    context.page(NEW_TITLE, NavSection::Domains, &form)
}

fn new_form(id: &str, texts: &DomainTexts, errors: FormErrors<'_>) -> Markup {
    DomainForm { action: NEW, cancel: PATH, texts, new_id: Some(id), version: None }.render(errors)
}

pub(super) async fn create(
    editor: Editor<Domains>,
    context: PageContext,
    origin: Origin,
    FormBody(typed): FormBody<ITEM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let (texts, id) = (DomainTexts::from_form(&typed), typed.text("domain_id").trim());
    let created = match parse_body::<BusinessDomain>(texts.to_creation(id)) {
        Ok((domain, warnings)) => {
            let new = (&domain, &warnings);
            create_domain(&services, &editor, &origin, None, new).await.map(|_| warnings)
        }
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    match created {
        Ok(warnings) => Ok(see_other(&notice(Notice::DomainCreated, &warnings).on(&path_of(id)))),
        Err(error @ (ApiError::Validation(_) | ApiError::Conflict(_))) => {
            let form = new_form(id, &texts, FormErrors(Some(&error)));
            Ok(context.refused(error, NEW_TITLE, NavSection::Domains, &form))
        }
        Err(error) => Err(error),
    }
}

/// What was removed from the description is said after the form was sent, too.
fn notice(done: Notice, warnings: &Warnings) -> Notice {
    if warnings.shown.is_empty() { done } else { Notice::DomainCleaned }
}

pub(super) async fn show(
    _: Editor<Domains>,
    context: PageContext,
    IdPath(id): IdPath,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let id = id.as_str();
    let read = services.db.run(Circuit::Domains, "business_domains.get", async |conn| {
        business_domains::get(conn, id).await
    });
    let row = read.await.map_err(name_missing(NOUN, id))?;
    let version = row.version.to_string();
    let body = serde_json::to_value(DomainResponse::from(row))
        .map_err(|error| ApiError::Internal { cause: error.to_string() })?;
    let texts = DomainTexts::from_content(&body);
    let form = edit_form(id, &version, &texts, FormErrors::default());
    Ok(context.page(TITLE, NavSection::Domains, &form))
}

fn edit_form(id: &str, version: &str, texts: &DomainTexts, errors: FormErrors<'_>) -> Markup {
    let (page, version) = (path_of(id), Some(version));
    let action = format!("{page}/edit");
    DomainForm { action: &action, cancel: &page, texts, new_id: None, version }.render(errors)
}

pub(super) async fn submit(
    editor: Editor<Domains>,
    (context, origin): (PageContext, Origin),
    IdPath(id): IdPath,
    FormBody(typed): FormBody<ITEM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let (version, page) = (typed.text("version"), path_of(id.as_str()));
    if !is_version(version) {
        return Err(ApiError::invalid("version", "is missing; open the form again"));
    }
    let yours = DomainTexts::from_form(&typed);
    let base = DomainTexts::from_content(&load_version(&services, &id, version).await?);
    let fields = yours.changed_since(&base);
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
    let saved = match Patch::<BusinessDomain>::from_merge_patch(yours.to_patch(&fields)) {
        Ok(patch) => request.update(&editor, &patch).await.map(|_| patch.warnings),
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    let error = match saved {
        Ok(warnings) => return Ok(see_other(&notice(Notice::DomainSaved, &warnings).on(&page))),
        Err(error) => error,
    };
    let body = match &error {
        ApiError::PreconditionFailed(found) => {
            let theirs = load_version(&services, &id, &found.current).await?;
            let theirs = DomainTexts::from_content(&theirs);
            let merged = yours.merged_with(&theirs, &base);
            html! {
                (conflict::explain(found.diff.as_ref(), [&yours, &theirs, &base]))
                (edit_form(id.as_str(), &found.current, &merged, FormErrors::default()))
            }
        }
        ApiError::Validation(_) | ApiError::Conflict(_) | ApiError::NotFound(_) => {
            edit_form(id.as_str(), version, &yours, FormErrors(Some(&error)))
        }
        _ => return Err(error),
    };
    Ok(context.refused(error, TITLE, NavSection::Domains, &body))
}
