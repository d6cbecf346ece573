//! Conditions about drafts that lack fields. The rule is the function `metric_lacks_fields` of the
//! database, equal to `model::completeness`; the partial index `metrics_incomplete_idx` has the
//! drafts for which it holds, so that lists look nothing up in the documents.

use crate::model::completeness::CompletenessFilter;

/// The condition, about the row whose name is given, as the index has it.
macro_rules! is_incomplete {
    ($item:literal) => {
        concat!(
            $item,
            ".status = 'draft' AND metric_lacks_fields(",
            $item,
            ".short_name, ",
            $item,
            ".description, ",
            $item,
            ".category, ",
            $item,
            ".tier, ",
            $item,
            ".metric_type, ",
            $item,
            ".alignment, ",
            $item,
            ".definition, ",
            $item,
            ".data, ",
            $item,
            ".governance, ",
            $item,
            ".dimensions, ",
            $item,
            ".targets_and_alerts, ",
            $item,
            ".visualization, ",
            $item,
            ".operational_usage, ",
            $item,
            ".example_queries)"
        )
    };
}
/// The ids of all incomplete drafts, read from the index alone.
macro_rules! incomplete_ids {
    () => {
        concat!(
            "SELECT lacking.metric_id FROM metrics AS lacking WHERE ",
            is_incomplete!("lacking")
        )
    };
}
/// Whether a row of `metrics` is among them.
macro_rules! in_index {
    () => {
        concat!("EXISTS (", incomplete_ids!(), " AND lacking.metric_id = metrics.metric_id)")
    };
}

/// Query of the ids of all incomplete drafts.
pub(super) const INCOMPLETE_IDS: &str = incomplete_ids!();

/// A condition of lists with `{}` for the value, about the present row `item`.
pub(super) const PRESENT: &str = concat!("(", is_incomplete!("item"), ") = ({} = 'incomplete')");

/// The same about the former version `kept`; not known without its content.
pub(super) const FORMER: &str = "(kept.content #>> '{governance,status}' = 'draft' \
     AND metric_lacks_fields(kept.content ->> 'short_name', kept.content ->> 'description', \
     kept.content ->> 'category', kept.content ->> 'tier', kept.content ->> 'metric_type', \
     kept.content -> 'alignment', kept.content -> 'definition', kept.content -> 'data', \
     kept.content -> 'governance', kept.content -> 'dimensions', \
     kept.content -> 'targets_and_alerts', kept.content -> 'visualization', \
     kept.content -> 'operational_usage', kept.content #> '{metadata,example_queries}')) \
     = ({} = 'incomplete')";

/// Returns the condition about a row of `metrics`.
pub(super) fn condition(filter: CompletenessFilter) -> &'static str {
    match filter {
        CompletenessFilter::Incomplete => in_index!(),
        CompletenessFilter::Complete => concat!("NOT ", in_index!()),
    }
}
