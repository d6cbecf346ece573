//! Routes of API keys, whose work is in `http::accounts`. Users manage their keys with a session:
//! an API key cannot create or change API keys.

mod issue;
mod list;
mod response;
mod revoke;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of API keys.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list::list)
        .service(issue::create)
        .service(issue::rotate)
        .service(update::update)
        .service(revoke::revoke)
        .service(revoke::revoke_all);
}
