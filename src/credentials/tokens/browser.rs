//! The token in the session cookie of a browser. It names a session, as an access token does, but
//! lasts as long as that session: it is checked against the session at every request, so that what
//! ends the session ends the cookie. It is no access token and no refresh token, and neither of
//! them is one: each kind is refused where another is expected.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AUDIENCE, ISSUER, InvalidToken, RefreshSubject, Tokens, is_in_time};

/// The claim `type`.
const BROWSER: &str = "browser";

/// The claims of the token in a session cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserClaims {
    /// The session: the family of its refresh tokens.
    pub sid: Uuid,
    sub: Uuid,
    iss: String,
    aud: String,
    #[serde(rename = "type")]
    kind: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl BrowserClaims {
    /// Returns the user that the token was issued for.
    pub fn user_id(&self) -> Uuid {
        self.sub
    }
}

impl Tokens {
    /// Issues the token of a browser for a session that has just begun. It is valid until the
    /// session expires.
    ///
    /// # Errors
    /// Never in practice: claims are always JSON.
    pub fn issue_browser(&self, session: RefreshSubject) -> Result<String, InvalidToken> {
        self.access.sign(&BrowserClaims {
            sid: session.family_id,
            sub: session.user_id,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            kind: BROWSER.to_owned(),
            iat: session.issued_at.timestamp(),
            nbf: session.issued_at.timestamp(),
            exp: session.expires_at.timestamp(),
        })
    }

    /// Verifies the token in a session cookie and returns its claims.
    ///
    /// # Errors
    /// [`InvalidToken`] for another signature, issuer, audience, type or time.
    pub fn verify_browser(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<BrowserClaims, InvalidToken> {
        let claims: BrowserClaims = self.access.decode(token)?;
        let is_valid = claims.kind == BROWSER && is_in_time(claims.nbf, claims.exp, now);
        if is_valid { Ok(claims) } else { Err(InvalidToken) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::credentials::tokens::{AccessSubject, Lifetimes};

    #[test]
    fn each_kind_of_token_is_refused_where_another_is_expected() {
        let secret = |text: &str| text.repeat(8).into();
        let lifetimes = Lifetimes { access: 900, refresh: 900, session: 900 };
        let tokens = Tokens::new(&secret("access"), &secret("refresh"), lifetimes);
        let (now, id) = (DateTime::from_timestamp(1_800_000_000, 0).unwrap(), Uuid::from_u128(7));
        let subject = RefreshSubject {
            user_id: id,
            session_id: id,
            family_id: id,
            issued_at: now,
            expires_at: now + TimeDelta::seconds(900),
        };
        let user =
            AccessSubject { user_id: id, username: "a", email: "b", role: "c", family_id: id };
        let browser = tokens.issue_browser(subject).unwrap();
        let refresh = tokens.issue_refresh(subject).unwrap();
        let access = tokens.issue_access(user, id, now, 900).unwrap();
        let claims = tokens.verify_browser(&browser, now).unwrap();
        assert_eq!((claims.user_id(), claims.sid), (id, id));
        for other in [&access, &refresh] {
            assert_eq!(tokens.verify_browser(other, now), Err(InvalidToken));
        }
        assert!(tokens.verify_access(&access, now).is_ok());
        assert!(tokens.verify_access(&browser, now).is_err());
        assert!(tokens.verify_refresh(&browser, now).is_err());
        for (seconds, valid) in [(-1, false), (0, true), (899, true), (900, false)] {
            let at = now + TimeDelta::seconds(seconds);
            assert_eq!(tokens.verify_browser(&browser, at).is_ok(), valid, "{seconds}");
        }
        let others = Tokens::new(&secret("elsewhere"), &secret("refresh"), lifetimes);
        assert!(others.verify_browser(&browser, now).is_err());
    }
}
