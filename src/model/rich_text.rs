//! Rich text: the fields whose key contains `description`, `notes` or `comment` may carry a little
//! HTML.
//!
//! A text without `<` is left alone, so that `R&D` stays `R&D`; any other is cleaned to the seven
//! elements of
//! [`ELEMENTS`]. Cleaning what is clean changes nothing.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::markup::escape_placeholders;
use super::text::{flaw, string_schema};
use super::violations::note;

/// The longest rich text, in Unicode code points, before and after cleaning.
pub const MAX_CHARS: usize = 2000;

/// How deep its elements may be nested: more than any text needs, less than whoever shows it
/// recursively could trip over.
pub const MAX_DEPTH: usize = 16;

/// The elements that survive cleaning.
pub const ELEMENTS: [&str; 7] = ["b", "i", "em", "strong", "a", "p", "br"];

/// Elements that go with all they contain: their content is code or another language, not text.
const CONTENT_REMOVED: [&str; 18] = [
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
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true);
    builder
});

/// A trimmed, non-empty text of at most [`MAX_CHARS`] code points whose HTML is clean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RichText(String);

impl RichText {
    /// Cleans a text as it was sent. Judged only by `validate`.
    pub fn new(raw: &str) -> Self {
        Self(clean(raw.trim()).into_owned())
    }

    /// The clean text.
    pub fn into_string(self) -> String {
        self.0
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a field of this name is rich text.
pub fn is_rich_key(key: &str) -> bool {
    let key = key.to_lowercase();
    ["description", "notes", "comment"].iter().any(|word| key.contains(word))
}

/// Cleans one text. What is too long to be stored is not parsed either: it comes back as it is, to
/// be refused.
fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains('<') || text.chars().count() > MAX_CHARS {
        return Cow::Borrowed(text);
    }
    // The parser repairs broken HTML, and now and then what it wrote is repaired again: go on until
    // it rests.
    let mut cleaned = CLEANER.clean(&escape_placeholders(text)).to_string();
    for _ in 0..4 {
        let again = CLEANER.clean(&cleaned).to_string();
        if again == cleaned {
            break;
        }
        cleaned = again;
    }
    Cow::Owned(cleaned.trim().to_owned())
}

/// How deep a clean text is nested. The cleaner writes every tag whole, `<` nowhere else, and
/// closes what it opens, but for `br`.
fn depth(clean: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for tag in clean.split('<').skip(1) {
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
        String::deserialize(deserializer).map(|raw| Self::new(&raw))
    }
}

impl Validate for RichText {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        let too_deep = || {
            (depth(&self.0) > MAX_DEPTH)
                .then_some("must not nest HTML deeper than 16 levels".into())
        };
        if let Some(flaw) = flaw(&self.0, MAX_CHARS, true).or_else(too_deep) {
            note(report, parent, flaw);
        }
    }
}

impl PartialSchema for RichText {
    fn schema() -> RefOr<Schema> {
        string_schema(MAX_CHARS)
            .description(Some("May contain b, i, em, strong, a (href, title), p and br; all other HTML is removed."))
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
