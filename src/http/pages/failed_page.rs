//! Errors as pages. A person who is not signed in is sent to the sign-in and back; everything else
//! is told what happened, whether to try again, and the id of the request.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use actix_web::{HttpResponse, ResponseError};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::document::{frame, with_page};
use super::elements::time;
use super::sign_in;
use crate::http::error::ApiError;
use crate::http::request::class::RequestClass;
use crate::http::request::routes::DASHBOARD;
use crate::http::request::session_cookie::SessionCookie;

const FETCH_SITE: &str = "sec-fetch-site";

/// What the page of an error depends on.
#[derive(Clone, Debug)]
pub struct FailedPage {
    is_safe: bool,
    /// Path and query.
    target: String,
    /// Removes the cookie that the request has.
    removed_cookie: Option<HeaderValue>,
    /// Whether another site led here: the browser has kept the cookie back.
    is_from_elsewhere: bool,
    /// Whether htmx asked, which would show a sign-in inside of the page.
    is_part: bool,
}

impl FailedPage {
    /// Describes a request whose response a person reads; none for all others.
    pub fn of(request: &ServiceRequest) -> Option<Self> {
        if !RequestClass::from_request(request).is_for_people {
            return None;
        }
        let headers = request.headers();
        let site = headers.get(FETCH_SITE).and_then(|value| value.to_str().ok());
        let cookie = SessionCookie::of(headers);
        Some(Self {
            is_safe: request.method().is_safe(),
            target: request.uri().to_string(),
            removed_cookie: cookie.read(headers).and_then(|_| cookie.remove()),
            is_from_elsewhere: matches!(site, Some("cross-site" | "same-site")),
            is_part: headers.contains_key("hx-request"),
        })
    }

    /// Answers with the page of an error. `not_done` is what the request was to do.
    pub fn respond(
        &self,
        error: &ApiError,
        not_done: Option<&str>,
        request_id: &str,
        now: DateTime<Utc>,
    ) -> HttpResponse {
        if error.status_code() == StatusCode::UNAUTHORIZED {
            return self.ask_to_sign_in(request_id);
        }
        let retry = error.retry_after().map(|seconds| now + TimeDelta::seconds(seconds.into()));
        let title = title(error.status_code());
        let content = html! {
            p { (error.message(not_done)) }
            @if !error.details().is_empty() {
                ul {
                    @for violation in error.details() {
                        li { @if !violation.field.is_empty() { (violation.field) " " }
                            (violation.message) }
                    }
                }
            }
            @if let Some(retry) = retry { p { "Next attempt: " (time(retry)) "." } }
        };
        with_page(error.error_response(), page(title, &content, request_id))
    }

    fn ask_to_sign_in(&self, request_id: &str) -> HttpResponse {
        let sign_in = sign_in::path_to(&self.target);
        if !self.is_safe {
            let content = html! {
                p { "You are signed out, so nothing was changed. Your browser has what you typed: "
                    a href=(sign_in::PATH) target="_blank" { "sign in in another tab" }
                    ", then send this page again." }
            };
            let page = page("Signed out", &content, request_id);
            return with_page(HttpResponse::Unauthorized().finish(), page);
        }
        if self.is_from_elsewhere && self.removed_cookie.is_none() {
            // The same page, from here: now the browser sends the cookie, if it has one.
            let content = html! {
                meta http-equiv="refresh" content=(format!("0;url={}", self.target));
                p { a href=(self.target) { "Continue" } }
            };
            let page = page("One moment", &content, request_id);
            return with_page(HttpResponse::Ok().finish(), page);
        }
        let (status, name) = if self.is_part {
            (StatusCode::UNAUTHORIZED, HeaderName::from_static("hx-redirect"))
        } else {
            (StatusCode::SEE_OTHER, LOCATION)
        };
        let mut response = HttpResponse::new(status);
        if let Ok(value) = HeaderValue::try_from(sign_in) {
            response.headers_mut().insert(name, value);
        }
        if let Some(removed) = &self.removed_cookie {
            response.headers_mut().insert(SET_COOKIE, removed.clone());
        }
        response
    }
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "Not allowed",
        404 => "Not found",
        405 | 400 | 413 | 415 => "The request is not valid",
        408 => "Too slow",
        409 => "Not possible now",
        412 | 428 => "Changed meanwhile",
        429 => "Too many requests",
        503 => "Not available now",
        504 => "Not known whether it was done",
        _ => "Something went wrong",
    }
}

fn page(title: &str, content: &Markup, request_id: &str) -> String {
    let body = html! {
        header { nav aria-label="Main" { a.brand href=(DASHBOARD) { "Metrics" } } }
        main id="main" tabindex="-1" {
            h1 { (title) }
            (content)
            p.request-id { "Request " code { (request_id) } }
        }
    };
    frame(title, &html! {}, &body).into_string()
}
