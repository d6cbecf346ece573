//! Limits of the YAML parser, and its errors as messages. A document that the parser reads takes as
//! many values as it has bytes at most, so the limits follow from its length: what `mdl export` has
//! written always fits. Only aliases (`*name`) may stand for more than is written; they are limited
//! by numbers of their own, far above what people write.

use serde_saphyr::{Error, Location, Options};

/// Said of a document whose aliases stand for too much.
pub(super) const EXPANDS: &str =
    "its aliases (*name) stand for too much text; write out what they stand for";

/// Weight that a document of any length may have.
const BASE_WEIGHT: usize = 250_000;
const MAX_ANCHORS: usize = 1_000;
const MAX_ALIASES: usize = 10_000;
/// Maximum number of values that all aliases of a document stand for together.
const MAX_ALIASED_VALUES: usize = 250_000;
/// Maximum length in bytes of all texts that they stand for together.
const MAX_ALIASED_BYTES: usize = 16 * 1024 * 1024;

/// Returns the weight that all items of a document may have together, see
/// [`ValueBudget`](crate::model::json::ValueBudget). What is written weighs less than twice its
/// length; the rest is for aliases.
pub(super) fn max_weight(length: usize) -> usize {
    BASE_WEIGHT.saturating_add(length.saturating_mul(2))
}

/// Returns the options for a document of this length.
pub(super) fn options(length: usize) -> Options {
    // The values that aliases stand for count, too.
    let nodes = length.saturating_add(MAX_ALIASED_VALUES);
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            // The length was limited before.
            max_reader_input_bytes: None,
            max_nodes: nodes,
            max_events: nodes.saturating_mul(2),
            max_total_scalar_bytes: length.saturating_add(MAX_ALIASED_BYTES),
            max_total_comment_bytes: nodes,
            max_anchors: MAX_ANCHORS,
            max_aliases: MAX_ALIASES,
            max_recorded_anchor_events: MAX_ALIASED_VALUES,
            max_recorded_anchor_bytes: MAX_ALIASED_BYTES,
            max_merge_keys: MAX_ALIASES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIASED_VALUES,
        },
        with_snippet: false,
    }
}

/// Returns the message about an error of the parser, without any part of the text.
pub(super) fn error_message(error: &Error) -> String {
    let (cause, is_aliased) = match error {
        Error::AliasError { error, .. } => (error.as_ref(), true),
        error => (error, false),
    };
    let message = match cause {
        Error::InvalidUtf8Input => return "must be UTF-8".to_owned(),
        Error::IOError { cause } if cause.kind() == std::io::ErrorKind::InvalidData => {
            return "must be UTF-8".to_owned();
        }
        Error::IOError { cause } => return format!("cannot be read: {cause}"),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => EXPANDS.to_owned(),
        // A limit that is exceeded by what an alias stands for.
        Error::Budget { .. } if is_aliased => EXPANDS.to_owned(),
        Error::Budget { breach, .. } => budget_message(breach),
        Error::MultipleDocuments { .. } => {
            "must be one YAML document, and has a second one (---)".to_owned()
        }
        _ => "is not valid YAML".to_owned(),
    };
    match error.location() {
        Some(at) if at != Location::UNKNOWN => {
            format!("{message} at line {}, column {}", at.line(), at.column())
        }
        _ => message,
    }
}

fn budget_message(breach: &serde_saphyr::budget::BudgetBreach) -> String {
    use serde_saphyr::budget::BudgetBreach as Breach;
    match breach {
        Breach::Anchors { .. } => format!(
            "more than {MAX_ANCHORS} anchors (&name); write out what their aliases stand for"
        ),
        Breach::Aliases { .. } | Breach::AliasAnchorRatio { .. } | Breach::MergeKeys { .. } => {
            format!(
                "more aliases (*name) than {MAX_ALIASES}, or than ten for each anchor; write out \
                 what they stand for"
            )
        }
        Breach::Depth { .. } => "nested deeper than 64 levels".to_owned(),
        Breach::SequenceUnbalanced => "is not valid YAML".to_owned(),
        _ => EXPANDS.to_owned(),
    }
}
