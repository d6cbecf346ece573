//! Rich text: fields whose key contains `description`, `notes` or `comment` may contain some HTML.
//! A text without `<` is not changed, so `R&D` stays `R&D`; any other is sanitised, and only
//! [`ELEMENTS`] remain. Sanitising a text twice gives the same text. Plain texts are in
//! [`super::text`].

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::markup::escape_placeholders;
pub use super::sanitised::ELEMENTS;
use super::sanitised::{LINK_REL, SCHEMES, has_sanitised_tags_only};
use super::text::{string_schema, text_violation};
use super::trusted::is_trusted;
use super::violations::report_violation;

/// Maximum length in code points, before and after sanitising.
pub const MAX_CHARS: usize = 2000;

/// Maximum nesting of elements: more than any text needs, and less than what a recursive renderer
/// could fail at.
pub const MAX_DEPTH: usize = 16;

/// Elements that are removed with their content, because it is code or another language, not text.
pub(super) const CONTENT_REMOVED: [&str; 18] = [
    "script",
    "style",
    "iframe",
    "noscript",
    "svg",
    "math",
    "template",
    "title",
    "video",
    "audio",
    "xmp",
    "noembed",
    "noframes",
    "plaintext",
    "head",
    "object",
    "textarea",
    "select",
];

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = ammonia::Builder::default();
    builder
        .tags(HashSet::from(ELEMENTS))
        .clean_content_tags(HashSet::from(CONTENT_REMOVED))
        .generic_attributes(HashSet::new())
        .tag_attributes(HashMap::from([("a", HashSet::from(["href", "title"]))]))
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some(LINK_REL))
        .strip_comments(true);
    builder
});

/// A trimmed, non-empty text of at most [`MAX_CHARS`] code points with sanitised HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RichText(String);

impl RichText {
    /// Creates a text, trimmed and sanitised. Its rules are checked by `validate`.
    pub fn new(raw: &str) -> Self {
        Self(sanitize(raw.trim()).into_owned())
    }

    /// Creates a text that was sanitised before it was stored. It is sanitised again only if it has
    /// tags that the sanitiser does not write: a row that was written by hand must not bring other
    /// HTML into responses of changes and into exports.
    pub fn from_stored(stored: &str) -> Self {
        if has_sanitised_tags_only(stored) {
            Self(stored.trim().to_owned())
        } else {
            Self::new(stored)
        }
    }

    /// Creates a text while input is deserialized, see [`super::trusted`].
    pub(super) fn from_input(raw: &str) -> Self {
        if is_trusted() { Self::from_stored(raw) } else { Self::new(raw) }
    }

    /// Returns the sanitised text.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Returns the sanitised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a field with this key is rich text.
pub fn is_rich_key(key: &str) -> bool {
    let key = key.to_lowercase();
    ["description", "notes", "comment"].iter().any(|word| key.contains(word))
}

/// Whether the sanitiser keeps a link to this URL.
pub(super) fn is_allowed_url(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| SCHEMES.contains(&url.scheme()))
}

#[cfg(test)]
thread_local! {
    /// How many texts this thread has sanitised.
    pub(crate) static SANITISED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Sanitises a text. A text that is too long is not parsed: it is returned unchanged, and
/// `validate` refuses it.
fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.contains('<') || text.chars().count() > MAX_CHARS {
        return Cow::Borrowed(text);
    }
    #[cfg(test)]
    SANITISED.set(SANITISED.get() + 1);
    // The parser repairs broken HTML, and sometimes repairs its own output again: repeat until the
    // text no longer changes. A text that is sanitised already needs one pass.
    let mut cleaned = escape_placeholders(text);
    for _ in 0..5 {
        let again = CLEANER.clean(&cleaned).to_string();
        if again == cleaned {
            break;
        }
        cleaned = Cow::Owned(again);
    }
    Cow::Owned(cleaned.trim().to_owned())
}

/// Returns the nesting of a sanitised text. In such a text every `<` begins a complete tag, and all
/// elements but `br` are closed.
fn depth(sanitized: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for tag in sanitized.split('<').skip(1) {
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !tag.starts_with("br>") {
            depth = depth.saturating_add(1);
            deepest = deepest.max(depth);
        }
    }
    deepest
}

impl<'de> Deserialize<'de> for RichText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|raw| Self::from_input(&raw))
    }
}

impl Validate for RichText {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        let too_deep = || {
            (depth(&self.0) > MAX_DEPTH)
                .then_some("must not nest HTML deeper than 16 levels".into())
        };
        if let Some(message) = text_violation(&self.0, MAX_CHARS, true).or_else(too_deep) {
            report_violation(report, parent, message);
        }
    }
}

impl PartialSchema for RichText {
    fn schema() -> RefOr<Schema> {
        string_schema(MAX_CHARS)
            .description(Some(
                "May contain b, i, em, strong, a (href, title), p and br; all other HTML is \
                 removed, with a warning. A `<` that begins no HTML element is text.",
            ))
            .build()
            .into()
    }
}

impl ToSchema for RichText {
    fn name() -> Cow<'static, str> {
        "RichText".into()
    }
}

#[cfg(test)]
mod tests;
