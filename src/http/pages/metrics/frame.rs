//! What the pages of one metric have in common: heading and tabs.

use maud::{Markup, html};

use crate::model::text::Id;

/// A tab of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Definition,
    Versions,
    Impact,
    Activity,
}

const TABS: [(Tab, &str, &str); 4] = [
    (Tab::Definition, "", "Definition"),
    (Tab::Versions, "/versions", "Versions"),
    (Tab::Impact, "/impact", "Impact"),
    (Tab::Activity, "/activity", "Activity"),
];

/// Returns the path of the page of a metric.
pub(in crate::http::pages) fn path_of(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/dashboard/metrics/{id}")
}

/// The links to the tabs of a metric.
pub(super) fn tabs(id: &Id, current: Tab) -> Markup {
    let path = path_of(id.as_str());
    html! {
        nav.tabs aria-label="Metric" {
            ul {
                @for (tab, suffix, label) in TABS {
                    li { a href=(format!("{path}{suffix}"))
                        aria-current=[(tab == current).then_some("page")] { (label) } }
                }
            }
        }
    }
}
