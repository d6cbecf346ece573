//! What an administrator does to a circuit: the work behind the route of the API
//! (`http::routes::circuit_breakers`) and the page about the health of the service.

use actix_web::HttpRequest;
use garde::Validate;
use serde::Deserialize;
use serde_json::json;
use strum::IntoEnumIterator;
use utoipa::ToSchema;

use super::app_data::OperationsServices;
use super::auditing::queue::AuditQueue;
use super::error::ApiError;
use super::extract::circuit_admin::CircuitAdmin;
use super::extract::origin::Origin;
use crate::actors::db_breaker::{Circuit, Control};
use crate::model::audit::{Action, Changes};
use crate::model::text::Text500;
use crate::storage::audit_events::NewEvent;

/// An action on a circuit breaker.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CircuitAction {
    #[garde(skip)]
    pub action: Control,
    /// Written to the log and the audit log.
    #[garde(dive)]
    pub reason: Text500,
}

/// Finds a circuit by its name.
///
/// # Errors
/// [`ApiError::NotFound`] if there is none.
pub fn find_circuit(name: &str) -> Result<Circuit, ApiError> {
    let circuit = Circuit::iter().find(|circuit| circuit.as_ref() == name);
    circuit.ok_or_else(|| {
        let names = "metrics, domains, auth and api_keys";
        ApiError::NotFound(format!("Circuit breaker not found; there are {names}"))
    })
}

/// Does it, after the caller's permission was checked again: the body may have arrived long after
/// the head. Logs it, and records it in the audit log.
///
/// # Errors
/// As for a new request, if the caller is no administrator any more.
pub async fn control_circuit(
    (admin, request, origin): (CircuitAdmin, &HttpRequest, &Origin),
    circuit: Circuit,
    CircuitAction { action, reason }: &CircuitAction,
    services: &OperationsServices,
    audit: &AuditQueue,
) -> Result<(), ApiError> {
    let actor = admin.confirm(request, origin).await?;
    let reason = reason.as_str();
    let details = json!({ "action": action.as_ref(), "reason": reason });
    let by = actor.username.as_deref().unwrap_or_default();
    let log_reason = format!("{} by {by}: {reason}", action.as_ref());
    // Written later, not in a transaction: circuits are controlled when the database may be
    // unavailable.
    let event = NewEvent::success(
        &actor,
        Action::CircuitControlled,
        circuit.as_ref().into(),
        (&details, &Changes::default()),
        services.clock.now(),
    )?;
    services.db.control(circuit, *action, log_reason).await?;
    audit.record_later(event);
    Ok(())
}
