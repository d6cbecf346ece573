//! The limits and what stands in front of the application, as the configuration says.

use std::time::Duration;

use crate::app::failure::Failure;
use crate::config::Config;
use crate::http::rate_limit::burst;
use crate::http::server::Shields;
use crate::rate_limit::client_ip::TrustedProxies;
use crate::rate_limit::policy::Quotas;
use crate::rate_limit::sliding_window::Quota;
use crate::telemetry::instruments::limits::LimitInstruments;

/// The limits and what stands in front of the application.
pub(in crate::app) fn of(
    config: &Config,
    instruments: LimitInstruments,
) -> Result<(Quotas, TrustedProxies, Shields), Failure> {
    let limits = &config.limits;
    let quota = |most: u32, window: u32| Quota { most: most as usize, window: window.into() };
    let quotas = Quotas {
        general: quota(limits.rate_limit_general_max, limits.rate_limit_general_window),
        auth: quota(limits.rate_limit_auth_max, limits.rate_limit_auth_window),
        api_key: quota(limits.rate_limit_api_key_max, limits.rate_limit_api_key_window),
        password_reset: quota(
            limits.rate_limit_password_reset_max,
            limits.rate_limit_password_reset_window,
        ),
        burst: quota(limits.rate_limit_burst_per_second, 1000),
        unknown_key: quota(limits.rate_limit_unknown_key_max, limits.rate_limit_unknown_key_window),
        caller: limits
            .rate_limit_caller_max
            .map(|most| quota(most, limits.rate_limit_caller_window)),
    };
    let proxies = TrustedProxies::parse(&config.shields.trusted_proxies);
    let proxies = proxies.map_err(|_| {
        Failure::usage(
            "TRUSTED_PROXIES must be addresses and networks such as 10.0.0.0/8, by comma",
        )
    })?;
    let origins = config.shields.origins().map_err(Failure::usage)?;
    let burst = burst::config(quotas.burst, instruments)
        .ok_or_else(|| Failure::usage("RATE_LIMIT_BURST_PER_SECOND is no rate"))?;
    Ok((quotas, proxies, Shields { burst, origins, measured: config.metrics.metrics_enabled }))
}

/// Keeps the shield's memory as small as its present clients.
pub(in crate::app) async fn forget_idle(shields: Shields) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        burst::forget_idle(&shields.burst);
    }
}
