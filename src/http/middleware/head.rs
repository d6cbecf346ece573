//! HEAD is GET without the body (RFC 9110, 9.3.2): the routes know only GET, and the server omits
//! the body of the response.

use actix_web::HttpMessage;
use actix_web::dev::{Service, ServiceRequest};
use actix_web::http::Method;

use crate::http::request::method::HeadRequest;

/// Routes HEAD like GET.
pub fn head_as_get<S: Service<ServiceRequest>>(mut request: ServiceRequest, next: &S) -> S::Future {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(HeadRequest);
    }
    next.call(request)
}
