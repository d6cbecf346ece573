//! Values of labels that the code chooses, so that a counter and its family use the same text.

use strum::{AsRefStr, EnumIter, VariantNames};

/// The result of looking up an API key in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum KeyLookupOutcome {
    Hit,
    /// The key was looked up in the database.
    Miss,
    /// The cache has a negative entry.
    Negative,
    /// The text does not have the format of a key.
    Malformed,
}

/// What a caller authenticates with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum AuthMethod {
    /// User name and password.
    Login,
    ApiKey,
    /// A refresh token.
    Refresh,
    /// An access token.
    Jwt,
}

/// The result of an attempt to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(super) enum AuthStatus {
    Success,
    Failure,
}

/// How a read of the catalogue was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum CacheOutcome {
    Hit,
    Miss,
    /// From the cache, although it may be outdated.
    Stale,
}

/// Where a read of the catalogue was done, with `DATABASE_READ_URL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ReplicaOutcome {
    Replica,
    /// On the primary: the replica lacks a change.
    Behind,
    /// On the primary: the replica did not answer, or is no standby.
    Unavailable,
    /// On the primary: the replica answered with an error, such as an item that does not exist.
    Error,
    /// On the primary: the epoch of the catalogue was not certain.
    Unconfirmed,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum MailOutcome {
    Sent,
    Failed,
    /// There is no mail server.
    Disabled,
}

/// What became of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum SpanOutcome {
    Exported,
    /// The collector did not acknowledge it.
    Failed,
    /// The queue was full.
    Dropped,
}

/// The limit for which a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum RefusalReason {
    /// The limit on all connections.
    Total,
    /// The limit on connections from one address.
    Address,
}
