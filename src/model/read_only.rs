//! Fields that only the server sets. They are accepted in requests and ignored, so that a client
//! can send a response back unchanged.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// Deserializes any value as `None`.
pub(super) fn ignored<'de, D: Deserializer<'de>, T>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| None)
}
