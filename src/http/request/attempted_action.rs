//! What a refusal of a request means for the audit log, where its status does not say: put into the
//! request by its handler through `extract::origin::Origin`.

use uuid::Uuid;

use crate::model::audit::Action;

/// The action that a refusal of the request is recorded as.
#[derive(Clone, Debug)]
pub struct AttemptedAction {
    pub action: Action,
    /// The account that was tried: its id and user name if it exists, else a pseudonym of the name
    /// that was sent.
    pub account: Option<(Option<Uuid>, String)>,
}
