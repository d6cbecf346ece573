//! Items with the fields that a client selects. Responses with and without `fields` have different
//! cache keys, because the parameter is part of them, and different entity tags.

use serde::Serialize;
use serde_json::Value;

use crate::http::error::ApiError;
use crate::model::fields::FieldSelection;

/// A whole item, or the selected fields of it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SelectedItem<T> {
    Whole(T),
    Fields(Value),
}

/// Selects fields of an item.
///
/// # Errors
/// [`ApiError::Internal`] if the item cannot be serialised.
pub fn select<T: Serialize>(
    item: T,
    fields: Option<&FieldSelection>,
) -> Result<SelectedItem<T>, ApiError> {
    let Some(fields) = fields else { return Ok(SelectedItem::Whole(item)) };
    let whole = serde_json::to_value(&item)
        .map_err(|error| ApiError::Internal { cause: error.to_string() })?;
    Ok(SelectedItem::Fields(fields.select(whole)))
}

/// Returns the version in the entity tag of an item: with a mark if only some fields are sent, so
/// that such a response is never taken for the whole item. `If-Match` accepts both.
pub fn tagged_version(version: &str, fields: Option<&FieldSelection>) -> String {
    match fields {
        Some(fields) => format!("{version}+{}", fields.tag()),
        None => version.to_owned(),
    }
}
