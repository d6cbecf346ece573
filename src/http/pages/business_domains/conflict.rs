//! Two people changed a business domain at the same time: what each of them wrote, and what was
//! there before. The form below it has the changes of both.

use actix_web::http::header::ContentEncoding;
use maud::{Markup, html};
use serde_json::Value;

use super::texts::DomainTexts;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::routes::business_domains::versioned::VERSIONED;
use crate::http::routes::versions::VersionRead;
use crate::model::text::Id;
use crate::model::versions::diff::VersionDiff;

/// Loads the content of a version of a domain.
pub(super) async fn load_version(
    services: &CatalogueServices,
    id: &Id,
    version: &str,
) -> Result<Value, ApiError> {
    let encoding = AcceptedEncoding(ContentEncoding::Identity);
    let read = VersionRead { services, of: &VERSIONED, id, encoding };
    let [(_, content)] = read.load([version]).await?;
    serde_json::from_str(content.text())
        .map_err(|error| ApiError::Internal { cause: error.to_string() })
}

/// Renders what the other writer has changed, beside what was sent and what was there before.
pub(super) fn explain(
    diff: Option<&VersionDiff>,
    [yours, theirs, base]: [&DomainTexts; 3],
) -> Markup {
    let mine = yours.changed_since(base);
    let is_both = |name: &str| {
        mine.iter().any(|(changed, ..)| *changed == name) && yours.text(name) != theirs.text(name)
    };
    html! {
        div.banner role="alert" {
            p {
                @if let Some(author) = diff.map(|diff| diff.to.changed_by.as_str()) {
                    strong { (author) } " has changed this business domain"
                } @else { "This business domain was changed" }
                " since you opened the form. Nothing was saved yet."
            }
            p { "The form has the changes of both. Where both changed a field, it has yours. "
                "Check it, then save again." }
        }
        table.small.conflict {
            thead { tr {
                @for label in ["Field", "Yours", "Theirs", "Before"] { th scope="col" { (label) } }
            } }
            tbody {
                @for (name, label, _) in theirs.changed_since(base) {
                    tr {
                        th scope="row" {
                            (label) @if is_both(name) { " " span.warning { "changed by both" } }
                        }
                        td.text data-label="Yours" { (yours.text(name)) }
                        td.text data-label="Theirs" { (theirs.text(name)) }
                        td.text data-label="Before" { (base.text(name)) }
                    }
                }
            }
        }
    }
}
