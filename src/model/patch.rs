//! Patches: top-level fields that replace those of a stored document (PUT), or a merge patch that
//! changes it at any depth (PATCH, `merge`). A patch is validated before the database is asked, by
//! applying it to a template that breaks no rule: every violation is then one of the patch. What a
//! patch leaves out is refused only if the result is no draft (`completeness`).

use garde::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::completeness::{Needs, missing};
use super::item_size::{MAX_ITEM_BYTES, json_length, too_large};
use super::merge::merge;
use super::parse::parse_needing;
use super::shape::Shape;
use super::trusted::trusting;
use super::violations::{Violation, deserialize, validate};
use super::warnings::Warnings;

/// A document that can be patched.
pub trait Patchable:
    Clone + DeserializeOwned + Serialize + Validate<Context = ()> + ToSchema + 'static
{
    /// The field that never changes.
    const ID: &'static str;

    /// Returns the smallest document that breaks no rule.
    fn template() -> Map<String, Value>;

    /// Copies a top-level field from another document. Fields that only the server sets are not
    /// copied.
    fn copy_field(&mut self, name: &str, from: &Self);

    /// Whether it may lack fields that others need.
    fn is_draft(&self) -> bool {
        false
    }
}

/// Implements [`Patchable::copy_field`] for these fields.
macro_rules! copy_fields {
    ($($field:ident),* $(,)?) => {
        fn copy_field(&mut self, name: &str, from: &Self) {
            match name {
                $(stringify!($field) => self.$field.clone_from(&from.$field),)*
                _ => {}
            }
        }
    };
}
pub(super) use copy_fields;

/// Fields of a `T`, each of which satisfies its rules. No rule of a document is about two of its
/// top-level fields. The body is cleaned and validated once, when the patch is created; a patch may
/// be applied several times.
#[derive(Clone, Debug)]
pub struct Patch<T> {
    /// The identifier that the patch gives the document, if it gives one.
    id: Option<String>,
    change: Change<T>,
    /// Whether the result may lack something that only drafts may lack, even if the stored document
    /// does not.
    has_gaps: bool,
    /// What was removed from its rich texts.
    pub warnings: Warnings,
}

#[derive(Clone, Debug)]
enum Change<T> {
    /// Replaces the top-level fields with these names by those of another document.
    Replace(Vec<String>, Box<T>),
    /// Merges these fields, whose rich texts are clean, at any depth.
    Merge(Map<String, Value>),
}

impl<T: Patchable> Patch<T> {
    /// Validates fields that replace those of a document.
    ///
    /// # Errors
    /// As `parse`.
    pub fn new(mut fields: Map<String, Value>) -> Result<Self, Vec<Violation>> {
        let warnings = Warnings::clean_body(&mut fields);
        let (id, names) = (named_id::<T>(&fields), fields.keys().cloned().collect());
        let status = NamedStatus::of(&fields);
        let mut whole = T::template();
        whole.extend(fields);
        let (new, has_gaps) = parse_patched::<T>(whole, status)?;
        Ok(Self { id, change: Change::Replace(names, Box::new(new)), has_gaps, warnings })
    }

    /// Validates a merge patch (RFC 7396).
    ///
    /// # Errors
    /// As `parse`.
    pub fn from_merge_patch(mut fields: Map<String, Value>) -> Result<Self, Vec<Violation>> {
        let warnings = Warnings::clean_body(&mut fields);
        let id = named_id::<T>(&fields);
        let status = NamedStatus::of(&fields);
        let mut whole = T::template();
        merge(&mut whole, &fields, &Shape::of::<T>());
        let (_, has_gaps) = parse_patched::<T>(whole, status)?;
        Ok(Self { id, change: Change::Merge(fields), has_gaps, warnings })
    }

    /// Whether the patch does not change the identifier of the document `id`.
    pub fn keeps_id(&self, id: &str) -> bool {
        self.id.as_ref().is_none_or(|named| named == id)
    }

    /// Applies the patch to a stored document. Fields that it does not have stay as they are, even
    /// if they break a rule that was added later.
    ///
    /// # Errors
    /// A violation if the result is larger than 256 KiB and larger than `stored`; what is missing
    /// if the result is no draft, and was not missing before unless that was a draft; the
    /// violations of rules about an object as a whole, such as its number of values, that a merge
    /// breaks and `stored` does not.
    pub fn apply_to(&self, stored: &T) -> Result<T, Vec<Violation>> {
        let patched = match &self.change {
            Change::Replace(names, new) => {
                let mut patched = stored.clone();
                for name in names {
                    patched.copy_field(name, new);
                }
                patched
            }
            Change::Merge(fields) => merged(stored, fields)?,
        };
        let length = json_length(&patched);
        if length > MAX_ITEM_BYTES && length > json_length(stored) {
            return Err(vec![too_large()]);
        }
        self.ensure_complete(stored, &patched)?;
        Ok(patched)
    }

    fn ensure_complete(&self, stored: &T, patched: &T) -> Result<(), Vec<Violation>> {
        // Else nothing can be missing, and finding that out takes time.
        if patched.is_draft() || !(self.has_gaps || stored.is_draft()) {
            return Ok(());
        }
        let mut gaps = missing(patched);
        if !stored.is_draft() {
            let known = missing(stored);
            gaps.retain(|gap| !known.contains(gap));
        }
        if gaps.is_empty() { Ok(()) } else { Err(gaps) }
    }
}

/// The status that a patch gives a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedStatus {
    None,
    Draft,
    Other,
}

impl NamedStatus {
    fn of(fields: &Map<String, Value>) -> Self {
        let status = fields.get("governance").and_then(|section| section.get("status"));
        match status.and_then(Value::as_str) {
            None => Self::None,
            Some("draft") => Self::Draft,
            Some(_) => Self::Other,
        }
    }
}

/// Parses a template with a patch in it. Also returns whether it lacks what only drafts may lack.
/// If the patch does not say whether the result is a draft, and breaks other rules, too, what is
/// missing is reported with them: all violations of a body come in one response.
fn parse_patched<T: Patchable>(
    whole: Map<String, Value>,
    status: NamedStatus,
) -> Result<(T, bool), Vec<Violation>> {
    let whole = Value::Object(whole);
    let parse = |whole, needs| trusting(|| parse_needing::<T>(whole, needs));
    match (Needs::of(&whole, &Shape::of::<T>()), status) {
        (Needs::Type, _) => Ok((parse(whole, Needs::Type)?, false)),
        (_, NamedStatus::Draft) => Ok((parse(whole, Needs::Draft)?, true)),
        (_, NamedStatus::Other) => Ok((parse(whole, Needs::All)?, false)),
        (_, NamedStatus::None) => match parse(whole.clone(), Needs::All) {
            Ok(complete) => Ok((complete, false)),
            Err(all) => parse(whole, Needs::Draft).map_or(Err(all), |draft| Ok((draft, true))),
        },
    }
}

fn named_id<T: Patchable>(fields: &Map<String, Value>) -> Option<String> {
    fields.get(T::ID).and_then(Value::as_str).map(|id| id.trim().to_owned())
}

fn merged<T: Patchable>(stored: &T, fields: &Map<String, Value>) -> Result<T, Vec<Violation>> {
    let mut whole = match serde_json::to_value(stored) {
        Ok(Value::Object(whole)) => whole,
        _ => Map::new(),
    };
    merge(&mut whole, fields, &Shape::of::<T>());
    let patched: T = trusting(|| deserialize(Value::Object(whole)))?;
    if let Err(broken) = validate(&patched) {
        let known = validate(stored).err().unwrap_or_default();
        let new: Vec<_> = broken.into_iter().filter(|one| !known.contains(one)).collect();
        if !new.is_empty() {
            return Err(new);
        }
    }
    Ok(patched)
}

#[cfg(test)]
mod tests;
