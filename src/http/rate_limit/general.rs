//! The general and the caller limit as middleware. Each response to a limited request tells the
//! state of its limits ([`super::headers`]).

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use super::charge::{Charge, Claim};
use super::headers::{LimitReport, write_all, write_one};
use super::limiter::RateLimiter;
use super::refusals::{RateLimitedRequest, rate_limited};
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::request::caller::Identity;
use crate::http::request::class::RequestClass;
use crate::http::request::context::RequestContext;

/// Charges a request to its address or its caller before it is handled.
pub async fn charge_request<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let client = RequestContext::client_prefix(&request);
    let has_quota = RequestClass::from_request(&request).has_quota();
    let (Some(state), Some(client), true) = (state, client, has_quota) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if !state.rate_limiter.is_enabled() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let now = state.clock.now().timestamp_millis();
    let claim = Claim::from_request(&request, &state, client);
    let charged = state.rate_limiter.charge(claim, client, now);
    charged.unwrap_or_else(|charge| charge).insert_into(request.request());
    let mut response = match charged {
        Ok(_) => next.call(request).await?.map_into_boxed_body(),
        Err(charge) => refuse(request, &state, charge),
    };
    let (charge, others) = {
        let mut extensions = response.request().extensions_mut();
        (extensions.remove::<Charge>(), extensions.remove::<Vec<LimitReport>>())
    };
    let Some(charge) = charge else { return Ok(response) };
    write_charge(response.headers_mut(), &state.rate_limiter, &charge, others.as_deref());
    Ok(response)
}

/// Writes the headers of the limit that was charged, and of others that counted the request.
pub(super) fn write_charge(
    headers: &mut HeaderMap,
    limiter: &RateLimiter,
    charge: &Charge,
    others: Option<&[LimitReport]>,
) {
    let report = charge.report();
    match others {
        None if charge.is_general() => write_one(headers, limiter.general_label(), &report),
        None => write_all(headers, &[report]),
        Some(others) => write_all(headers, &[&[report], others].concat()),
    }
}

/// Corrects the charge of a request after its authentication.
pub async fn settle_charge<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let charge = request.extensions().get::<Charge>().copied();
    let identity = request.extensions().get::<Identity>().cloned();
    let (Some(state), Some(charge), Some(Identity(identity))) = (state, charge, identity) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let settled = match &identity {
        _ if state.rate_limiter.caller_quota().is_none() && charge.caller().is_none() => Ok(charge),
        // The lookup failed, so the credential may be valid: its charge stays as it is. Without a
        // hit, an unverified request ends here.
        Err(
            ApiError::Unavailable { .. } | ApiError::Overloaded { .. } | ApiError::Internal { .. },
        ) => charge.or_refused(),
        identity => {
            let caller = identity.as_ref().ok().and_then(Option::as_ref);
            state.rate_limiter.settle(charge, caller)
        }
    };
    settled.unwrap_or_else(|charge| charge).insert_into(request.request());
    match settled {
        Ok(_) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(charge) => Ok(refuse(request, &state, charge)),
    }
}

fn refuse(request: ServiceRequest, state: &AppState, charge: Charge) -> ServiceResponse<BoxBody> {
    let (policy, quota) = charge.limit();
    let subject = charge.caller().map(|caller| caller.to_string());
    let refused =
        RateLimitedRequest { policy, request: request.request(), subject: subject.as_deref() };
    state.rate_limiter.refusals.record(&state.logger, &refused);
    let response = HttpResponse::from_error(rate_limited(policy, quota, charge.wait()));
    // `into_response` would drop the error that the access log renders.
    ServiceResponse::new(request.into_parts().0, response)
}
