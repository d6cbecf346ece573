//! The inputs of the form. Their rules are those of the model; here is how each is typed in.

/// How the value of a field is typed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InputKind {
    Line,
    /// The name of a business domain; those that exist are offered.
    Domain,
    /// A text of several lines.
    Prose,
    Number,
    /// A day, as a date picker sends it.
    Day,
    Choice(&'static [&'static str]),
    YesNo,
    /// Like [`InputKind::YesNo`], but no if nothing is chosen.
    Flag,
    /// A list of short texts, one in each line.
    Lines,
    /// A list of texts of several lines, each in an input of its own.
    Proses,
    /// A JSON value.
    Json,
    /// A list of objects with these fields.
    Rows(&'static [FormInput]),
}

/// An input: its path within the metric or its row, its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FormInput {
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    pub(super) input: InputKind,
}

/// A part of the form that can be folded.
pub(super) type FormSection = (&'static str, &'static [FormInput]);

const fn field(path: &'static str, label: &'static str, input: InputKind) -> FormInput {
    FormInput { path, label, input }
}

use InputKind::{Choice, Day, Domain, Flag, Json, Line, Lines, Number, Prose, Proses, Rows, YesNo};

const SOURCES: &[FormInput] = &[
    field("system", "System", Line),
    field("table_or_stream", "Table or stream", Line),
    field("connection_id", "Connection", Line),
];

/// All sections of the form.
pub(super) const SECTIONS: &[FormSection] = &[
    (
        "What it is",
        &[
            field("name", "Name", Line),
            field("short_name", "Short name", Line),
            field("description", "Description", Prose),
            field("business_domain", "Business domain", Domain),
            field("category", "Category", Line),
            field("tier", "Tier", Choice(&["Tier-1", "Tier-2", "Tier-3"])),
            field("metric_type", "Type", Choice(&["leading", "lagging", "operational"])),
            field("tags", "Tags, one in each line", Lines),
        ],
    ),
    (
        "Status and owners",
        &[
            field("governance.status", "Status", Choice(&["draft", "active", "deprecated"])),
            field("governance.successor_id", "Id of the successor, if deprecated", Line),
            field("governance.sunset_on", "May be gone from, if deprecated", Day),
            field("governance.owner_team", "Owner team", Line),
            field("governance.business_owner", "Business owner", Line),
            field("governance.technical_owner", "Technical owner", Line),
            field("governance.data_classification", "Classification of the data", Line),
            field("governance.pii_involved", "Uses personal data", YesNo),
            field("governance.regulatory_constraints", "Laws and contracts", Proses),
            field("governance.version", "Owners' version", Line),
            field("governance.created_at", "Owners' creation date (RFC 3339)", Line),
            field("governance.updated_at", "Owners' change date (RFC 3339)", Line),
        ],
    ),
    (
        "Definition",
        &[
            field("definition.formula", "Formula", Prose),
            field("definition.formula_detail", "Formula in detail", Prose),
            field("definition.numerator.event_name", "Numerator: event", Line),
            field("definition.numerator.filters", "Numerator: filters (JSON list)", Json),
            field("definition.denominator.event_name", "Denominator: event", Line),
            field("definition.denominator.filters", "Denominator: filters (JSON list)", Json),
            field("definition.unit", "Unit", Line),
            field("definition.expected_direction", "Better is", Choice(&["increase", "decrease"])),
            field("definition.example_calculation", "Example (JSON: numbers by name)", Json),
            field(
                "dimensions",
                "Dimensions",
                Rows(&[
                    field("name", "Name", Line),
                    field("allowed_values", "Values, one in each line", Lines),
                    field("required", "Required", Flag),
                ]),
            ),
        ],
    ),
    (
        "Purpose",
        &[
            field("alignment.why_it_matters", "Why it matters", Prose),
            field("alignment.strategic_pillar", "Strategic pillar", Line),
            field("alignment.primary_objective_ids", "Objectives, one id in each line", Lines),
            field("alignment.related_okr_ids", "Key results, one in each line", Lines),
        ],
    ),
    (
        "Sources",
        &[
            field("data.primary_sources", "Sources", Rows(SOURCES)),
            field("data.secondary_sources", "Alternatives", Rows(SOURCES)),
            field("data.data_freshness", "Freshness", Line),
            field("data.update_frequency", "Updated", Line),
            field("data.time_grain", "Time grains, one in each line", Lines),
            field("data.data_retention", "Kept for", Line),
            field(
                "metadata.example_queries",
                "Queries",
                Rows(&[field("language", "Language", Line), field("query", "Query", Prose)]),
            ),
        ],
    ),
    (
        "Targets and alerts",
        &[
            field("targets_and_alerts.target_value", "Target", Number),
            field("targets_and_alerts.warning_threshold", "Warning at", Number),
            field("targets_and_alerts.critical_threshold", "Critical at", Number),
            field("targets_and_alerts.comparison_baseline", "Compared with", Line),
            field(
                "targets_and_alerts.alert_rules",
                "Alert rules",
                Rows(&[
                    field("rule_id", "Rule", Line),
                    field("condition", "Condition", Prose),
                    field("severity", "Severity", Choice(&["critical", "warning", "info"])),
                    field("notify_channels", "Notifies, one in each line", Lines),
                    field("evaluation_window", "Window", Line),
                ]),
            ),
        ],
    ),
    (
        "Usage",
        &[
            field("operational_usage.decision_use_cases", "Decisions", Proses),
            field("operational_usage.review_cadence", "Reviewed", Line),
            field(
                "operational_usage.linked_playbooks",
                "Playbooks",
                Rows(&[field("name", "Name", Line), field("url", "Link", Line)]),
            ),
            field("visualization.default_chart_type", "Chart", Line),
            field("visualization.default_time_range", "Time range", Line),
            field(
                "visualization.dashboard_locations",
                "Dashboards",
                Rows(&[field("tool", "Tool", Line), field("url", "Link", Line)]),
            ),
            field("visualization.drilldowns", "Drill-downs, one in each line", Lines),
            field("relationships.upstream_metric_ids", "Influenced by, one id in each line", Lines),
            field("relationships.downstream_metric_ids", "Influences, one id in each line", Lines),
            field("relationships.tradeoffs", "Trade-offs", Proses),
            field("metadata.notes", "Notes", Prose),
        ],
    ),
];

/// All inputs in their order.
pub(super) fn inputs() -> impl Iterator<Item = &'static FormInput> {
    SECTIONS.iter().flat_map(|(_, inputs)| inputs.iter())
}
