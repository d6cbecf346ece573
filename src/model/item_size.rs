//! The maximum size of one item of the catalogue. The body limit of the item routes does not
//! bound it: an import has a larger limit, and repeated patches may add up.

use std::io::{self, Write};

use serde::Serialize;

use super::violations::Violation;

/// Maximum length of an item as JSON, in bytes.
pub(super) const MAX_ITEM_BYTES: usize = 256 * 1024;

/// Returns the length of a value as JSON, in bytes.
pub(super) fn json_length<T: Serialize>(value: &T) -> usize {
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        // Not reached: the model consists of texts and finite numbers.
        Err(_) => usize::MAX,
    }
}

/// Returns the violation of an item that is too large.
pub(super) fn too_large() -> Violation {
    Violation::new("", "must be at most 256 KiB as JSON")
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
