//! What saving the form would do: which version it would make, and how complete a draft would be.

use actix_web::web;
use maud::{Markup, html};

use super::super::elements::completeness;
use super::super::hx;
use super::super::metrics::LoadedMetric;
use super::texts::patch_of;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::{PlannedUpdate, plan_update};
use crate::http::error::ApiError;
use crate::http::extract::form_body::FormFields;
use crate::http::request::script_nonce::ScriptNonce;
use crate::model::completeness::Completeness;
use crate::model::metrics::Metric;
use crate::model::metrics::revision::raised_part;
use crate::model::patch::Patch;
use crate::model::text::Id;

/// The button that asks what saving would do.
pub(super) const CHECK: &str = "check";
const PART: &str = "planned";

/// What is known of saving the form as it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan<'a> {
    /// It was not asked for. `version` is the one that the form was filled with.
    Unknown {
        version: &'a str,
        share: Option<&'a Completeness>,
    },
    Known(&'a PlannedUpdate),
    /// The form has so many errors.
    Refused(usize),
    /// It depends on choices that were not made.
    Undecided,
    /// The metric is new.
    New(&'a Completeness),
}

impl Plan<'_> {
    /// Renders what is known.
    pub(super) fn render(self) -> Markup {
        html! {
            div.planned id=(PART) role="status" {
                @match self {
                    Self::Unknown { version, share } => {
                        p.hint {
                            "Saving makes a new version of " (version) ": a major one if formula, \
                             unit or category change, a minor one for name, description, tier or \
                             domain, else a patch. A draft may lack fields."
                        }
                        @if let Some(share) = share { (of_draft(share)) }
                    }
                    Self::Known(PlannedUpdate { former, next: Some(next), completeness }) => {
                        @let kind = raised_part(former, next);
                        p { "Saving makes version " strong { (next) } " after " (former) ": a "
                            strong { (kind) } " version" }
                        (of_draft(completeness))
                    }
                    Self::Known(PlannedUpdate { former, completeness, .. }) => {
                        p { "Nothing differs from version " (former)
                            ", so saving changes nothing." }
                        (of_draft(completeness))
                    }
                    Self::Refused(errors) => {
                        p.error { "It cannot be saved before "
                            @if errors == 1 { "an error is" } @else { (errors) " errors are" }
                            " corrected." }
                    }
                    Self::Undecided => {
                        p.hint { "Which version saving makes depends on your choices." }
                    }
                    Self::New(share) if share.missing.is_empty() => p { "Nothing is missing." },
                    Self::New(share) => (of_draft(share)),
                }
            }
        }
    }
}

/// The button that asks. It is not to be the first one of its form, which the return key presses.
pub(super) fn check_button(nonce: &ScriptNonce, path: &str, label: &str) -> Markup {
    hx::check_button(nonce, path, PART, CHECK, label)
}

/// Finds out what saving the form would do to the present metric.
///
/// # Errors
/// [`ApiError::Validation`] as saving, and those of the database.
pub(super) async fn plan_form(
    services: &web::Data<CatalogueServices>,
    id: &Id,
    form: &FormFields,
    present: &LoadedMetric,
) -> Result<PlannedUpdate, ApiError> {
    let patch = Patch::<Metric>::from_merge_patch(patch_of(form, &present.content));
    plan_update(services, id, &patch.map_err(ApiError::Validation)?).await
}

/// How complete a draft is; nothing for one that lacks nothing.
fn of_draft(found: &Completeness) -> Markup {
    let missing = found.missing.len().saturating_add(found.missing_omitted.unwrap_or_default());
    html! {
        @if missing > 0 {
            p { (completeness(found.share)) " complete; before it can be active it needs " (missing)
                @if missing == 1 { " more field" } @else { " more fields" } }
        }
    }
}
