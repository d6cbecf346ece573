//! One text for an error and its sources, for log events.

use std::error::Error;

/// The messages of `error` and of its sources, from the outermost to the root cause: `a: b: c`.
/// A source whose text the previous message already ends with is not repeated.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
