//! Builds rate limit quotas, trusted proxies and CORS origins from the configuration, and keeps the
//! burst limit's memory bounded. The limits themselves are in `rate_limit` and `http::rate_limit`.

use std::time::Duration;

use crate::app::command_error::CommandError;
use crate::config::Config;
use crate::http::rate_limit::burst;
use crate::http::server::AppOptions;
use crate::rate_limit::client_ip::TrustedProxies;
use crate::rate_limit::policy::Quotas;
use crate::rate_limit::sliding_window::Quota;

/// Builds quotas, trusted proxies and the options of the HTTP application.
pub(in crate::app) fn from_config(
    config: &Config,
) -> Result<(Quotas, TrustedProxies, AppOptions), CommandError> {
    let limits = &config.limits;
    let quota = |limit: u32, window: u32| Quota { limit: limit as usize, window: window.into() };
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
            .map(|limit| quota(limit, limits.rate_limit_caller_window)),
    };
    let proxies = TrustedProxies::parse(&config.http.trusted_proxies);
    let proxies = proxies.map_err(|_| {
        CommandError::usage(
            "TRUSTED_PROXIES must be IP addresses and networks (10.0.0.0/8), separated by commas",
        )
    })?;
    let origins = config.http.origins().map_err(CommandError::usage)?;
    let burst = burst::config(quotas.burst)
        .ok_or_else(|| CommandError::usage("RATE_LIMIT_BURST_PER_SECOND must be greater than 0"))?;
    Ok((quotas, proxies, AppOptions { burst, origins, measured: config.metrics.metrics_enabled }))
}

/// Removes idle clients from the burst limit every second.
pub(in crate::app) async fn remove_idle_clients(app_options: AppOptions) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        burst::remove_idle(&app_options.burst);
    }
}
