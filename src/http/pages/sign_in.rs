//! Signing in and out. A browser's session is a session like that of a log-in over the API; its
//! cookie names it (`credentials::tokens::browser`) and lasts as long as it. Nothing rotates: the
//! session ends with its first refresh token, a week after the sign-in by default.

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::PageTable;
use super::document::{NavSection, PageContext};
use super::elements::form_error;
use super::input_field::InputField;
use super::notice::{DONE, Notice};
use super::page_table::Audience;
use crate::http::accounts::log_in::log_in;
use crate::http::accounts::own_sessions::end_session;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::extract::query::QueryParameters;
use crate::http::rate_limit::RequestLimiter;
use crate::http::request::routes::DASHBOARD;
use crate::http::request::session_cookie::SessionCookie;
use crate::http::response::see_other;
use crate::http::unmatched::REGISTER_PAGE;
use crate::model::parse::parse_body;
use crate::storage::sessions::{Session, SessionClient};

/// Path of the sign-in.
pub(super) const PATH: &str = "/dashboard/sign-in";
/// The query parameter and the field with the page to show afterwards.
const NEXT: &str = "next";
const TITLE: &str = "Sign in";

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table
        .get(PATH, &[NEXT, DONE], Audience::Anyone, show)
        .post(PATH, Audience::Anyone, submit)
        .post("/dashboard/sign-out", Audience::Callers, sign_out)
}

/// Returns the path of the sign-in that leads back to a page.
pub(super) fn path_to(target: &str) -> String {
    match own_page(target) {
        DASHBOARD => PATH.to_owned(),
        page => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            format!("{PATH}?{}", query.append_pair(NEXT, page).finish())
        }
    }
}

/// Returns a page of ours, or the first one in place of any other address.
fn own_page(target: &str) -> &str {
    let rest = target.strip_prefix(DASHBOARD);
    let is_own = rest.is_some_and(|rest| {
        (rest.is_empty() || rest.starts_with(['/', '?']))
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    });
    if is_own { target } else { DASHBOARD }
}

async fn show(
    _: Anyone,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
) -> HttpResponse {
    let next = parameters.iter().find(|(name, _)| name == NEXT);
    let next = next.map_or(DASHBOARD, |(_, value)| own_page(value));
    context.page(TITLE, NavSection::None, &form(&context, "", next, None))
}

async fn submit(
    context: PageContext,
    limiter: RequestLimiter,
    client: SessionClient,
    origin: Origin,
    request: HttpRequest,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let next = own_page(fields.text(NEXT));
    let parsed = parse_body(credentials(&fields)).map_err(ApiError::Validation);
    let started = match parsed {
        Ok((credentials, _)) => log_in(&services, &limiter, (client, origin), credentials).await,
        Err(error) => Err(error),
    };
    let session = match started {
        Ok((_, session)) => session,
        Err(error @ (ApiError::Authentication(_) | ApiError::Validation(_))) => {
            let message = match &error {
                ApiError::Authentication(message) => *message,
                _ => "Enter user name and password",
            };
            let form = form(&context, fields.text("username"), next, Some(message));
            return Ok(context.refused(error, TITLE, NavSection::None, &form));
        }
        Err(error) => return Err(error),
    };
    signed_in(&services, &request, &session, next)
}

/// Sends a browser to a page, with the cookie of a session that was just started.
pub(super) fn signed_in(
    services: &AccountServices,
    request: &HttpRequest,
    session: &Session,
    next: &str,
) -> Result<HttpResponse, ApiError> {
    let token = services.tokens.issue_browser(session.refresh_subject())?;
    let seconds = (session.expires_at - services.clock.now()).num_seconds();
    let cookie = SessionCookie::of(request.headers()).set(&token, seconds);
    let mut response = see_other(next);
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Sends a browser whose session has ended to the sign-in, and removes its cookie.
pub(super) fn signed_out(request: &HttpRequest, notice: Notice) -> HttpResponse {
    let mut response = see_other(&notice.on(PATH));
    if let Some(removed) = SessionCookie::of(request.headers()).remove() {
        response.headers_mut().insert(SET_COOKIE, removed);
    }
    response
}

fn credentials(fields: &FormFields) -> Map<String, Value> {
    let names = ["username", "password"].into_iter();
    names.map(|name| (name.to_owned(), Value::from(fields.text(name)))).collect()
}

/// Signs out; also a person who is signed out already.
async fn sign_out(
    caller: Result<SessionCaller, ApiError>,
    origin: Origin,
    request: HttpRequest,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    match caller {
        Ok(caller) => end_session(&services, &caller, &origin, caller.family_id).await?,
        Err(ApiError::Authentication(_) | ApiError::InvalidToken) => {}
        Err(error) => return Err(error),
    }
    Ok(signed_out(&request, Notice::SignedOut))
}

fn form(context: &PageContext, username: &str, next: &str, error: Option<&str>) -> Markup {
    html! {
        form.narrow method="post" action=(PATH) {
            @if let Some(error) = error { (form_error(error)) }
            (InputField {
                name: "username", label: "User name or email address", value: username,
                autocomplete: "username", required: true, ..InputField::default()
            }.render())
            (InputField {
                name: "password", label: "Password", kind: "password",
                autocomplete: "current-password", required: true, ..InputField::default()
            }.render())
            input type="hidden" name=(NEXT) value=(next);
            button type="submit" { "Sign in" }
        }
        p { a href="/dashboard/lost-password" { "Lost your password?" } }
        @if context.policy.registration {
            p { "New here? " a href=(REGISTER_PAGE) { "Register" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_pages_follow_a_sign_in() {
        for own in ["/dashboard", "/dashboard?a=b", "/dashboard/metrics/x?tab=versions"] {
            assert_eq!(own_page(own), own);
        }
        for foreign in [
            "",
            "//evil.com",
            "https://evil.com/dashboard",
            "/dashboardx",
            "/dashboard@evil.com",
            "/dashboard/\\evil.com",
            "/dashboard/a\r\nSet-Cookie: a=b",
            "/api/v1",
        ] {
            assert_eq!(own_page(foreign), DASHBOARD, "{foreign}");
        }
        assert_eq!(path_to("/dashboard"), "/dashboard/sign-in");
        assert_eq!(path_to("/dashboard/a?b=c"), "/dashboard/sign-in?next=%2Fdashboard%2Fa%3Fb%3Dc");
    }
}
