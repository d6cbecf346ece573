//! A user as the target of an audit event.

use crate::storage::audit_events::Target;
use crate::storage::users::User;

pub(in crate::http) fn target(user: &User) -> Target<'_> {
    Target { id: user.user_id, name: &user.username }
}
