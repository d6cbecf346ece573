//! Fields that only the server sets. They are read and dropped, so that an answer can be sent back
//! as it came.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// Reads whatever a client sends for a field of the server, and forgets it.
pub(super) fn dropped<'de, D: Deserializer<'de>, T>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| None)
}
