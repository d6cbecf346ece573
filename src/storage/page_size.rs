//! The maximum length of one page of a list. A hundred items of the largest size would take the
//! memory of many requests at once, so a longer page is refused before its rows are fetched.

use super::StorageError;

/// Maximum length of all items of one page together, in bytes of JSON. One item of the largest size
/// (256 KiB) always fits.
pub const MAX_PAGE_BYTES: i64 = 8 * 1024 * 1024;

/// Refuses a page of more than [`MAX_PAGE_BYTES`].
///
/// # Errors
/// [`StorageError::Invalid`] for the field `limit`.
pub(super) fn ensure_fits(bytes: i64) -> Result<(), StorageError> {
    if bytes <= MAX_PAGE_BYTES {
        return Ok(());
    }
    let mib = bytes.saturating_add(1024 * 1024 - 1) / (1024 * 1024);
    let message =
        format!("this page would be {mib} MiB; the most is 8 MiB: ask for fewer items with limit");
    Err(StorageError::invalid("limit", &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_of_more_than_8_mib_is_refused() {
        assert!(ensure_fits(MAX_PAGE_BYTES).is_ok());
        let refused = ensure_fits(MAX_PAGE_BYTES + 1);
        assert!(matches!(refused, Err(StorageError::Invalid(found)) if found[0].field == "limit"));
    }
}
