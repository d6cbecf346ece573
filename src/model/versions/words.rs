//! Compares two texts word by word. `similar` finds the shortest edit (Myers), which costs words
//! times differences; a budget bounds the work of one comparison of two versions.

use serde::Serialize;
use similar::{Algorithm, ChangeTag, capture_diff_slices};
use utoipa::ToSchema;

/// Texts with fewer words are shown as a whole.
const MIN_WORDS: usize = 4;
/// Pairs of words that one comparison of two versions may look at; about 20 ms at worst.
const PAIRS: usize = 4_000_000;

/// A part of a text that was compared with another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TextSpan {
    /// What became of this part.
    pub kind: SpanKind,
    pub text: String,
}

/// What became of a part of a text. The old text is all parts that are equal or removed, the new
/// one all that are equal or added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    Equal,
    Removed,
    Added,
}

/// What is left of the work that one comparison of two versions may do.
#[derive(Debug)]
pub(super) struct WordBudget(usize);

impl Default for WordBudget {
    fn default() -> Self {
        Self(PAIRS)
    }
}

impl WordBudget {
    /// Compares two texts; none if they are short or the budget does not suffice.
    pub(super) fn spans(&mut self, old: &str, new: &str) -> Option<Vec<TextSpan>> {
        let (old, new) = (words(old), words(new));
        if old.len().max(new.len()) < MIN_WORDS * 2 - 1 {
            return None;
        }
        self.0 = self.0.checked_sub(old.len().saturating_mul(new.len()))?;
        let mut spans: Vec<TextSpan> = Vec::new();
        for operation in capture_diff_slices(Algorithm::Myers, &old, &new) {
            for change in operation.iter_changes(&old, &new) {
                let kind = match change.tag() {
                    ChangeTag::Equal => SpanKind::Equal,
                    ChangeTag::Delete => SpanKind::Removed,
                    ChangeTag::Insert => SpanKind::Added,
                };
                match spans.last_mut() {
                    Some(last) if last.kind == kind => last.text.push_str(change.value()),
                    _ => spans.push(TextSpan { kind, text: change.value().to_owned() }),
                }
            }
        }
        Some(spans)
    }
}

/// Splits a text into words and what is between them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_space = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != is_space).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(spans: &[TextSpan], without: SpanKind) -> String {
        spans.iter().filter(|span| span.kind != without).map(|span| span.text.as_str()).collect()
    }

    #[test]
    fn changed_words_are_found_and_both_texts_can_be_put_together_again() {
        let (old, new) = ("Users who left  in the month", "Customers who left  within the month");
        let spans = WordBudget::default().spans(old, new).unwrap();
        let shown: Vec<_> = spans.iter().map(|span| (span.kind, span.text.as_str())).collect();
        assert_eq!(
            shown,
            [
                (SpanKind::Removed, "Users"),
                (SpanKind::Added, "Customers"),
                (SpanKind::Equal, " who left  "),
                (SpanKind::Removed, "in"),
                (SpanKind::Added, "within"),
                (SpanKind::Equal, " the month"),
            ]
        );
        assert_eq!(joined(&spans, SpanKind::Added), old);
        assert_eq!(joined(&spans, SpanKind::Removed), new);
    }

    #[test]
    fn texts_of_a_few_words_have_no_spans() {
        assert_eq!(WordBudget::default().spans("one two three", "one 2 three"), None);
        assert_eq!(WordBudget::default().spans("a", ""), None);
        assert!(WordBudget::default().spans("", "one two three four").is_some());
    }

    #[test]
    fn budget_ends_and_then_there_are_no_spans() {
        let (old, new) = ("a ".repeat(500), "b ".repeat(500));
        let mut budget = WordBudget::default();
        let compared = (0..100).take_while(|_| budget.spans(&old, &new).is_some()).count();
        assert_eq!(compared, 4, "each looks at a million pairs");
        assert!(budget.spans(&"a ".repeat(5), &"b ".repeat(5)).is_none());
    }
}
