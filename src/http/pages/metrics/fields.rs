//! The fields of a metric as people read them: labels, in the order of the page. Which there are,
//! and their rules, is decided by the model; a test compares this list with its schema.

/// How a field is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A text, number, yes or no.
    Plain,
    /// Code: shown as it is written.
    Code,
    /// Text with some HTML.
    Rich,
    /// A list of texts.
    List,
    /// The ids of metrics.
    MetricIds,
    /// An object of any shape, or a list of such.
    Data,
    /// A point in time.
    Instant,
    /// A list of objects with these fields.
    Table(&'static [ShownField]),
}

/// A field: its path within the metric or the row of a table, its label, its look.
pub(super) type ShownField = (&'static str, &'static str, Look);

/// A part of the page: its heading, and its fields.
pub(super) type ShownGroup = (&'static str, &'static [ShownField]);

use Look::{Code, Data, Instant, List, MetricIds, Plain, Rich, Table};

const SOURCES: &[ShownField] = &[
    ("system", "System", Plain),
    ("table_or_stream", "Table or stream", Code),
    ("connection_id", "Connection", Plain),
];
const RULES: &[ShownField] = &[
    ("rule_id", "Rule", Plain),
    ("condition", "Condition", Code),
    ("severity", "Severity", Plain),
    ("notify_channels", "Notifies", List),
    ("evaluation_window", "Window", Plain),
];
const DIMENSIONS: &[ShownField] =
    &[("name", "Name", Plain), ("allowed_values", "Values", List), ("required", "Required", Plain)];
const LINKS_OF_TOOLS: &[ShownField] = &[("tool", "Tool", Plain), ("url", "Link", Plain)];
const PLAYBOOKS: &[ShownField] = &[("name", "Name", Plain), ("url", "Link", Plain)];
const QUERIES: &[ShownField] = &[("language", "Language", Plain), ("query", "Query", Code)];

/// All groups. What the metric means comes first.
pub(super) const GROUPS: &[ShownGroup] = &[
    (
        "Definition",
        &[
            ("definition.formula_detail", "In detail", Code),
            ("definition.numerator.event_name", "Numerator", Plain),
            ("definition.numerator.filters", "Only those with", Data),
            ("definition.denominator.event_name", "Denominator", Plain),
            ("definition.denominator.filters", "Only those with", Data),
            ("definition.unit", "Unit", Plain),
            ("definition.expected_direction", "Better is", Plain),
            ("definition.example_calculation", "Example", Data),
            ("dimensions", "Dimensions", Table(DIMENSIONS)),
        ],
    ),
    (
        "Targets and alerts",
        &[
            ("targets_and_alerts.target_value", "Target", Plain),
            ("targets_and_alerts.warning_threshold", "Warning at", Plain),
            ("targets_and_alerts.critical_threshold", "Critical at", Plain),
            ("targets_and_alerts.comparison_baseline", "Compared with", Plain),
            ("targets_and_alerts.alert_rules", "Alert rules", Table(RULES)),
        ],
    ),
    (
        "Sources",
        &[
            ("data.primary_sources", "Sources", Table(SOURCES)),
            ("data.secondary_sources", "Alternatives", Table(SOURCES)),
            ("data.data_freshness", "Freshness", Plain),
            ("data.update_frequency", "Updated", Plain),
            ("data.time_grain", "Time grains", List),
            ("data.data_retention", "Kept for", Plain),
            ("metadata.example_queries", "Queries", Table(QUERIES)),
        ],
    ),
    (
        "Governance",
        &[
            ("governance.owner_team", "Owner team", Plain),
            ("governance.business_owner", "Business owner", Plain),
            ("governance.technical_owner", "Technical owner", Plain),
            ("governance.data_classification", "Classification", Plain),
            ("governance.pii_involved", "Personal data", Plain),
            ("governance.regulatory_constraints", "Constraints", List),
            ("governance.version", "Owners' version", Plain),
            ("governance.created_at", "Owners' creation date", Instant),
            ("governance.updated_at", "Owners' change date", Instant),
            ("governance.status", "Status", Plain),
            ("governance.successor_id", "Successor", MetricIds),
            ("governance.sunset_on", "Sunset on", Plain),
        ],
    ),
    (
        "Purpose",
        &[
            ("short_name", "Short name", Plain),
            ("category", "Category", Plain),
            ("tags", "Tags", List),
            ("alignment.strategic_pillar", "Strategic pillar", Plain),
            ("alignment.primary_objective_ids", "Objectives", List),
            ("alignment.related_okr_ids", "Key results", List),
        ],
    ),
    (
        "Usage",
        &[
            ("operational_usage.decision_use_cases", "Decisions", List),
            ("operational_usage.review_cadence", "Reviewed", Plain),
            ("operational_usage.linked_playbooks", "Playbooks", Table(PLAYBOOKS)),
            ("visualization.default_chart_type", "Chart", Plain),
            ("visualization.default_time_range", "Time range", Plain),
            ("visualization.dashboard_locations", "Dashboards", Table(LINKS_OF_TOOLS)),
            ("visualization.drilldowns", "Drill-downs", List),
            ("relationships.upstream_metric_ids", "Influenced by", MetricIds),
            ("relationships.downstream_metric_ids", "Influences", MetricIds),
            ("relationships.tradeoffs", "Trade-offs", List),
            ("metadata.notes", "Notes", Rich),
        ],
    ),
];

/// Fields that the head of the page shows.
#[cfg(test)]
const IN_HEAD: [&str; 9] = [
    "metric_id",
    "name",
    "description",
    "tier",
    "business_domain",
    "metric_type",
    "alignment.why_it_matters",
    "definition.formula",
    "metadata",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fields::selectable;
    use crate::model::metrics::Metric;

    #[test]
    fn page_shows_every_field_of_the_model() {
        let shown: Vec<&str> =
            GROUPS.iter().flat_map(|(_, fields)| fields.iter().map(|(path, ..)| *path)).collect();
        let is_shown = |name: &str| {
            let below = format!("{name}.");
            shown.iter().any(|path| *path == name || path.starts_with(&below))
                || IN_HEAD.contains(&name)
        };
        let set_by_server = |name: &str| {
            name.starts_with("metadata.")
                && !["notes", "example_queries"].iter().any(|own| name.ends_with(own))
        };
        let all = selectable::<Metric>();
        let missing: Vec<&String> =
            all.iter().filter(|name| !is_shown(name) && !set_by_server(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
