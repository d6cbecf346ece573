//! Log events of API keys, beside their audit events. A handler logs them once, after the commit
//! and the invalidation, in work that runs to its end whether or not the client waits
//! (`middleware::run_to_end`). If the outcome of a commit is unknown, only its `audit` event
//! follows, when it is known (`http::auditing`).

use slog::{Logger, o};
use strum::AsRefStr;
use uuid::Uuid;

use crate::storage::api_keys::KeyRow;
use crate::storage::audit_events::Actor;
use crate::storage::users::Account;

/// Logs what a user did with API keys.
pub(in crate::http) struct KeyEventLog(Logger);

/// Which change of a user has revoked its keys.
#[derive(Clone, Copy, Debug, AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub(in crate::http) enum RevocationCause {
    PasswordChanged,
    PasswordReset,
    UserDeactivated,
    UserDeleted,
    UserSuspended,
}

impl KeyEventLog {
    /// Creates the log of a request of `user`, whose actor for the audit log is `actor`.
    pub(in crate::http) fn new(logger: &Logger, user: &Account, actor: &Actor) -> Self {
        Self(logger.new(o!(
            "server_request_id" => actor.server_request_id.map(|id| id.to_string()),
            "trace_id" => actor.trace_id.map(|id| id.simple().to_string()),
            "request_id" => actor.request_id.clone(), "actor_role" => user.role.as_ref().to_owned(),
            "actor_id" => user.user_id.to_string())))
    }

    pub(in crate::http) fn created(&self, key: &KeyRow) {
        slog::info!(self.0, "API key created";
            "key_id" => key.key_id.to_string(), "user_id" => key.user_id.to_string());
    }

    pub(in crate::http) fn updated(&self, key: &KeyRow) {
        slog::info!(self.0, "API key updated";
            "key_id" => key.key_id.to_string(), "user_id" => key.user_id.to_string());
    }

    /// Logs that a key was replaced by `successor`.
    pub(in crate::http) fn rotated(&self, key_id: Uuid, successor: &KeyRow) {
        slog::info!(self.0, "API key rotated";
            "key_id" => key_id.to_string(), "successor" => successor.key_id.to_string(),
            "user_id" => successor.user_id.to_string());
    }

    pub(in crate::http) fn revoked(&self, key: &KeyRow) {
        slog::info!(self.0, "API key revoked";
            "key_id" => key.key_id.to_string(), "user_id" => key.user_id.to_string());
    }

    /// Logs that a user has revoked all of its keys.
    pub(in crate::http) fn all_revoked(&self, user_id: Uuid, keys: &[Uuid]) {
        slog::info!(self.0, "all API keys revoked"; "user_id" => user_id.to_string(),
            "count" => keys.len(), "key_ids" => list(keys));
    }

    /// Logs that another change has revoked the keys of a user, if there were any.
    pub(in crate::http) fn revoked_with(
        &self,
        cause: RevocationCause,
        user_id: Uuid,
        keys: &[Uuid],
    ) {
        if !keys.is_empty() {
            slog::info!(self.0, "API keys revoked"; "user_id" => user_id.to_string(),
                "cause" => cause.as_ref(), "count" => keys.len(), "key_ids" => list(keys));
        }
    }
}

/// At most 100 keys of a user are live, which bounds the text.
fn list(keys: &[Uuid]) -> String {
    keys.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",")
}
