//! Messages of 404 responses. Storage knows that a row is missing; the route knows what it is.

use crate::http::error::{ApiError, NOT_FOUND};

/// Replaces the message of a 404 that does not name what is missing by `<noun> "<id>" not found`;
/// `id` must have passed validation, because the message repeats it. Other errors stay as they are.
pub(in crate::http) fn name_missing<E: Into<ApiError>>(
    noun: &'static str,
    id: &str,
) -> impl FnOnce(E) -> ApiError {
    move |error| match error.into() {
        ApiError::NotFound(text) if text == NOT_FOUND => {
            ApiError::NotFound(format!("{noun} \"{id}\" not found"))
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_404_without_a_name_gets_a_new_message() {
        let named = name_missing("Metric", "x")(ApiError::NotFound("Not found".into()));
        assert_eq!(named.to_string(), "Metric \"x\" not found");
        let named = name_missing("Metric", "x")(ApiError::NotFound("Version not found".into()));
        assert_eq!(named.to_string(), "Version not found");
        let other: ApiError = name_missing("Metric", "x")(ApiError::WrongPassword);
        assert_eq!(other.code(), "WRONG_PASSWORD");
    }
}
