//! The versions of an item of the catalogue: each change leads to a new one, and the content of
//! all of them is kept.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;

/// How a change was made.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChangeChannel {
    /// A request that changed this item.
    Api,
    /// A document that was imported over the API, or the sample.
    Import,
    /// A request that restored a former version.
    Restore,
    /// The business domain of a metric got another name.
    DomainRename,
    /// A command of `mdl` on the database itself.
    Command,
}

/// Who makes a revision, how, and when.
#[derive(Clone, Copy, Debug)]
pub struct RevisionStamp<'a> {
    pub author: &'a str,
    pub channel: ChangeChannel,
    pub now: DateTime<Utc>,
}
