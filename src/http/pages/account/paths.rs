//! The paths of the pages of one's own account.

use uuid::Uuid;

pub(super) const PATH: &str = "/dashboard/account";
pub(super) const PASSWORD: &str = "/dashboard/account/password";
pub(super) const END_OTHERS: &str = "/dashboard/account/end-other-sessions";

/// Returns the target of the form that ends a session.
pub(super) fn end_of(session: Uuid) -> String {
    format!("{PATH}/sessions/{session}/end")
}
