//! What saving the form would do: which version it would make, and how complete a draft would be.

use maud::{Markup, html};

use super::super::elements::completeness;
use super::super::hx;
use crate::http::catalogue::metric_changes::PlannedUpdate;
use crate::http::request::script_nonce::ScriptNonce;
use crate::model::completeness::Completeness;
use crate::model::metrics::revision::raised_part;

/// The button that asks what saving would do.
pub(super) const CHECK: &str = "check";
const PART: &str = "planned";

/// What is known of saving the form as it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan<'a> {
    /// It was not asked for.
    Unknown(Option<&'a Completeness>),
    Known(&'a PlannedUpdate),
    /// The form has so many errors.
    Refused(usize),
}

impl Plan<'_> {
    /// Renders what is known, and the button. `version` is the one that the form was filled with.
    pub(super) fn render(self, nonce: &ScriptNonce, path: &str, version: &str) -> Markup {
        html! {
            div.planned id=(PART) role="status" {
                @match self {
                    Self::Unknown(share) => {
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
                }
            }
            (hx::check_button(nonce, path, PART, CHECK, "Which version?"))
        }
    }
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
