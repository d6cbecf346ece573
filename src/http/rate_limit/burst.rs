//! The burst limit: requests a second from one address or caller, smoothed (GCRA, by
//! actix-governor). It bounds the cost of a flood; the exact limits are behind it. actix-governor
//! makes its 429 without the request, so [`record_refusal`] around it counts and logs the refusal.

use actix_governor::governor::NotUntil;
use actix_governor::governor::clock::{Clock, DefaultClock, QuantaInstant};
use actix_governor::governor::middleware::NoOpMiddleware;
use actix_governor::{GovernorConfig, GovernorConfigBuilder, KeyExtractor};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, HttpResponseBuilder, web};

use super::charge::{Claim, Payer};
use super::headers::{LimitReport, write_all};
use super::refusals::{RateLimitedRequest, rate_limited};
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::request::class::RequestClass;
use crate::http::request::context::RequestContext;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Quota, Wait};

/// The configuration of the middleware; one for all workers, or each would count for itself.
pub type BurstConfig = GovernorConfig<ByPayer, NoOpMiddleware<QuantaInstant>>;

/// Makes the burst limit of a quota per second; none if the quota is 0 or too large.
pub fn config(quota: Quota) -> Option<BurstConfig> {
    let limit = u32::try_from(quota.limit).ok()?;
    GovernorConfigBuilder::default()
        .requests_per_second(limit.into())
        .burst_size(limit)
        .key_extractor(ByPayer { quota })
        .finish()
}

/// Takes a hit of a request that is answered without the middleware. Whether it had one.
pub fn accepts(config: &BurstConfig, payer: Payer) -> bool {
    config.limiter().check_key(&Some(payer)).is_ok()
}

/// Removes clients that have their whole quota again; the middleware itself removes none.
pub fn remove_idle(config: &BurstConfig) {
    let limiter = config.limiter();
    limiter.retain_recent();
    limiter.shrink_to_fit();
}

/// Counts by address or caller; requests without a limit have no key.
#[derive(Clone, Debug)]
pub struct ByPayer {
    quota: Quota,
}

impl KeyExtractor for ByPayer {
    type Key = Option<Payer>;
    type KeyExtractionError = ApiError;

    fn extract(&self, request: &ServiceRequest) -> Result<Self::Key, ApiError> {
        let Some(state) = request.app_data::<web::Data<AppState>>() else { return Ok(None) };
        let is_limited = RequestClass::from_request(request).is_burst_limited();
        if !state.rate_limiter.is_enabled() || !is_limited {
            return Ok(None);
        }
        let client = RequestContext::client_prefix(request);
        Ok(client.map(|client| Claim::from_request(request, state, client).payer))
    }

    fn whitelisted_keys(&self) -> Vec<Self::Key> {
        vec![None]
    }

    fn exceed_rate_limit_response(
        &self,
        until: &NotUntil<QuantaInstant>,
        _: HttpResponseBuilder,
    ) -> HttpResponse {
        let wait = until.wait_time_from(DefaultClock::default().now());
        let wait = Wait(i64::try_from(wait.as_millis()).unwrap_or(1000));
        let error = rate_limited(Policy::Burst, self.quota, wait);
        let mut response = HttpResponse::from_error(error.clone());
        // The middleware drops the response's error but keeps its extensions.
        response.extensions_mut().insert(error);
        let report = LimitReport::new(Policy::Burst, self.quota, Err(wait));
        write_all(response.headers_mut(), &[report]);
        response
    }
}

/// Counts and logs a refusal of the burst limit.
pub async fn record_refusal<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    let is_refused = matches!(
        response.response().extensions().get(),
        Some(ApiError::RateLimited { policy: Policy::Burst, .. })
    );
    let state = response.request().app_data::<web::Data<AppState>>();
    if let (true, Some(state)) = (is_refused, state) {
        let request = response.request();
        let claim = request.extensions().get::<Claim>().copied();
        let subject = claim.and_then(|claim| claim.caller()).map(|caller| caller.to_string());
        let refused =
            RateLimitedRequest { policy: Policy::Burst, request, subject: subject.as_deref() };
        state.rate_limiter.refusals.record(&state.logger, &refused);
    }
    Ok(response)
}
