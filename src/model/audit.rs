//! The vocabulary of the audit log: actions, outcomes and recorded changes, and the query of its
//! list. Rows are written by `storage::audit_events`.

mod changes;
mod query;

use strum::{AsRefStr, EnumString, IntoStaticStr, VariantNames};
use utoipa::ToSchema;

pub use self::changes::Changes;
pub use self::query::{ActionFilter, AuditQuery};

/// An action that was done or refused: `noun.verb`. The names are stored and never change.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, IntoStaticStr, EnumString, VariantNames,
)]
pub enum Action {
    /// An API key was created.
    #[strum(serialize = "api_key.created")]
    KeyCreated,
    /// An API key was renamed, or its expiry or rate limit changed.
    #[strum(serialize = "api_key.updated")]
    KeyUpdated,
    /// An API key was replaced by another.
    #[strum(serialize = "api_key.rotated")]
    KeyRotated,
    /// An API key was revoked.
    #[strum(serialize = "api_key.revoked")]
    KeyRevoked,
    /// A user was created by an administrator, by `mdl admin`, or as the first administrator.
    #[strum(serialize = "user.created")]
    UserCreated,
    /// A user registered.
    #[strum(serialize = "user.registered")]
    UserRegistered,
    /// A user was changed by an administrator.
    #[strum(serialize = "user.updated")]
    UserUpdated,
    /// A user was deleted.
    #[strum(serialize = "user.deleted")]
    UserDeleted,
    /// The password of a user was changed: with the old one, with a reset token, or by `mdl admin`.
    #[strum(serialize = "user.password_changed")]
    PasswordChanged,
    /// An e-mail with a reset token was requested; refused if no active account has the address.
    #[strum(serialize = "user.password_reset_requested")]
    PasswordResetRequested,
    /// A user logged in.
    #[strum(serialize = "session.started")]
    SessionStarted,
    /// A user logged out or revoked a session.
    #[strum(serialize = "session.ended")]
    SessionEnded,
    /// A rotated refresh token was used again, and its session was revoked.
    #[strum(serialize = "session.reuse_detected")]
    SessionReuseDetected,
    /// A log-in was refused.
    #[strum(serialize = "login.failed")]
    LoginFailed,
    /// A password change was refused because the current password was wrong.
    #[strum(serialize = "password.rejected")]
    PasswordRejected,
    /// An invalid token or API key was refused.
    #[strum(serialize = "access.unauthenticated")]
    Unauthenticated,
    /// The role or scopes of the caller did not permit a request.
    #[strum(serialize = "access.forbidden")]
    Forbidden,
    /// A rate limit was exceeded.
    #[strum(serialize = "access.rate_limited")]
    RateLimited,
    /// A metric was created.
    #[strum(serialize = "metric.created")]
    MetricCreated,
    /// A metric was changed.
    #[strum(serialize = "metric.updated")]
    MetricUpdated,
    /// A metric was deleted.
    #[strum(serialize = "metric.deleted")]
    MetricDeleted,
    /// A former version of a metric was restored.
    #[strum(serialize = "metric.restored")]
    MetricRestored,
    /// A business domain was created.
    #[strum(serialize = "domain.created")]
    DomainCreated,
    /// A business domain was changed.
    #[strum(serialize = "domain.updated")]
    DomainUpdated,
    /// A business domain was deleted.
    #[strum(serialize = "domain.deleted")]
    DomainDeleted,
    /// A former version of a business domain was restored.
    #[strum(serialize = "domain.restored")]
    DomainRestored,
    /// A catalogue was imported.
    #[strum(serialize = "catalogue.imported")]
    CatalogueImported,
    /// A circuit breaker was isolated, closed or reset.
    #[strum(serialize = "circuit.controlled")]
    CircuitControlled,
    /// Old rows of the audit log were deleted.
    #[strum(serialize = "audit.purged")]
    AuditPurged,
}

/// The outcome of an action.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    AsRefStr,
    IntoStaticStr,
    ToSchema,
    EnumString,
    VariantNames,
)]
#[strum(serialize_all = "lowercase")]
#[schema(rename_all = "lowercase")]
pub enum AuditOutcome {
    Success,
    Refused,
}

/// Where an action came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, ToSchema)]
#[strum(serialize_all = "lowercase")]
#[schema(rename_all = "lowercase", as = AuditChannel)]
pub enum Channel {
    /// A request with its own credentials, or without any.
    Api,
    /// A subcommand of `mdl`, on the database itself or over the local socket of the service.
    Command,
    /// A request with a token that was sent by e-mail.
    Mail,
    /// The service itself.
    System,
}

/// The kind of credential of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, ToSchema)]
#[strum(serialize_all = "snake_case")]
#[schema(rename_all = "snake_case")]
pub enum CredentialKind {
    /// An access token; the id is that of the token family.
    Session,
    /// An API key; the id is the `key_id`.
    ApiKey,
}
