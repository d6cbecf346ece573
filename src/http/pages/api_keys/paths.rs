//! The paths of the pages of API keys.

use uuid::Uuid;

pub(super) const PATH: &str = "/dashboard/api-keys";
pub(super) const NEW: &str = "/dashboard/api-keys/new";
pub(super) const REVOKE_ALL: &str = "/dashboard/api-keys/revoke";

pub(super) fn path_of(id: Uuid) -> String {
    format!("{PATH}/{id}")
}
