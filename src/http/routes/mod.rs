//! The routes, one file or folder for each noun. A handler's doc comment is its summary and
//! description in the `OpenAPI` document.

pub mod account;
pub mod api_keys;
pub mod audit;
#[cfg(feature = "embedded")]
pub mod backup;
pub mod business_domains;
pub mod catalogue;
pub mod changes;
pub mod circuit_breakers;
pub mod docs;
pub mod exposition;
pub mod health;
pub mod index;
pub(in crate::http) mod key_events;
pub mod metrics;
pub(in crate::http) mod not_found;
pub mod own_sessions;
pub mod password_resets;
pub(in crate::http) mod password_rules;
mod past_lists;
pub mod sessions;
mod token_pair;
pub mod users;
pub(in crate::http) mod version_conflicts;
pub(in crate::http) mod versions;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers all routes that the `OpenAPI` document describes. A path is compared with the routes
/// in this order, so those that are read most come first.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .configure(metrics::configure)
        .configure(business_domains::configure)
        .configure(health::configure)
        .configure(circuit_breakers::configure)
        .configure(index::configure)
        .configure(sessions::configure)
        .configure(own_sessions::configure)
        .configure(account::configure)
        .configure(password_resets::configure)
        .configure(users::configure)
        .configure(api_keys::configure)
        .configure(audit::configure)
        .configure(catalogue::configure)
        .configure(changes::configure);
}
