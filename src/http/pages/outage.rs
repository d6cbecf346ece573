//! Pages while the database is unavailable. A page that its reader has seen before is shown as it
//! was then, with its age and without working forms. Any other says what is not available; if it
//! is the answer to a form, it has what was typed, to be sent again. Both say when the next attempt
//! is made, and load themselves again then.

mod banner;
mod sent_form;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use maud::{Markup, PreEscaped, html};

use self::banner::Outage;
use self::sent_form::{SentForm, again};
use super::document::{NavSection, PageContext, PageParts};
use super::hx;
use crate::cache::pages::{KeptPage, PageReader};
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::request::context::RequestContext;

/// Keeps the pages that can be shown in an outage, and answers in place of the others' errors.
pub(super) async fn stand_in<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let parts = response.response_mut().extensions_mut().remove::<PageParts>();
    let request = response.request().clone();
    if let Some(parts) = parts {
        keep(&request, parts);
    }
    let error = response.response().error().and_then(|error| error.as_error::<ApiError>());
    let Some(error @ ApiError::Unavailable { .. }) = error.cloned() else { return Ok(response) };
    let answer = answer(&request, error).await;
    Ok(answer.map_or(response, |answer| ServiceResponse::new(request, answer)))
}

fn keep(request: &HttpRequest, PageParts { context, title, content }: PageParts) {
    let Some(catalogue) = request.app_data::<web::Data<CatalogueServices>>() else { return };
    let (nonce, at) = (context.nonce.as_str().to_owned(), catalogue.clock.now());
    let page = KeptPage { title, content: content.into_string(), nonce, at };
    catalogue.pages.insert(reader(&context), request.uri().to_string(), page);
}

fn reader(context: &PageContext) -> PageReader {
    context.viewer.as_ref().map(|viewer| (viewer.user_id, viewer.role))
}

async fn answer(request: &HttpRequest, error: ApiError) -> Option<HttpResponse> {
    let context = PageContext::extract(request).await.ok()?;
    let outage = Outage::find(request, &error).await?;
    let target = request.uri().to_string();
    let is_read = request.method().is_safe();
    let catalogue = request.app_data::<web::Data<CatalogueServices>>()?;
    // Without a viewer it is a page for anyone, or the viewer is not known.
    let kept = catalogue.pages.get(reader(&context), &target).filter(|_| is_read);
    let retry = is_read.then(|| hx::retry(&context.nonce, &target, outage.seconds));
    if let Some(kept) = kept {
        let body = html! {
            (outage.banner(Some(kept.at))) (retry.unwrap_or_default())
            fieldset.outage disabled { (renewed(&context, &kept)) }
        };
        return Some(context.page(&kept.title, NavSection::of(&target), &body));
    }
    if let (Some(logger), Some(cause)) = (RequestContext::logger(request), error.cause()) {
        slog::error!(logger, "request failed"; "code" => error.code(), "error" => cause);
    }
    let body = html! {
        (outage.banner(None)) (retry.unwrap_or_default())
        @if is_read { p { a href=(target) { "Try again" } } }
        @else if let Some(form) = request.extensions().get::<SentForm>() { (again(&target, form)) }
    };
    Some(context.refused(error, "Not available now", NavSection::of(&target), &body))
}

/// The content with the nonce of this response. It was escaped when it was made, and a nonce has
/// only letters and digits.
fn renewed(context: &PageContext, kept: &KeptPage) -> Markup {
    PreEscaped(kept.content.replace(&kept.nonce, context.nonce.as_str()))
}
