//! The facets beside the list: values that narrow it further, with the number of metrics.

use maud::{Markup, html};

use super::list_query::{FILTERS, ListQuery};
use crate::storage::metrics::FacetValue;

/// The values of all facets that are not chosen yet.
pub(super) fn facets(list: &ListQuery, found: &[FacetValue]) -> Markup {
    let chosen = list.tags();
    let is_open = |value: &&FacetValue| match value.parameter.as_str() {
        "tags" => !chosen.contains(&value.value.as_str()),
        parameter => list.value(parameter).is_empty(),
    };
    let groups = FILTERS.into_iter().map(|(parameter, label)| {
        let values: Vec<&FacetValue> =
            found.iter().filter(|value| value.parameter == parameter).filter(is_open).collect();
        (label, values)
    });
    html! {
        div.narrowing {
            // On narrow screens the facets are hidden until this box is ticked; on others there is
            // no box.
            input.facets-switch id="facets-switch" type="checkbox" aria-controls="facets";
            label for="facets-switch" { "Narrow the list" }
            nav.facets id="facets" aria-label="Narrow the list" {
                @for (label, values) in groups.filter(|(_, values)| !values.is_empty()) {
                    details open[values.len() <= 6] {
                        summary { (label) }
                        ul {
                            @for FacetValue { parameter, value, metrics } in values {
                                li { a href=(list.with_facet(parameter, value)) { (value) }
                                    " " span.number { (metrics) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
