//! The frame of every page: head, navigation, footer; and the response that carries it.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use maud::{DOCTYPE, Markup, html};

use super::assets::Asset;
use super::hx;
pub(super) use super::navigation::NavSection;
use super::navigation::links;
use super::notice::Notice;
use crate::http::app_data::AccessPolicy;
use crate::http::error::ApiError;
use crate::http::request::caller::Identity;
use crate::http::request::routes::DASHBOARD;
use crate::http::request::script_nonce::ScriptNonce;
use crate::model::users::Role;
use crate::storage::users::Account;

const HTML: &str = "text/html; charset=utf-8";

/// What a page knows of its request: who reads it, and the message about what was just done.
#[derive(Clone, Debug)]
pub(super) struct PageContext {
    /// The user of the session; none without a session, or if it cannot be looked up.
    pub(super) viewer: Option<Arc<Account>>,
    pub(super) policy: AccessPolicy,
    pub(super) nonce: ScriptNonce,
    notice: Option<Notice>,
}

/// What a page was made of.
#[derive(Debug)]
pub(super) struct PageParts {
    pub(super) context: PageContext,
    pub(super) title: String,
    pub(super) content: Markup,
}

impl FromRequest for PageContext {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = || ApiError::Internal { cause: "no access policy".into() };
        let policy = request.app_data::<web::Data<AccessPolicy>>().map(|policy| ***policy);
        let identity = request.extensions().get::<Identity>().cloned();
        let caller = identity.and_then(|Identity(found)| found.ok().flatten());
        ready(policy.ok_or_else(missing).map(|policy| Self {
            viewer: caller.map(|caller| caller.user),
            policy,
            nonce: ScriptNonce::generate(),
            notice: Notice::from_query(request.query_string()),
        }))
    }
}

impl PageContext {
    /// Whether the viewer may change metrics and domains.
    pub(super) fn may_edit(&self) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| viewer.role != Role::Viewer)
    }

    /// Whether the viewer may delete metrics and domains.
    pub(super) fn may_delete(&self) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| viewer.role == Role::Admin)
    }

    /// Answers with a page. `title` is also its heading.
    pub(super) fn page(&self, title: &str, section: NavSection, content: &Markup) -> HttpResponse {
        self.send(HttpResponse::Ok().finish(), title, section, content)
    }

    /// Answers with a page that its readers may see again while the database is unavailable: one of
    /// the catalogue, without secrets.
    pub(super) fn kept_page(
        &self,
        title: &str,
        section: NavSection,
        content: &Markup,
    ) -> HttpResponse {
        let mut response = self.page(title, section, content);
        if self.notice.is_none() {
            let parts = PageParts {
                context: self.clone(),
                title: title.to_owned(),
                content: content.clone(),
            };
            response.extensions_mut().insert(parts);
        }
        response
    }

    /// Answers with a page that shows an error itself, e.g. at the fields of a form.
    pub(super) fn refused(
        &self,
        error: ApiError,
        title: &str,
        section: NavSection,
        content: &Markup,
    ) -> HttpResponse {
        let mut response = error.error_response();
        // For access log and audit log.
        response.extensions_mut().insert(error);
        self.send(response, title, section, content)
    }

    fn send(
        &self,
        mut response: HttpResponse,
        title: &str,
        section: NavSection,
        content: &Markup,
    ) -> HttpResponse {
        let page = self.document(title, section, content).into_string();
        response.extensions_mut().insert(self.nonce.clone());
        with_page(response, page)
    }

    fn document(&self, title: &str, section: NavSection, content: &Markup) -> Markup {
        let body = html! {
            (self.header(section))
            main id="main" tabindex="-1" {
                div id="notice" role="status" aria-live="polite" {
                    @if let Some(notice) = self.notice { p.notice { (notice.text()) } }
                }
                h1 { (title) }
                (content)
            }
        };
        frame(title, &hx::scripts(&self.nonce), &body)
    }

    fn header(&self, current: NavSection) -> Markup {
        let here = |section: NavSection| (section == current).then_some("page");
        html! {
            header {
                nav aria-label="Main" {
                    a.brand href=(DASHBOARD) aria-current=[here(NavSection::Metrics)] { "Metrics" }
                    div.sections {
                        (links(self.viewer.as_deref(), self.policy.anonymous_read, current))
                    }
                    div.account {
                        @if let Some(viewer) = &self.viewer {
                            a.viewer href="/dashboard/account"
                                aria-current=[here(NavSection::Account)] {
                                (viewer.username) " (" (viewer.role.as_ref()) ")"
                            }
                            form method="post" action="/dashboard/sign-out" {
                                button.quiet type="submit" { "Sign out" }
                            }
                        } @else {
                            a href="/dashboard/sign-in" { "Sign in" }
                        }
                    }
                }
            }
        }
    }
}

/// The whole document around a body.
pub(super) fn frame(title: &str, scripts: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · MDL" }
                link rel="icon" href=(Asset::Icon.path()) type="image/svg+xml";
                link rel="stylesheet" href=(Asset::SimpleCss.path());
                link rel="stylesheet" href=(Asset::Style.path());
                (scripts)
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (body)
                footer {
                    p {
                        "Metrics Definition Library " (env!("CARGO_PKG_VERSION")) " · "
                        a href="/api-docs/" { "API" }
                    }
                }
            }
        }
    }
}

/// Gives a response a page as its body.
pub(super) fn with_page(response: HttpResponse, page: String) -> HttpResponse {
    let mut response = response.set_body(actix_web::body::BoxBody::new(page));
    let name = actix_web::http::header::CONTENT_TYPE;
    response.headers_mut().insert(name, actix_web::http::header::HeaderValue::from_static(HTML));
    response
}
