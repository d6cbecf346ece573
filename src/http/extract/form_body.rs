//! The body of a form that a browser sends (`application/x-www-form-urlencoded`). What its fields
//! mean is decided by the page; their rules are those of the model.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::json_body::{SMALL, raw};
use super::query::QueryParameters;
use crate::http::error::ApiError;

/// Largest accepted number of fields: more than the form of the largest metric has.
const MAX_FIELDS: usize = 10_000;
const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The fields of a form of at most `MAX` bytes.
#[derive(Debug)]
pub struct FormBody<const MAX: usize = SMALL>(pub FormFields);

/// Names and values in the order of the form. Lines of values end with a line feed alone, as in
/// stored texts; forms are sent with two characters.
#[derive(Clone, Debug, Default)]
pub struct FormFields(Vec<(String, String)>);

/// The form that a request brought, for a page that offers to send it again.
#[derive(Clone, Debug)]
pub struct SentForm(pub FormFields);

impl FormFields {
    /// Makes a form with these fields.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// Parses the fields.
    ///
    /// # Errors
    /// [`ApiError::Validation`] if they are not percent-encoded UTF-8, or too many.
    pub fn parse(body: &str) -> Result<Self, ApiError> {
        if body.split('&').count() > MAX_FIELDS {
            return Err(ApiError::invalid("", "the form has too many fields"));
        }
        let QueryParameters(fields) = QueryParameters::parse(body)?;
        let unix = |(name, value): (String, String)| (name, value.replace("\r\n", "\n"));
        Ok(Self(fields.into_iter().map(unix).collect()))
    }

    /// Returns the first value of a field; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// Returns the first value of a field.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Returns all names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<const MAX: usize> FromRequest for FormBody<MAX> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (body, request) = (raw(request, payload, MAX), request.clone());
        Box::pin(async move {
            let body = body.await?;
            if body.media_type != MEDIA_TYPE {
                return Err(ApiError::UnsupportedMediaType("The body must be a form"));
            }
            let text = std::str::from_utf8(&body.bytes);
            let text = text.map_err(|_| ApiError::invalid("", "must be UTF-8"))?;
            let fields = FormFields::parse(text)?;
            request.extensions_mut().insert(SentForm(fields.clone()));
            Ok(Self(fields))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_their_lines_end_as_in_stored_texts() {
        let form = FormFields::parse("a=1&b=x%0D%0Ay+z&a=2&c").unwrap();
        assert_eq!((form.text("a"), form.text("b"), form.text("c")), ("1", "x\ny z", ""));
        assert_eq!((form.find("c"), form.find("d")), (Some(""), None));
        assert_eq!(form.iter().count(), 4);
        assert!(FormFields::parse("a=%ff").is_err());
        assert!(FormFields::parse(&"a&".repeat(MAX_FIELDS)).is_err());
    }
}
