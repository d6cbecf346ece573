//! The smallest metric that breaks no rule: the template that patches are validated with. It is
//! deprecated, because only such metrics may have all fields.

use serde_json::{Map, Value, json};

use super::Metric;
use super::governance::MetricStatus;
use crate::model::patch::{Patchable, copy_fields};

impl Patchable for Metric {
    const ID: &'static str = "metric_id";

    fn template() -> Map<String, Value> {
        let term = json!({"event_name": "x"});
        let source = json!({"system": "x", "table_or_stream": "x", "connection_id": "x"});
        let time = "2000-01-01T00:00:00Z";
        let whole = json!({
            "metric_id": "x", "name": "x", "short_name": "x", "description": "x", "category": "x",
            "tier": "Tier-3", "business_domain": "x", "metric_type": "operational",
            "alignment": {"strategic_pillar": "x", "why_it_matters": "x"},
            "definition": {
                "formula": "x", "formula_detail": "x", "numerator": term, "denominator": term,
                "unit": "x", "expected_direction": "increase", "example_calculation": {},
            },
            "data": {
                "primary_sources": [source], "data_freshness": "x", "update_frequency": "x",
                "time_grain": ["x"], "data_retention": "x",
            },
            "governance": {
                "data_classification": "x", "pii_involved": false, "owner_team": "x",
                "technical_owner": "x", "business_owner": "x", "version": "x",
                "status": "deprecated",
                "created_at": time, "updated_at": time,
            },
            "targets_and_alerts": {
                "target_value": 0, "warning_threshold": 0, "critical_threshold": 0,
                "comparison_baseline": "x",
            },
            "visualization": {"default_chart_type": "x", "default_time_range": "x"},
            "relationships": {},
            "operational_usage": {"decision_use_cases": ["x"], "review_cadence": "x"},
        });
        match whole {
            Value::Object(whole) => whole,
            _ => Map::new(),
        }
    }

    fn is_draft(&self) -> bool {
        self.governance.status == MetricStatus::Draft
    }

    copy_fields!(
        metric_id,
        name,
        short_name,
        description,
        category,
        tier,
        business_domain,
        metric_type,
        tags,
        alignment,
        definition,
        data,
        governance,
        dimensions,
        targets_and_alerts,
        visualization,
        relationships,
        operational_usage,
        metadata,
    );
}
