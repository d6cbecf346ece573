//! The first thing that happens to a request: its path gets its one spelling, and the request its
//! class.
//!
//! A refused path is not shown to anything else: the request goes on under `/`, so that limits
//! count it, labels and logs say `unmatched`, and [`refuse`], behind the limits, answers 400.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use crate::http::error::ApiError;
use crate::http::request::class::{RequestClass, Routes};
use crate::http::request::path::canonical;

const REFUSED: &str = "/";

/// Rewrites the path to its canonical form and puts the [`RequestClass`] into the request.
pub async fn classify<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let routes = request.app_data::<web::Data<Routes>>().cloned();
    let routes = routes
        .ok_or_else(|| ApiError::Internal { cause: "the application has no routes".into() })?;
    let class = match canonical(request.path()) {
        Ok(path) => {
            let class = routes.classify(request.method(), &path);
            // Owned: it differs from the path of the request.
            if let std::borrow::Cow::Owned(path) = path {
                rewrite(&mut request, &path)?;
            }
            class
        }
        Err(why) => {
            rewrite(&mut request, REFUSED)?;
            RequestClass::refused(why)
        }
    };
    request.extensions_mut().insert(class);
    next.call(request).await
}

/// Gives the request another path, for routing and for everything else; its query stays.
fn rewrite(request: &mut ServiceRequest, path: &str) -> Result<(), ApiError> {
    let fault =
        |what: &dyn std::fmt::Display| ApiError::Internal { cause: format!("no URI: {what}") };
    let mut parts = request.uri().clone().into_parts();
    let query = parts.path_and_query.as_ref().and_then(PathAndQuery::query);
    let text = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    parts.path_and_query = Some(PathAndQuery::try_from(text).map_err(|error| fault(&error))?);
    let uri = Uri::from_parts(parts).map_err(|error| fault(&error))?;
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    Ok(())
}

/// Answers a request whose path was refused; it was counted before.
pub async fn refuse<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match RequestClass::of(&request).refused {
        None => Ok(next.call(request).await?.map_into_boxed_body()),
        // A response, not an error: the limits outside add their headers to it.
        Some(why) => {
            let response = HttpResponse::from_error(ApiError::invalid("path", why.0));
            Ok(ServiceResponse::new(request.into_parts().0, response))
        }
    }
}
