//! Registering an account, where that is enabled. Who has registered is signed in.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::PageTable;
use super::document::{NavSection, PageContext};
use super::form_parts::FormErrors;
use super::input_field::InputField;
use super::page_table::Audience;
use super::sign_in;
use crate::http::accounts::registration::{RegistrationBody, register};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::extract::registration::RegistrationEnabled;
use crate::http::rate_limit::RequestLimiter;
use crate::http::request::routes::DASHBOARD;
use crate::http::unmatched::REGISTER_PAGE;
use crate::model::parse::parse_body;
use crate::storage::sessions::SessionClient;

const TITLE: &str = "Register";
const FIELDS: [&str; 4] = ["username", "full_name", "email", "password"];

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(REGISTER_PAGE, &[], Audience::Anyone, show).post(
        REGISTER_PAGE,
        Audience::Anyone,
        submit,
    )
}

async fn show(_: RegistrationEnabled, context: PageContext) -> HttpResponse {
    let form = form(&FormFields::default(), FormErrors::default());
    context.page(TITLE, NavSection::None, &form)
}

#[allow(clippy::too_many_arguments, reason = "the parameters of a handler")]
async fn submit(
    _: RegistrationEnabled,
    context: PageContext,
    limiter: RequestLimiter,
    client: SessionClient,
    origin: Origin,
    request: HttpRequest,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let registered = match parse_body::<RegistrationBody>(body(&fields)) {
        Ok((registration, _)) => {
            register(&services, &limiter, (client, origin), registration).await
        }
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    match registered {
        Ok((_, session)) => sign_in::signed_in(&services, &request, &session, DASHBOARD),
        Err(error @ (ApiError::Validation(_) | ApiError::Conflict(_))) => {
            let form = form(&fields, FormErrors(Some(&error)));
            Ok(context.refused(error, TITLE, NavSection::None, &form))
        }
        Err(error) => Err(error),
    }
}

/// The body that a client of the API would send.
fn body(fields: &FormFields) -> Map<String, Value> {
    FIELDS.iter().map(|name| ((*name).to_owned(), fields.text(name).into())).collect()
}

fn form(typed: &FormFields, errors: FormErrors<'_>) -> Markup {
    let field = |name, label, kind, autocomplete, hint| InputField {
        name,
        label,
        kind,
        autocomplete,
        hint,
        value: if name == "password" { "" } else { typed.text(name) },
        error: errors.at(name),
        required: true,
    };
    html! {
        form.narrow method="post" action=(REGISTER_PAGE) {
            (errors.beside(&FIELDS))
            (field("username", "User name", "", "username",
                "3 to 50 letters, digits, _ and -").render())
            (field("full_name", "Full name", "", "name", "").render())
            (field("email", "Email address", "email", "email", "").render())
            (field("password", "Password", "password", "new-password",
                "At least 12 characters").render())
            button type="submit" { "Register" }
        }
        p { "You can read the catalogue then; an administrator can allow you more. "
            a href=(sign_in::PATH) { "Sign in instead" } }
    }
}
