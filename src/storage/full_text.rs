//! Full-text queries.

/// Builds a search for all words, each as a prefix. Words consist of letters and digits, which the
/// model ensures, so none of them contains an operator.
pub(super) fn prefixes(words: &[String]) -> String {
    words.iter().map(|word| format!("{word}:*")).collect::<Vec<_>>().join(" & ")
}
