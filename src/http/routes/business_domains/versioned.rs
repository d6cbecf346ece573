//! What the versions of business domains are made of, for reads and for changes that meet another
//! version.

use super::path::{NOUN, PATH};
use crate::actors::db_breaker::Circuit;
use crate::http::routes::versions::VersionedNoun;
use crate::model::changes::ItemKind;
use crate::storage::versions::BUSINESS_DOMAINS;

pub(in crate::http) const VERSIONED: VersionedNoun = VersionedNoun {
    circuit: Circuit::Domains,
    table: BUSINESS_DOMAINS,
    noun: NOUN,
    path: PATH,
    operations: ("business_domain_revisions.list", "business_domain_snapshots.get"),
    list_operation: "business_domain_periods.list",
    completeness: None,
    set_by_server: ItemKind::Domain.set_by_server(),
};
