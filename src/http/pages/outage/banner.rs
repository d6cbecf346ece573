//! What is known of an outage, and the banner that says it.

use actix_web::{HttpRequest, web};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::super::elements::time;
use crate::actors::db_breaker::CircuitState;
use crate::http::app_data::OperationsServices;
use crate::http::error::ApiError;

/// An outage of the database as one request met it.
pub(super) struct Outage {
    /// The circuits that refuse calls.
    circuits: Vec<String>,
    /// Seconds until the next attempt.
    pub(super) seconds: u32,
    next_attempt: DateTime<Utc>,
    message: String,
}

impl Outage {
    /// Describes the outage behind an error; none if it was something else.
    pub(super) async fn find(request: &HttpRequest, error: &ApiError) -> Option<Self> {
        let operations = request.app_data::<web::Data<OperationsServices>>()?;
        let seconds = error.retry_after()?;
        let report = operations.db.report().await;
        let circuits = report.map(|(circuits, _)| circuits).unwrap_or_default();
        let refusing = circuits.iter().filter(|one| one.state != CircuitState::Closed);
        Some(Self {
            circuits: refusing.map(|one| one.circuit.as_ref().to_owned()).collect(),
            seconds,
            next_attempt: operations.clock.now() + TimeDelta::seconds(seconds.into()),
            message: error.to_string(),
        })
    }

    /// Says what is not available, and until when; `kept_at` is when the page was made that is
    /// shown.
    pub(super) fn banner(&self, kept_at: Option<DateTime<Utc>>) -> Markup {
        html! {
            div.banner role="status" {
                p { strong { (self.message) } }
                @if let Some(at) = kept_at {
                    p { "This page is as you saw it at " (time(at))
                        ". Its forms and searches work again when the database does." }
                }
                p {
                    @if !self.circuits.is_empty() {
                        "Circuits that refuse calls: " (self.circuits.join(", ")) ". "
                    }
                    "Next attempt: " (time(self.next_attempt)) "."
                }
            }
        }
    }
}
