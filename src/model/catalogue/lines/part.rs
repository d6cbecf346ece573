//! The parts of a document, whatever its format is.

/// A part of a document, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentPart<'a> {
    MapStart,
    ListStart,
    End,
    /// A value without parts, or a key.
    Scalar(&'a str),
}
