//! The general limit, and what every limited answer says about limits: both generations of `RateLimit` headers, the IETF's
//! (draft-ietf-httpapi-ratelimit-headers) and the older `RateLimit-Limit`, `-Remaining`, `-Reset`.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use super::client::ClientAddress;
use crate::http::AppState;
use crate::http::limits::{Refused, Report, exceeded};
use crate::limits::address::Client;
use crate::limits::policy::Policy;
use crate::limits::window::{Standing, seconds};

/// Whether requests to this path are counted: the API, not health, pages or metrics.
pub fn is_limited(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Counts a request against its address.
pub async fn limit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let client = request.extensions().get::<ClientAddress>().map(|address| Client::from(address.0));
    let (Some(state), Some(client), true) = (state, client, is_limited(request.path())) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if !state.limits.is_enabled() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let (now, quota) = (state.clock.now().timestamp_millis(), state.limits.quota(Policy::General));
    let general = |standing| Report { policy: Policy::General, quota, standing };
    match state.limits.general(client, now) {
        Ok(standing) => {
            let mut response = next.call(request).await?.map_into_boxed_body();
            let others = response.request().extensions_mut().remove::<Vec<Report>>();
            match others {
                None => write(response.headers_mut(), &[general(standing)]),
                Some(others) => write(response.headers_mut(), &[&[general(standing)], &others[..]].concat()),
            }
            Ok(response)
        }
        Err(wait) => {
            let route = request.match_pattern().unwrap_or_else(|| "unmatched".into());
            let who = Refused { client, route: &route, account: None };
            state.limits.refused(&state.logger, Policy::General, &who, now);
            let mut response = HttpResponse::from_error(exceeded(Policy::General, wait));
            write(response.headers_mut(), &[general(Standing { remaining: 0, reset: wait.0 })]);
            // Not `into_response`, which would forget the error.
            Ok(ServiceResponse::new(request.into_parts().0, response))
        }
    }
}

/// Writes what is known about limits; the older headers have room for one, and tell of the tightest.
pub fn write(headers: &mut HeaderMap, reports: &[Report]) {
    let Some(tightest) = reports.iter().min_by_key(|report| report.standing.remaining) else { return };
    let each = |text: fn(&Report) -> String| match reports {
        [only] => text(only),
        _ => reports.iter().map(text).collect::<Vec<_>>().join(", "),
    };
    let policies = each(|report| {
        format!("\"{}\";q={};w={}", report.policy.as_ref(), report.quota.most, seconds(report.quota.window))
    });
    let standings = each(|report| {
        let Standing { remaining, reset } = report.standing;
        format!("\"{}\";r={remaining};t={}", report.policy.as_ref(), seconds(reset))
    });
    for (name, value) in [("ratelimit-policy", policies), ("ratelimit", standings)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in [
        ("ratelimit-limit", HeaderValue::from(tightest.quota.most)),
        ("ratelimit-remaining", HeaderValue::from(tightest.standing.remaining)),
        ("ratelimit-reset", HeaderValue::from(seconds(tightest.standing.reset))),
    ] {
        headers.insert(HeaderName::from_static(name), value);
    }
}
