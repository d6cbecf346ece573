//! What the versions of metrics are made of, for reads and for changes that meet another version.

use super::path::{NOUN, PATH};
use crate::actors::db_breaker::Circuit;
use crate::http::routes::versions::VersionedNoun;
use crate::model::changes::ItemKind;
use crate::storage::metrics;
use crate::storage::versions::METRICS;

pub(in crate::http) const VERSIONED: VersionedNoun = VersionedNoun {
    circuit: Circuit::Metrics,
    table: METRICS,
    noun: NOUN,
    path: PATH,
    operations: ("metric_revisions.list_versions", "metric_snapshots.get"),
    list_operation: "metric_periods.list",
    completeness: Some(metrics::completeness_of),
    set_by_server: ItemKind::Metric.set_by_server(),
};
