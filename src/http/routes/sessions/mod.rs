//! Routes that begin, refresh and end sessions: registration, log-in, refresh, log-out. A user's
//! list of sessions is in `own_sessions`.

mod login;
mod logout;
mod refresh;
mod refresh_token;
mod registration;
mod response;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of registration, log-in, refresh and log-out.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(registration::register)
        .service(login::login)
        .service(refresh::refresh)
        .service(logout::logout);
}
