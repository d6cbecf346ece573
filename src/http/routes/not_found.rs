//! Messages of 404 responses. Storage knows that a row is missing; the route knows what it is.

use crate::http::error::ApiError;

/// Replaces the message of a 404 by `<noun> "<id>" not found`; `id` must have passed validation,
/// because the message repeats it. Other errors stay as they are.
pub(super) fn name_missing<E: Into<ApiError>>(
    noun: &'static str,
    id: &str,
) -> impl FnOnce(E) -> ApiError {
    move |error| match error.into() {
        ApiError::NotFound(_) => ApiError::NotFound(format!("{noun} \"{id}\" not found")),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_404_gets_a_new_message() {
        let named = name_missing("Metric", "x")(ApiError::NotFound("Not found".into()));
        assert_eq!(named.to_string(), "Metric \"x\" not found");
        let other: ApiError = name_missing("Metric", "x")(ApiError::WrongPassword);
        assert_eq!(other.code(), "WRONG_PASSWORD");
    }
}
