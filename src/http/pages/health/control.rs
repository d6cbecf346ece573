//! Isolating, closing or resetting a circuit.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value};
use strum::IntoEnumIterator;

use super::super::document::{NavSection, PageContext};
use super::super::form_parts::{FormErrors, choice};
use super::super::input_field::InputField;
use super::super::notice::Notice;
use super::live::live;
use super::paths::{CONTROL, PAGE, TITLE};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::OperationsServices;
use crate::http::auditing::queue::AuditQueue;
use crate::http::circuit_control::{CircuitAction, control_circuit, find_circuit};
use crate::http::error::ApiError;
use crate::http::extract::circuit_admin::CircuitAdmin;
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::response::see_other;
use crate::model::parse::parse_body;

const FIELDS: [&str; 2] = ["action", "reason"];
const ACTIONS: [(&str, &str); 3] = [
    ("isolate", "Isolate: refuse all calls until it is closed or reset"),
    ("close", "Close: permit calls, and continue to count failures"),
    ("reset", "Reset: close, and discard all counts"),
];

pub(super) async fn submit(
    admin: CircuitAdmin,
    context: PageContext,
    (request, origin): (HttpRequest, Origin),
    FormBody(fields): FormBody,
    services: web::Data<OperationsServices>,
    audit: web::Data<AuditQueue>,
) -> Result<HttpResponse, ApiError> {
    let circuit = find_circuit(fields.text("circuit"))?;
    match action(&fields) {
        Ok(action) => {
            control_circuit((admin, &request, &origin), circuit, &action, &services, &audit)
                .await?;
            Ok(see_other(&Notice::CircuitControlled.on(PAGE)))
        }
        Err(error) => {
            let body = html! {
                (form(&fields, FormErrors(Some(&error))))
                (live(&services).await?)
            };
            Ok(context.refused(error, TITLE, NavSection::Health, &body))
        }
    }
}

/// Reads the action as a client of the API would send it.
fn action(fields: &FormFields) -> Result<CircuitAction, ApiError> {
    let value = |name: &&str| ((*name).to_owned(), Value::from(fields.text(name)));
    let body: Map<String, Value> = FIELDS.iter().map(value).collect();
    parse_body(body).map(|(action, _)| action).map_err(ApiError::Validation)
}

/// Renders the form, with what was typed.
pub(super) fn form(fields: &FormFields, errors: FormErrors<'_>) -> Markup {
    let names: Vec<_> = Circuit::iter().collect();
    let circuits: Vec<_> = names.iter().map(|one| (one.as_ref(), one.as_ref())).collect();
    let field = |name, label| InputField {
        name,
        label,
        value: fields.text(name),
        error: errors.at(name),
        ..InputField::default()
    };
    html! {
        section.wide {
            h2 { "Control a circuit" }
            (errors.beside(&FIELDS))
            form method="post" action=(CONTROL) {
                (choice(field("circuit", "Circuit"), &circuits))
                (choice(field("action", "Action"), &ACTIONS))
                (InputField { hint: "For the log and the audit log", required: true,
                    ..field("reason", "Reason") }.render())
                button type="submit" { "Apply" }
            }
        }
    }
}
