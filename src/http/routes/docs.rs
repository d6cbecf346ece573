//! The API's description, and Swagger UI to read it with. Everything it needs is in the binary.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

const DOCUMENT: &str = "/api-docs/openapi.json";

/// `/api-docs/` and what belongs to it.
pub fn configure(config: &mut web::ServiceConfig, document: OpenApi) {
    let redirect = || async {
        HttpResponse::PermanentRedirect().insert_header((LOCATION, "/api-docs/")).finish()
    };
    // Its default validator would send the address of the document to a stranger.
    let ui = Config::new([DOCUMENT]).validator_url("none");
    config
        .route("/api-docs", web::get().to(redirect))
        .service(SwaggerUi::new("/api-docs/{_:.*}").url(DOCUMENT, document).config(ui));
}
