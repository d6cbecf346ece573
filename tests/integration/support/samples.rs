//! Sample request bodies.

use serde_json::{Value, json};

/// Returns a complete metric of the domain "Finance", with characters that are often escaped
/// wrongly.
pub fn metric(id: &str) -> Value {
    json!({
        "metric_id": id, "name": format!("Metric {id}"), "short_name": "M",
        "description": "What <b>it</b> tells",
        "category": "Revenue", "tier": "Tier-1", "business_domain": "Finance",
        "metric_type": "lagging",
        "tags": ["a", "b & c"],
        "alignment": {"strategic_pillar": "p", "primary_objective_ids": ["o-1"],
        "related_okr_ids": ["k 1"], "why_it_matters": "w"},
        "definition": {
            "formula": "a < b && c > \"d\" 'e' 解約率 \\ \u{1F600}",
            "formula_detail": "x\n  y\t<script>",
            "numerator": {"event_name": "e", "filters": [{"status": {"in": ["a", 1, null, true]}}]},
            "denominator": {"event_name": "f", "filters": []},
            "unit": "%", "expected_direction": "increase", "example_calculation": {"a": 1,
            "b": 0.1, "c": -25_000_000_000_i64},
        },
        "data": {
            "primary_sources": [{"system": "s", "table_or_stream": "t", "connection_id": "c"}],
            "secondary_sources": [],
            "data_freshness": "1 h", "update_frequency": "daily", "time_grain": ["day"],
            "data_retention": "1 y",
        },
        "governance": {
            "data_classification": "internal", "pii_involved": false,
            "regulatory_constraints": ["GDPR"],
            "owner_team": "Team & Co", "technical_owner": "t", "business_owner": "b",
            "version": "7", "status": "active",
            "created_at": "2024-02-29T21:59:59Z", "updated_at": "2025-01-01T00:00:00.500Z",
        },
        "dimensions": [{"name": "region", "allowed_values": ["EMEA"], "required": true}],
        "targets_and_alerts": {
            "target_value": 1, "warning_threshold": 0.5, "critical_threshold": 1e-7,
            "comparison_baseline": "plan",
            "alert_rules": [{"rule_id": "r", "condition": "x < 1", "severity": "critical",
            "notify_channels": ["#c"], "evaluation_window": "5m"}],
        },
        "visualization": {
            "default_chart_type": "line", "default_time_range": "90 d",
            "dashboard_locations": [{"tool": "Grafana", "url": "https://example.com/d?a=1&b=2"}],
            "drilldowns": ["region"],
        },
        "relationships": {"upstream_metric_ids": [], "downstream_metric_ids": [],
        "tradeoffs": ["speed < safety"]},
        "operational_usage": {
            "decision_use_cases": ["plan"], "review_cadence": "weekly",
            "linked_playbooks": [{"name": "p", "url": "http://example.com/"}],
        },
        "metadata": {"notes": "R&D", "example_queries": [{"language": "sql",
        "query": "SELECT '<b>' WHERE a < 1 AND b > 2"}]},
    })
}

/// Returns the sample metric with some top-level fields replaced.
pub fn metric_with(id: &str, fields: &Value) -> Value {
    let mut whole = metric(id);
    for (name, value) in fields.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}
