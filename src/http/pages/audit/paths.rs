//! The path of the page of the audit log.

pub(super) const PATH: &str = "/dashboard/audit";
