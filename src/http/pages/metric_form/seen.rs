//! The version that a form was filled with. A change is refused if another one is present by then.

use crate::http::error::ApiError;
use crate::http::extract::form_body::FormFields;
use crate::model::versions::query::{VERSION_RULE, is_version};
use crate::storage::precondition::{ExcludedVersion, ExpectedVersion, Precondition};

/// The field with that version.
pub(in crate::http::pages) const SEEN: &str = "seen";

/// Returns the version of a form.
///
/// # Errors
/// [`ApiError::Validation`] if it has none.
pub(super) fn seen_version(form: &FormFields) -> Result<&str, ApiError> {
    let seen = form.text(SEEN);
    if is_version(seen) { Ok(seen) } else { Err(ApiError::invalid(SEEN, VERSION_RULE)) }
}

/// Makes that version the condition of a change.
///
/// # Errors
/// As [`seen_version`].
pub(in crate::http::pages) fn precondition(form: &FormFields) -> Result<Precondition, ApiError> {
    let expected = ExpectedVersion::OneOf(vec![seen_version(form)?.to_owned()]);
    Ok(Precondition { expected, excluded: ExcludedVersion::None })
}
