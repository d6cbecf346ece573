//! The words of a full-text search. `storage` makes a query of them that has no operators of the
//! client.

use super::page::ParameterError;

/// Maximum number of words in a search.
const MAX_WORDS: usize = 20;

/// Splits a search into its words, which consist of letters and digits only.
pub(super) fn search_words(value: &str) -> Result<Vec<String>, ParameterError> {
    let words: Vec<String> = value
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return Err(format!("must have 1 to {MAX_WORDS} words of letters or digits").into());
    }
    Ok(words)
}

/// Refuses values of a filter that no stored text has.
pub(super) fn ensure_text(value: &str) -> Result<(), ParameterError> {
    if value.is_empty() || value.contains('\0') || value.chars().count() > 2000 {
        return Err("must be 1 to 2000 characters without NUL".into());
    }
    Ok(())
}
