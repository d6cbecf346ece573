//! The paths of the pages of users.

use uuid::Uuid;

pub(super) const PATH: &str = "/dashboard/users";

pub(super) fn path_of(id: Uuid) -> String {
    format!("{PATH}/{id}")
}
