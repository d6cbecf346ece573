//! Changes of somebody's authority, as they are announced to memories of who may do what.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// One API key: revoked, rotated, its expiry or scopes changed.
    Key(Uuid),
    /// One user and all its credentials: another role, status, password or name, or gone.
    User(Uuid),
    /// One user's log-ins; its API keys go on.
    Sessions(Uuid),
    /// Everybody, or nobody knows whom.
    All,
}

impl Concern {
    /// Whether log-ins of this user may have ended, or mean something else now.
    pub fn is_about_log_ins_of(self, user_id: Uuid) -> bool {
        match self {
            Self::Key(_) => false,
            Self::User(of) | Self::Sessions(of) => of == user_id,
            Self::All => true,
        }
    }
}

/// An announcement of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The epoch that began.
    pub epoch: i64,
    /// When it was said, by the database's clock.
    pub said_at: DateTime<Utc>,
    /// Whom it concerns.
    pub concern: Concern,
}

/// No announcement that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled;

impl FromStr for Notice {
    type Err = Garbled;

    /// `<epoch> <milliseconds since 1970> key|user|sessions <id>`, or `… all`.
    fn from_str(text: &str) -> Result<Self, Garbled> {
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<i64>().ok()).ok_or(Garbled);
        let (epoch, said_at) =
            (number()?, DateTime::from_timestamp_millis(number()?).ok_or(Garbled)?);
        let kind = words.next().ok_or(Garbled)?;
        let id = words.next().map(Uuid::try_parse).transpose().map_err(|_| Garbled)?;
        let concern = match (kind, id) {
            ("key", Some(id)) => Concern::Key(id),
            ("user", Some(id)) => Concern::User(id),
            ("sessions", Some(id)) => Concern::Sessions(id),
            // What a newer version announces and this one does not know.
            _ => Concern::All,
        };
        Ok(Self { epoch, said_at, concern })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_read_and_the_unknown_concerns_everybody() {
        let id = Uuid::from_u128(7);
        let read = |text: &str| text.parse::<Notice>().map(|notice| (notice.epoch, notice.concern));
        assert_eq!(read(&format!("5 1700000000000 key {id}")), Ok((5, Concern::Key(id))));
        assert_eq!(read(&format!("6 1700000000000 user {id}")), Ok((6, Concern::User(id))));
        assert_eq!(read(&format!("7 1700000000000 sessions {id}")), Ok((7, Concern::Sessions(id))));
        assert_eq!(read("8 1700000000000 all"), Ok((8, Concern::All)));
        assert_eq!(read("9 1700000000000 planet mars"), Err(Garbled));
        assert_eq!(read(&format!("9 1700000000000 planet {id}")), Ok((9, Concern::All)));
        for garbled in ["", "x", "5", "5 x", "5 1700000000000"] {
            assert_eq!(read(garbled), Err(Garbled), "{garbled}");
        }
    }
}
