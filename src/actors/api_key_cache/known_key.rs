//! A key as the database knows it, with its last use.

use std::sync::Arc;

use super::rules::Whose;
use super::usage::Usage;
use crate::storage::api_keys::authority::Standing;

/// A key that the database knows.
#[derive(Debug)]
pub struct KnownKey {
    /// Whom it stands for, and what it may do.
    pub standing: Standing,
    pub(super) usage: Arc<Usage>,
}

impl KnownKey {
    pub(super) fn of(standing: Standing) -> Self {
        Self { usage: Arc::new(Usage::of(standing.key_id)), standing }
    }

    pub(super) fn whose(&self) -> Whose {
        Whose { key_id: self.standing.key_id, user_id: self.standing.owner.user_id }
    }
}
