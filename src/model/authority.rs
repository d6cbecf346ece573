//! Invalidation events for cached permissions: the payload of the NOTIFY that database triggers
//! send when an API key, a user or a session changes. The caches are in `cache::sessions` and
//! `actors::api_key_cache`; `app::service::invalidation` receives the events.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

/// Which cached permissions an invalidation covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidationScope {
    /// One API key: revoked, rotated, its expiry or scopes changed.
    Key(Uuid),
    /// One user with all credentials: role, status, password or name changed, or deleted.
    User(Uuid),
    /// The sessions of one user; API keys are not affected.
    Sessions(Uuid),
    /// All credentials, also where the change is unknown.
    All,
}

impl InvalidationScope {
    /// Whether sessions of this user may have ended or changed their permissions.
    pub fn affects_sessions_of(self, user_id: Uuid) -> bool {
        match self {
            Self::Key(_) => false,
            Self::User(affected) | Self::Sessions(affected) => affected == user_id,
            Self::All => true,
        }
    }
}

/// A notification of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidationEvent {
    /// The epoch that began with the change.
    pub epoch: i64,
    /// By the database's clock.
    pub sent_at: DateTime<Utc>,
    pub scope: InvalidationScope,
}

/// The payload of a notification has another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed invalidation event")]
pub struct MalformedEvent;

impl FromStr for InvalidationEvent {
    type Err = MalformedEvent;

    /// Parses `<epoch> <milliseconds since 1970> key|user|sessions <id>`, or `… all`. An unknown
    /// word means all, because a newer version of the service may have added it.
    fn from_str(text: &str) -> Result<Self, MalformedEvent> {
        let mut words = text.split(' ');
        let mut number =
            || words.next().and_then(|word| word.parse::<i64>().ok()).ok_or(MalformedEvent);
        let epoch = number()?;
        let sent_at = DateTime::from_timestamp_millis(number()?).ok_or(MalformedEvent)?;
        let kind = words.next().ok_or(MalformedEvent)?;
        let id = words.next().map(Uuid::try_parse).transpose().map_err(|_| MalformedEvent)?;
        let scope = match (kind, id) {
            ("key", Some(id)) => InvalidationScope::Key(id),
            ("user", Some(id)) => InvalidationScope::User(id),
            ("sessions", Some(id)) => InvalidationScope::Sessions(id),
            _ => InvalidationScope::All,
        };
        Ok(Self { epoch, sent_at, scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_parsed_and_unknown_scope_means_all() {
        let id = Uuid::from_u128(7);
        let read =
            |text: &str| text.parse::<InvalidationEvent>().map(|event| (event.epoch, event.scope));
        for (text, epoch, scope) in [
            (format!("5 1700000000000 key {id}"), 5, InvalidationScope::Key(id)),
            (format!("6 1700000000000 user {id}"), 6, InvalidationScope::User(id)),
            (format!("7 1700000000000 sessions {id}"), 7, InvalidationScope::Sessions(id)),
            ("8 1700000000000 all".to_owned(), 8, InvalidationScope::All),
            (format!("9 1700000000000 planet {id}"), 9, InvalidationScope::All),
        ] {
            assert_eq!(read(&text), Ok((epoch, scope)), "{text}");
        }
        for malformed in ["", "x", "5", "5 x", "5 1700000000000", "9 1700000000000 planet mars"] {
            assert_eq!(read(malformed), Err(MalformedEvent), "{malformed}");
        }
    }
}
