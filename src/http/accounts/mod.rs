//! What people do with their own accounts: the work behind the routes of the API
//! (`http::routes::account`, `sessions`, `password_resets`) and the pages (`http::pages`), which
//! differ in how they read the request and write the response.

pub mod audit_log;
pub mod issued_keys;
mod key_target;
pub mod log_in;
pub mod own_account;
pub mod own_keys;
pub mod own_sessions;
pub mod password_resets;
pub mod registration;
pub(in crate::http) mod reset_mail;
pub(in crate::http) mod user_target;
pub mod users;

use uuid::Uuid;

use crate::clock::Clock;
use crate::storage::sessions::{NextSession, SessionClient};

/// Describes the session that a log-in or refresh creates.
pub(in crate::http) fn next_session(clock: &Clock, client: SessionClient) -> NextSession {
    NextSession { session_id: Uuid::now_v7(), now: clock.now(), client }
}
