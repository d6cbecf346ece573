//! The plain text types of the model, each with its maximum length or pattern. Texts with HTML are
//! in [`super::rich_text`]. A text is trimmed when it is deserialized and its rules are checked by
//! `validate`, so that all violations of a body are reported together.

use std::borrow::Cow;

use chrono::SecondsFormat;
use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::characters::{multi_line_violation, single_line_violation};
use super::violations::report_violation;

/// A trimmed, non-empty plain text of at most `MAX` code points, of one line or, if `LINES` is
/// true, of one or several. `model::characters` has the characters that neither may contain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize, const LINES: bool = false>(String);

/// One line of at most 100 code points.
pub type Text100 = Text<100>;
/// One line of at most 200 code points.
pub type Text200 = Text<200>;
/// One line of at most 500 code points.
pub type Text500 = Text<500>;
/// One line of at most 2,000 code points.
pub type Text2000 = Text<2000>;
/// One or several lines of at most 2,000 code points.
pub type Prose2000 = Text<2000, true>;

impl<const MAX: usize, const LINES: bool> Text<MAX, LINES> {
    /// Creates a text, trimmed. Its rules are checked by `validate`.
    pub fn new(raw: &str) -> Self {
        Self(raw.trim().to_owned())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the message about the first rule that a text of at most `max` code points breaks.
pub(super) fn text_violation(text: &str, max: usize, lines: bool) -> Option<Cow<'static, str>> {
    if text.is_empty() {
        Some("must not be empty".into())
    } else if text.chars().count() > max {
        Some(format!("must be at most {max} characters long").into())
    } else {
        let rule = if lines { multi_line_violation } else { single_line_violation };
        rule(text).map(Cow::Borrowed)
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
        if let Some(message) = text_violation(&self.0, MAX, LINES) {
            report_violation(report, parent, message);
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

/// Declares a text type with a rule of its own: `$rule` returns the message about the rule that a
/// text breaks, `$normalize` the form that is stored.
macro_rules! text_with_rule {
    ($(#[$doc:meta])* $name:ident, $schema:expr, $rule:expr) => {
        text_with_rule!($(#[$doc])* $name, $schema, $rule, str::to_owned);
    };
    ($(#[$doc:meta])* $name:ident, $schema:expr, $rule:expr, $normalize:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Creates a text, trimmed. Its rules are checked by `validate`.
            pub fn new(raw: &str) -> Self {
                let normalize: fn(&str) -> String = $normalize;
                Self(normalize(raw.trim()))
            }

            /// Returns the text.
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

            fn validate_into(
                &self,
                (): &(),
                parent: &mut dyn FnMut() -> Path,
                report: &mut Report,
            ) {
                let rule: fn(&str) -> Option<Cow<'static, str>> = $rule;
                if let Some(message) = rule(&self.0) {
                    report_violation(report, parent, message);
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

text_with_rule!(
    /// An identifier chosen by a client: `[A-Za-z0-9_-]{1,100}`.
    Id,
    string_schema(100).pattern(Some("^[A-Za-z0-9_-]{1,100}$")),
    |id| (!is_slug(id, 1, 100)).then_some("must be 1 to 100 letters, digits, '-' or '_'".into())
);

text_with_rule!(
    /// A user name: `[A-Za-z0-9_-]{3,50}`.
    Username,
    string_schema(50).pattern(Some("^[A-Za-z0-9_-]{3,50}$")),
    |name| (!is_slug(name, 3, 50)).then_some("must be 3 to 50 letters, digits, '-' or '_'".into())
);

text_with_rule!(
    /// An e-mail address of at most 254 characters (RFC 5321, 4.5.3.1.3).
    Email,
    string_schema(254).format(Some(SchemaFormat::Custom("email".into()))),
    |email| {
        let valid = email.len() <= 254
            && single_line_violation(email).is_none()
            && garde::rules::email::parse_email(email).is_ok();
        (!valid).then_some("must be an e-mail address".into())
    }
);

text_with_rule!(
    /// An absolute http or https URL without user name and password, in the serialisation of the
    /// URL Standard.
    HttpUrl,
    string_schema(2000).format(Some(SchemaFormat::Custom("uri".into()))),
    |text| text_violation(text, MAX_URL, false).or_else(|| url_violation(text).map(Cow::Borrowed)),
    normalize_url
);

/// Maximum length of a URL, in code points.
const MAX_URL: usize = 2000;

fn url_violation(text: &str) -> Option<&'static str> {
    match url::Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Some("must be an http or https URL")
        }
        Ok(url) if has_user_info(&url) => Some("must not contain a user name or password"),
        Ok(_) => None,
        Err(_) => Some("must be an http or https URL"),
    }
}

fn has_user_info(url: &url::Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Returns a URL as the parser serialises it, so that the displayed URL is the one that browsers
/// follow. A text that will be refused is returned unchanged.
fn normalize_url(text: &str) -> String {
    if text_violation(text, MAX_URL, false).is_some() {
        return text.to_owned();
    }
    url::Url::parse(text).map_or_else(|_| text.to_owned(), String::from)
}

text_with_rule!(
    /// An RFC 3339 date and time, in its canonical form: UTC, with as many groups of three digits
    /// of a second as it needs. The same instant is always the same text.
    Timestamp,
    string_schema(64).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
    |text| {
        let valid = text.len() <= 64 && chrono::DateTime::parse_from_rfc3339(text).is_ok();
        (!valid).then_some("must be an existing RFC 3339 date and time".into())
    },
    normalize_instant
);

text_with_rule!(
    /// A day of the calendar: `full-date` of RFC 3339.
    Day,
    string_schema(10).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))),
    |text| {
        let valid = text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok();
        (!valid).then_some("must be an existing day such as 2026-12-31".into())
    }
);

/// Returns an instant in its canonical form. What has none is returned unchanged: a text that will
/// be refused, and an instant outside of the years 0 to 9999 in UTC.
fn normalize_instant(text: &str) -> String {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
        .ok()
        .filter(|canonical| chrono::DateTime::parse_from_rfc3339(canonical).is_ok())
        .unwrap_or_else(|| text.to_owned())
}

fn is_slug(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests;
