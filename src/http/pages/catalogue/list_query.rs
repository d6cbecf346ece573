//! The query of the catalogue, and the links that change one part of it and keep the rest.

use super::super::notice::DONE;
use super::export::PATH as EXPORT;
use crate::http::request::routes::DASHBOARD;

/// Parameters that filter, with their labels.
pub(super) const FILTERS: [(&str, &str); 8] = [
    ("business_domain", "Domain"),
    ("status", "Status"),
    ("completeness", "Completeness"),
    ("tier", "Tier"),
    ("metric_type", "Type"),
    ("owner_team", "Owner"),
    ("category", "Category"),
    ("tags", "Tag"),
];

/// The parameters of the page, without those that are empty or not of the list.
#[derive(Clone, Debug)]
pub(super) struct ListQuery(Vec<(String, String)>);

impl ListQuery {
    /// Takes the parameters of a request.
    pub(super) fn new(mut parameters: Vec<(String, String)>) -> Self {
        parameters.retain(|(name, value)| name != DONE && !value.trim().is_empty());
        Self(parameters)
    }

    /// Returns the parameters of the API's list, with a selection of fields.
    pub(super) fn of_api(&self, fields: &str) -> Vec<(String, String)> {
        let mut parameters = self.0.clone();
        parameters.push(("fields".to_owned(), fields.to_owned()));
        parameters
    }

    /// Returns the value of a parameter; empty if it has none.
    pub(super) fn value(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether the list may lack metrics that there are.
    pub(super) fn is_filtered(&self) -> bool {
        self.0.iter().any(|(name, _)| name != "sort" && name != "page")
    }

    /// The parameters that a new search keeps.
    pub(super) fn kept_by_search(&self) -> impl Iterator<Item = (&str, &str)> {
        let kept = self.0.iter().filter(|(name, _)| name != "search" && name != "page");
        kept.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The filters that are set: label, value, and the link to the list without it.
    pub(super) fn filters(&self) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        for (name, label) in FILTERS {
            let value = self.value(name);
            if name == "tags" {
                for tag in self.tags() {
                    found.push((label, tag.to_owned(), self.without_tag(tag)));
                }
            } else if !value.is_empty() {
                found.push((label, value.to_owned(), self.with(name, "")));
            }
        }
        let search = self.value("search");
        if !search.is_empty() {
            found.push(("Search", search.to_owned(), self.with("search", "")));
        }
        found
    }

    /// The tags that are filtered by.
    pub(super) fn tags(&self) -> Vec<&str> {
        let tags = self.value("tags").split(',').map(str::trim);
        tags.filter(|tag| !tag.is_empty()).collect()
    }

    fn without_tag(&self, removed: &str) -> String {
        let rest: Vec<&str> = self.tags().into_iter().filter(|tag| *tag != removed).collect();
        self.with("tags", &rest.join(","))
    }

    /// Links to the list that also has this value of a facet.
    pub(super) fn with_facet(&self, name: &str, value: &str) -> String {
        if name == "tags" {
            let tags = [&self.tags()[..], &[value]].concat();
            return self.with(name, &tags.join(","));
        }
        self.with(name, value)
    }

    /// Links to the first page of the list with another value of a parameter; empty removes it.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(other, _)| other != name && other != "page");
        let pairs = others.map(|(name, value)| (name.as_str(), value.as_str()));
        href(pairs.chain((!value.is_empty()).then_some((name, value))))
    }

    /// Links to the first page.
    pub(super) fn first_page(&self) -> String {
        self.with("page", "")
    }

    /// Links to the document with the metrics of the list.
    pub(super) fn export(&self, format: &str) -> String {
        let filters = self.0.iter().filter(|(name, _)| name != "sort" && name != "page");
        let filters = filters.map(|(name, value)| (name.as_str(), value.as_str()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(filters.chain([("format", format)])).finish();
        format!("{EXPORT}?{query}")
    }

    /// Links to another page of the same list.
    pub(super) fn page(&self, page: i64) -> String {
        let page = page.to_string();
        let others = self.0.iter().filter(|(other, _)| other != "page");
        let pairs = others.map(|(name, value)| (name.as_str(), value.as_str()));
        href(pairs.chain([("page", page.as_str())]))
    }
}

fn href<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(pairs).finish();
    if query.is_empty() { DASHBOARD.to_owned() } else { format!("{DASHBOARD}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> ListQuery {
        ListQuery::new(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn links_change_one_part_and_begin_at_the_first_page() {
        let list = query(&[("search", "a b"), ("tags", "x, y"), ("page", "3"), ("done", "z")]);
        assert_eq!(list.with("tier", "Tier-1"), "/dashboard?search=a+b&tags=x%2C+y&tier=Tier-1");
        assert_eq!(list.with("search", ""), "/dashboard?tags=x%2C+y");
        assert_eq!(list.with_facet("tags", "z"), "/dashboard?search=a+b&tags=x%2Cy%2Cz");
        assert_eq!(list.page(4), "/dashboard?search=a+b&tags=x%2C+y&page=4");
        assert_eq!(list.first_page(), "/dashboard?search=a+b&tags=x%2C+y");
        let export = "/dashboard/export?search=a+b&tags=x%2C+y&format=yaml";
        assert_eq!(list.export("yaml"), export);
        let labels: Vec<_> = list.filters().into_iter().map(|(_, value, _)| value).collect();
        assert_eq!(labels, ["x", "y", "a b"]);
        assert!(list.is_filtered());
        assert!(!query(&[("sort", "name"), ("page", "2"), ("search", " ")]).is_filtered());
        assert_eq!(query(&[]).first_page(), "/dashboard");
    }
}
