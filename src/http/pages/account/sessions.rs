//! One's own sessions: the list, and the forms that end one of them or all others.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use uuid::Uuid;

use super::super::elements::time;
use super::super::notice::Notice;
use super::super::sign_in;
use super::paths::{END_OTHERS, PATH, end_of};
use crate::http::accounts::own_sessions::{end_other_sessions, end_session};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::form_body::FormBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::response::see_other;
use crate::storage::sessions::Session;

const COLUMNS: [&str; 5] = ["Browser or program", "Begun", "Last used", "Address", "End"];
const UNKNOWN: &str = "Not known";

pub(super) async fn end(
    caller: SessionCaller,
    UuidPath(id): UuidPath,
    origin: Origin,
    request: HttpRequest,
    _: FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    end_session(&services, &caller, &origin, id).await?;
    if id == caller.family_id {
        return Ok(sign_in::signed_out(&request, Notice::SignedOut));
    }
    Ok(see_other(&Notice::SessionEnded.on(PATH)))
}

pub(super) async fn end_others(
    caller: SessionCaller,
    origin: Origin,
    _: FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    end_other_sessions(&services, &caller, &origin).await?;
    Ok(see_other(&Notice::SessionsEnded.on(PATH)))
}

/// Renders the sessions; `current` is the one that asks for the page.
pub(super) fn list(sessions: &[Session], current: Uuid) -> Markup {
    let has_others = sessions.iter().any(|session| session.family_id != current);
    html! {
        h2 { "Sessions" }
        p.hint { "Browsers and programs that are signed in as you. A session of a browser is used \
            at its sign-in, that of a program at each refresh of its tokens." }
        table.small.sessions {
            thead { tr { @for label in COLUMNS { th scope="col" { (label) } } } }
            tbody { @for session in sessions { (row(session, current)) } }
        }
        @if has_others {
            form method="post" action=(END_OTHERS) {
                button type="submit" { "End all other sessions" }
            }
        }
    }
}

fn row(session: &Session, current: Uuid) -> Markup {
    let client = session.user_agent.as_deref().unwrap_or(UNKNOWN);
    html! {
        tr {
            th scope="row" { (client) }
            td data-label="Begun" { (time(session.family_started_at)) }
            td data-label="Last used" { (time(session.created_at)) }
            td data-label="Address" { div { (session.address.as_deref().unwrap_or(UNKNOWN)) } }
            td data-label="End" {
                @if session.family_id == current { strong { "This session" } }
                @else {
                    form method="post" action=(end_of(session.family_id)) {
                        button.quiet type="submit"
                            aria-label=(format!("End the session of {client}")) { "End" }
                    }
                }
            }
        }
    }
}
