//! The OpenAPI document, and Swagger UI to read it. All files are part of the binary.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::extract::anyone::Anyone;

const DOCUMENT: &str = "/api-docs/openapi.json";

/// Registers `/api-docs/` and its files.
pub fn configure(config: &mut web::ServiceConfig, document: OpenApi) {
    let redirect = |_: Anyone| async {
        HttpResponse::PermanentRedirect().insert_header((LOCATION, "/api-docs/")).finish()
    };
    // The default validator would send the URL of the document to another host.
    let ui = Config::new([DOCUMENT]).validator_url("none");
    config
        .route("/api-docs", web::get().to(redirect))
        .service(SwaggerUi::new("/api-docs/{_:.*}").url(DOCUMENT, document).config(ui));
}
