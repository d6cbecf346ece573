//! The page as a whole: the part that changes, and the form that controls a circuit, which stays as
//! it is while a person types.

use actix_web::{HttpResponse, web};
use maud::html;

use super::super::document::{NavSection, PageContext};
use super::super::form_parts::FormErrors;
use super::super::hx;
use super::control;
use super::live::live;
use super::paths::{LIVE, TITLE};
use crate::http::app_data::OperationsServices;
use crate::http::error::ApiError;
use crate::http::extract::circuit_admin::CircuitAdmin;
use crate::http::extract::form_body::FormFields;

pub(super) async fn show(
    _: CircuitAdmin,
    context: PageContext,
    services: web::Data<OperationsServices>,
) -> Result<HttpResponse, ApiError> {
    let live = live(&services).await?;
    let body = html! {
        (hx::live_part(&context.nonce, LIVE, &live))
        (control::form(&FormFields::default(), FormErrors::default()))
    };
    Ok(context.page(TITLE, NavSection::Health, &body))
}
