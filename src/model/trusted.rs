//! Input whose rich texts are clean already: a body that was cleaned as a whole
//! ([`super::warnings`]), and what the database stores, which was cleaned before it was written.
//! Sanitising is the most expensive step of a change, so these are not sanitised again.
//!
//! serde gives a type no context while it is deserialized, so the context belongs to the thread,
//! for the duration of one synchronous call. Outside of such a call every rich text is sanitised;
//! inside of it only a text with markup that the sanitiser would not have kept
//! ([`super::rich_text`]), such as one of a row that was written by hand.

use std::cell::Cell;

use serde::de::DeserializeOwned;

thread_local! {
    static TRUSTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which deserializes input whose rich texts are clean.
pub(super) fn trusting<R>(work: impl FnOnce() -> R) -> R {
    let _reset = Reset(TRUSTED.replace(true));
    work()
}

/// Whether the rich texts that are deserialized now are clean.
pub(super) fn is_trusted() -> bool {
    TRUSTED.get()
}

/// Deserializes JSON that was stored by this service.
///
/// # Errors
/// Of serde, if a field is missing, unknown or of another type.
pub fn from_stored<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    trusting(|| serde_json::from_str(json))
}

/// Restores the former state, also after a panic.
struct Reset(bool);

impl Drop for Reset {
    fn drop(&mut self) {
        TRUSTED.set(self.0);
    }
}
