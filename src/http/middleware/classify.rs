//! Classification of a request, before anything else: its path is rewritten to its canonical form,
//! and its class is put into the request.
//!
//! A refused path is not visible to anything else: the request goes on under `/`, so that rate
//! limits count it and labels and logs say `unmatched`, and [`refuse_path`], behind the rate
//! limits, answers 400.

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use futures_util::future::Either;

use crate::http::error::ApiError;
use crate::http::request::class::RequestClass;
use crate::http::request::path::canonical;
use crate::http::request::routes::Routes;

/// Path under which a request with a refused path goes on.
const REFUSED: &str = "/";

/// Rewrites the path to its canonical form and puts the [`RequestClass`] into the request.
pub fn classify<S, B>(
    mut request: ServiceRequest,
    next: &S,
) -> Either<S::Future, Ready<Result<ServiceResponse<B>, Error>>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    match class(&mut request) {
        Ok(class) => {
            request.extensions_mut().insert(class);
            Either::Left(next.call(request))
        }
        Err(error) => Either::Right(ready(Err(error.into()))),
    }
}

fn class(request: &mut ServiceRequest) -> Result<RequestClass, ApiError> {
    let routes = request.app_data::<web::Data<Routes>>();
    let routes = routes
        .ok_or_else(|| ApiError::Internal { cause: "the application has no routes".into() })?;
    match canonical(request.path()) {
        Ok(path) => {
            let class = routes.classify(request.method(), &path);
            // Owned if it differs from the path of the request.
            if let Cow::Owned(path) = path {
                rewrite(request, &path)?;
            }
            Ok(class)
        }
        Err(why) => {
            rewrite(request, REFUSED)?;
            Ok(RequestClass::with_refused_path(why))
        }
    }
}

/// Gives the request another path, for routing and everything else. The query stays.
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

/// Answers 400 to a request whose path was refused, after the rate limits have counted it.
pub async fn refuse_path<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(why) = RequestClass::from_request(&request).refused else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    // A response, not an error, so that the rate limits outside add their headers to it.
    let response = HttpResponse::from_error(ApiError::invalid("path", why.0));
    Ok(ServiceResponse::new(request.into_parts().0, response))
}
