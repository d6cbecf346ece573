//! Optional fields that tell an absent value from null.

use serde::{Deserialize, Deserializer};

/// Deserializes a field that is present; together with `#[serde(default)]` an absent one is `None`.
/// Null is refused, unless `T` is an `Option` itself.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
