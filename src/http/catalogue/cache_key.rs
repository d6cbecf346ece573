//! Keys of cached responses. Every reader of the catalogue sees the same, so path and parameters
//! alone are the key.

use std::borrow::Cow;

use crate::cache::responses::{CatalogueEpochs, Dependency};
use crate::http::extract::caller::Area;
use crate::model::scopes::Scope;

/// What the paths of all items begin with.
const API: &str = "/api/v1/";

/// The key of a response, and the item that it shows.
#[derive(Clone, Debug)]
pub struct CacheKey<'a> {
    text: Cow<'a, str>,
    /// As the database names it in its events; none for lists.
    item: Option<&'a str>,
    readers: Option<&'static [Scope]>,
}

impl<'a> CacheKey<'a> {
    /// The key of a list, which changes with the catalogue.
    pub fn of_list(path: &'a str, parameters: &[(String, String)]) -> Self {
        Self { text: key_text(path, parameters), item: None, readers: None }
    }

    /// The key of the item at this path, which changes with the item alone.
    pub fn of_item(path: &'a str, parameters: &[(String, String)]) -> Self {
        Self::below_item(path, path, parameters)
    }

    /// The key of what `path` shows of the item at `item`, such as its history.
    pub fn below_item(item: &'a str, path: &'a str, parameters: &[(String, String)]) -> Self {
        Self { text: key_text(path, parameters), item: item.strip_prefix(API), readers: None }
    }

    /// Says that the response depends on nothing but path, parameters, `Accept-Encoding` and
    /// `If-None-Match`, and is for every [`Reader<A>`](crate::http::extract::caller::Reader): then
    /// `middleware::cached_reads` may send it without the handler.
    #[must_use]
    pub fn for_readers_of<A: Area>(self) -> Self {
        Self { readers: Some(A::READ), ..self }
    }

    /// Returns the scopes that a reader needs, if the response needs no handler.
    pub fn readers(&self) -> Option<&'static [Scope]> {
        self.readers
    }

    /// Returns the text of the key.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what the response depends on.
    pub fn dependency(&self, epochs: &CatalogueEpochs) -> Dependency {
        self.item.map_or(Dependency::Catalogue, |item| epochs.dependency_on(item))
    }
}

/// Joins a path and its parameters, which may come in any order.
pub fn key_text<'a>(path: &'a str, parameters: &[(String, String)]) -> Cow<'a, str> {
    if parameters.is_empty() {
        return Cow::Borrowed(path);
    }
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(sorted).finish();
    Cow::Owned(format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_sorted_and_a_path_without_any_is_not_copied() {
        let parameters = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        assert!(matches!(key_text("/a", &[]), Cow::Borrowed("/a")));
        let sorted = key_text("/a", &parameters(&[("limit", "10"), ("x", "1 2")]));
        assert_eq!(sorted, "/a?limit=10&x=1+2");
        assert_eq!(sorted, key_text("/a", &parameters(&[("x", "1 2"), ("limit", "10")])));
    }

    #[test]
    fn item_and_its_history_depend_on_the_item_and_lists_on_everything() {
        let epochs = CatalogueEpochs::default();
        let item = "/api/v1/metrics/m1";
        let on_item = epochs.dependency_on("metrics/m1");
        assert_eq!(CacheKey::of_item(item, &[]).dependency(&epochs), on_item);
        let history = "/api/v1/metrics/m1/history";
        assert_eq!(CacheKey::below_item(item, history, &[]).dependency(&epochs), on_item);
        let list = CacheKey::of_list("/api/v1/metrics", &[]);
        assert_eq!(list.dependency(&epochs), Dependency::Catalogue);
    }
}
