//! The shield in front of everything: so many requests a second from one address or caller,
//! smoothed (GCRA, by actix-governor). It keeps a flood from costing more than its headers; the
//! exact limits are behind it.

use actix_governor::governor::NotUntil;
use actix_governor::governor::clock::{Clock, DefaultClock, QuantaInstant};
use actix_governor::governor::middleware::NoOpMiddleware;
use actix_governor::{GovernorConfig, GovernorConfigBuilder, KeyExtractor};
use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpResponse, HttpResponseBuilder, web};

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::rate_limit::charge::{Claim, Payer};
use crate::http::rate_limit::headers::write;
use crate::http::rate_limit::{Report, exceeded};
use crate::http::request::class::RequestClass;
use crate::http::request::client_ip::ClientAddress;
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Quota, Standing, Wait};
use crate::telemetry::instruments::limits::LimitInstruments;

/// What the middleware is made from; one for all workers, or each would count for itself.
pub type BurstConfig = GovernorConfig<ByClient, NoOpMiddleware<QuantaInstant>>;

/// So many requests in a second; none if that is no number.
pub fn config(quota: Quota, instruments: LimitInstruments) -> Option<BurstConfig> {
    let most = u32::try_from(quota.most).ok()?;
    GovernorConfigBuilder::default()
        .requests_per_second(most.into())
        .burst_size(most)
        .key_extractor(ByClient { quota, instruments })
        .finish()
}

/// Forgets clients that have their whole quota again. The middleware itself would remember every
/// address for ever.
pub fn forget_idle(config: &BurstConfig) {
    let limiter = config.limiter();
    limiter.retain_recent();
    limiter.shrink_to_fit();
}

/// Counts by address or caller; what is not limited has no key.
#[derive(Clone, Debug)]
pub struct ByClient {
    quota: Quota,
    instruments: LimitInstruments,
}

impl KeyExtractor for ByClient {
    type Key = Option<Payer>;
    type KeyExtractionError = ApiError;

    fn extract(&self, request: &ServiceRequest) -> Result<Self::Key, ApiError> {
        let Some(state) = request.app_data::<web::Data<AppState>>() else { return Ok(None) };
        if !state.limits.is_enabled() || !RequestClass::of(request).is_limited() {
            return Ok(None);
        }
        let client =
            request.extensions().get::<ClientAddress>().map(|address| Client::from(address.0));
        Ok(client.map(|client| Claim::of(request, state, client).payer))
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
        let reset = i64::try_from(wait.as_millis()).unwrap_or(1000);
        self.instruments.rejected(Policy::Burst.as_ref());
        let error = exceeded(Policy::Burst, Wait(reset));
        let mut response = HttpResponse::from_error(error.clone());
        // The middleware forgets the response's error; its extensions it keeps.
        response.extensions_mut().insert(error);
        let standing = Standing { remaining: 0, reset };
        write(
            response.headers_mut(),
            &[Report { policy: Policy::Burst, quota: self.quota, standing }],
        );
        response
    }
}
