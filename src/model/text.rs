//! The texts of the model: plain ones that come back as they were sent, each with its bound.
//!
//! Every one trims itself when it is read from JSON and judges itself in `validate`, so that a body
//! is parsed as a whole first and all that is wrong with it is told at once.

use std::borrow::Cow;

use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::characters::{line_flaw, lines_flaw};
use super::violations::note;

/// A trimmed, non-empty plain text of at most `MAX` Unicode code points, kept byte for byte: one
/// line, or where `LINES` is true one or several. `model::characters` says what neither may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize, const LINES: bool = false>(String);

/// A short name: at most 100 code points.
pub type Text100 = Text<100>;
/// A name: at most 200 code points.
pub type Text200 = Text<200>;
/// A description of an API key and the like: at most 500 code points.
pub type Text500 = Text<500>;
/// Any other text of one line: at most 2,000 code points.
pub type Text2000 = Text<2000>;
/// A text that may have several lines: at most 2,000 code points.
pub type Prose2000 = Text<2000, true>;

impl<const MAX: usize, const LINES: bool> Text<MAX, LINES> {
    /// Takes a text as it was sent, without the white space around it. Judged only by `validate`.
    pub fn new(raw: &str) -> Self {
        Self(raw.trim().to_owned())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is wrong with a text of at most `max` code points, if anything.
pub(super) fn flaw(text: &str, max: usize, lines: bool) -> Option<Cow<'static, str>> {
    if text.is_empty() {
        Some("must not be empty".into())
    } else if text.chars().count() > max {
        Some(format!("must be at most {max} characters long").into())
    } else {
        let flaw = if lines { lines_flaw(text) } else { line_flaw(text) };
        flaw.map(Cow::Borrowed)
    }
}

impl<'de, const MAX: usize, const LINES: bool> Deserialize<'de> for Text<MAX, LINES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|raw| Self::new(&raw))
    }
}

impl<const MAX: usize, const LINES: bool> Validate for Text<MAX, LINES> {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        if let Some(flaw) = flaw(&self.0, MAX, LINES) {
            note(report, parent, flaw);
        }
    }
}

impl<const MAX: usize, const LINES: bool> PartialSchema for Text<MAX, LINES> {
    fn schema() -> RefOr<Schema> {
        string_schema(MAX).build().into()
    }
}

impl<const MAX: usize, const LINES: bool> ToSchema for Text<MAX, LINES> {
    fn name() -> Cow<'static, str> {
        format!("{}{MAX}", if LINES { "Prose" } else { "Text" }).into()
    }
}

pub(super) fn string_schema(max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(max))
}

/// Declares a text with a rule of its own: `$flaw` says what is wrong with it, if anything; `$form`
/// how it is written.
macro_rules! text_with_a_rule {
    ($(#[$doc:meta])* $name:ident, $schema:expr, $flaw:expr) => {
        text_with_a_rule!($(#[$doc])* $name, $schema, $flaw, str::to_owned);
    };
    ($(#[$doc:meta])* $name:ident, $schema:expr, $flaw:expr, $form:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it was sent, without the white space around it. Judged only by
            /// `validate`.
            pub fn new(raw: &str) -> Self {
                let form: fn(&str) -> String = $form;
                Self(form(raw.trim()))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|raw| Self::new(&raw))
            }
        }

        impl Validate for $name {
            type Context = ();

            fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
                let rule: fn(&str) -> Option<Cow<'static, str>> = $flaw;
                if let Some(flaw) = rule(&self.0) {
                    note(report, parent, flaw);
                }
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.build().into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

text_with_a_rule!(
    /// An identifier chosen by a client: `[A-Za-z0-9_-]{1,100}`.
    Id,
    string_schema(100).pattern(Some("^[A-Za-z0-9_-]{1,100}$")),
    |id| (!is_slug(id, 1, 100)).then_some("must be 1 to 100 letters, digits, '-' or '_'".into())
);

text_with_a_rule!(
    /// A user name: `[A-Za-z0-9_-]{3,50}`.
    Username,
    string_schema(50).pattern(Some("^[A-Za-z0-9_-]{3,50}$")),
    |name| (!is_slug(name, 3, 50)).then_some("must be 3 to 50 letters, digits, '-' or '_'".into())
);

text_with_a_rule!(
    /// An e-mail address of at most 254 characters (RFC 5321, 4.5.3.1.3).
    Email,
    string_schema(254).format(Some(SchemaFormat::Custom("email".into()))),
    |email| {
        let valid = email.len() <= 254 && line_flaw(email).is_none() && garde::rules::email::parse_email(email).is_ok();
        (!valid).then_some("must be an e-mail address".into())
    }
);

text_with_a_rule!(
    /// An absolute http or https address without user name and password, in the form that the URL
    /// Standard gives it.
    HttpUrl,
    string_schema(2000).format(Some(SchemaFormat::Custom("uri".into()))),
    |text| flaw(text, MAX_URL, false).or_else(|| match url::Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Some(NO_URL.into()),
        Ok(url) if has_user_info(&url) => Some("must not contain a user name or password".into()),
        Ok(_) => None,
        Err(_) => Some(NO_URL.into()),
    }),
    canonical
);

/// The longest URL, in characters.
const MAX_URL: usize = 2000;
const NO_URL: &str = "must be an http or https URL";

fn has_user_info(url: &url::Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// As the parser writes it, so that what is shown is what is followed; what is refused anyway stays
/// as it is.
fn canonical(text: &str) -> String {
    if flaw(text, MAX_URL, false).is_some() {
        return text.to_owned();
    }
    url::Url::parse(text).map_or_else(|_| text.to_owned(), String::from)
}

text_with_a_rule!(
    /// An instant as RFC 3339 writes it, kept as it was sent.
    Timestamp,
    string_schema(64).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
    |text| {
        let valid = text.len() <= 64 && chrono::DateTime::parse_from_rfc3339(text).is_ok();
        (!valid).then_some("must be an existing RFC 3339 date and time".into())
    }
);

fn is_slug(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests;
