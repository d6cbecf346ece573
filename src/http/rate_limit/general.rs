//! The general limit, and what every limited answer says about limits: both generations of
//! `RateLimit` headers, the IETF's (draft-ietf-httpapi-ratelimit-headers) and the older
//! `RateLimit-Limit`, `-Remaining`, `-Reset`.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use super::headers::{Report, write, write_one};
use super::{Refused, exceeded};
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::rate_limit::charge::{self, Charge, Claim};
use crate::http::request::caller::Identity;
use crate::http::request::class::RequestClass;
use crate::http::request::client_ip::ClientAddress;
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Wait;

/// Charges a request to its address or its caller before it is handled.
pub async fn limit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let client = request.extensions().get::<ClientAddress>().map(|address| Client::from(address.0));
    let (Some(state), Some(client), true) =
        (state, client, RequestClass::of(&request).is_limited())
    else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if !state.limits.is_enabled() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let (now, claim) = (state.clock.now().timestamp_millis(), Claim::of(&request, &state, client));
    let charged = state.limits.charge(claim, client, now);
    charge::set(request.request(), charged.unwrap_or_else(|charge| charge));
    let mut response = match charged {
        Ok(_) => next.call(request).await?.map_into_boxed_body(),
        Err(charge) => refuse(request, &state, charge),
    };
    let (charge, others) = {
        let mut extensions = response.request().extensions_mut();
        (extensions.remove::<Charge>(), extensions.remove::<Vec<Report>>())
    };
    let Some(report) = charge.map(|charge| charge.report()) else { return Ok(response) };
    match others {
        None if report.policy == Policy::General => {
            write_one(
                response.headers_mut(),
                state.limits.general_label(),
                report.policy,
                report.standing,
            );
        }
        None => write(response.headers_mut(), &[report]),
        Some(others) => write(response.headers_mut(), &[&[report], &others[..]].concat()),
    }
    Ok(response)
}

/// Corrects the charge of a request when its caller has been verified, or has not. Behind
/// authentication.
pub async fn settle<B: MessageBody + 'static>(
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
        _ if state.limits.caller_quota().is_none() => Ok(charge),
        // It is not known whether the caller is one.
        Err(ApiError::Unavailable { .. } | ApiError::Internal { .. }) => Ok(charge),
        identity => state.limits.settle(charge, identity.as_ref().ok().and_then(Option::as_ref)),
    };
    charge::set(request.request(), settled.unwrap_or_else(|charge| charge));
    match settled {
        Ok(_) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(charge) => Ok(refuse(request, &state, charge)),
    }
}

fn refuse(request: ServiceRequest, state: &AppState, charge: Charge) -> ServiceResponse<BoxBody> {
    let (policy, wait) = charge.refusal().unwrap_or((Policy::General, Wait(1)));
    let refused = Refused { policy, request: request.request(), subject: None };
    state.limits.refusals.record(&state.logger, &refused, state.clock.now().timestamp_millis());
    let response = HttpResponse::from_error(exceeded(policy, wait));
    // Not `into_response`, which would forget the error.
    ServiceResponse::new(request.into_parts().0, response)
}
