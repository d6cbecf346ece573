//! The audit log: what is recorded, and what one may ask of it. Rows are written by
//! `storage::audit_events`.

mod changes;
mod query;

use strum::{AsRefStr, EnumString, IntoStaticStr, VariantNames};

pub use self::changes::Changes;
pub use self::query::{ActionFilter, AuditQuery};

/// What was done, or refused: `noun.verb`. Names are stored, so they are never renamed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, IntoStaticStr, EnumString, VariantNames,
)]
pub enum Action {
    /// An API key was created.
    #[strum(serialize = "api_key.created")]
    KeyCreated,
    /// An API key was renamed or its life extended.
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
    /// A user got another password: with the old one, with the token of a mail, or by `mdl admin`.
    #[strum(serialize = "user.password_changed")]
    PasswordChanged,
    /// A mail with a reset token was requested; refused where no active account has the address.
    #[strum(serialize = "user.password_reset_requested")]
    PasswordResetRequested,
    /// A user logged in.
    #[strum(serialize = "session.started")]
    SessionStarted,
    /// A session was ended by its user.
    #[strum(serialize = "session.ended")]
    SessionEnded,
    /// A rotated refresh token was used again; its session was revoked.
    #[strum(serialize = "session.reuse_detected")]
    SessionReuseDetected,
    /// A log-in was refused.
    #[strum(serialize = "login.failed")]
    LoginFailed,
    /// The current password was wrong.
    #[strum(serialize = "password.rejected")]
    PasswordRejected,
    /// A bad token or API key was refused.
    #[strum(serialize = "access.unauthenticated")]
    Unauthenticated,
    /// Role or scopes of the caller were too small.
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
    /// A business domain was created.
    #[strum(serialize = "domain.created")]
    DomainCreated,
    /// A business domain was changed.
    #[strum(serialize = "domain.updated")]
    DomainUpdated,
    /// A business domain was deleted.
    #[strum(serialize = "domain.deleted")]
    DomainDeleted,
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

/// How an action ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, IntoStaticStr, EnumString, VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Refused,
}

/// The way an action came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Channel {
    /// A request with its own credentials, or without any.
    Api,
    /// A command on the database itself.
    Command,
    /// A request with a token that was sent by mail.
    Mail,
    /// The service itself.
    System,
}

/// What a caller came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CredentialKind {
    /// An access token; its id is the session's family.
    Session,
    /// An API key; its id is the `key_id`.
    ApiKey,
}
