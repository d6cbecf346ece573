//! Tests of `credentials::tokens`.

use super::*;
use crate::credentials::digest::fingerprint;

fn tokens(seed: &str) -> Tokens {
    let secret = |name: &str| SecretString::from(format!("{name}-{seed}-").repeat(8));
    Tokens::new(
        &secret("access"),
        &secret("refresh"),
        Lifetimes { access: 900, refresh: 604_800, session: 7_776_000 },
    )
}

fn refresh_subject(now: DateTime<Utc>) -> RefreshSubject {
    let [user_id, session_id, family_id] = [1, 4, 2].map(Uuid::from_u128);
    RefreshSubject {
        user_id,
        session_id,
        family_id,
        issued_at: now,
        expires_at: now + TimeDelta::days(7),
    }
}

fn access_subject() -> AccessSubject<'static> {
    AccessSubject {
        user_id: Uuid::from_u128(1),
        username: "ada",
        email: "a@b.de",
        role: "viewer",
        family_id: Uuid::from_u128(2),
    }
}

#[test]
fn access_token_is_valid_from_issue_to_expiry() {
    let (tokens, now) = (tokens("a"), DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
    let token =
        tokens.issue_access(access_subject(), Uuid::from_u128(3), now, 900).expect("a token");
    let at = |seconds| tokens.verify_access(&token, now + TimeDelta::seconds(seconds));
    assert_eq!(at(0).expect("live").sid, Uuid::from_u128(2));
    assert!(at(899).is_ok());
    assert!(at(900).is_err());
    assert!(at(-1).is_err());
    let expired = |seconds| tokens.is_expired_access(&token, now + TimeDelta::seconds(seconds));
    assert!(expired(900) && !expired(899) && !expired(-1));
    let refresh = tokens.issue_refresh(refresh_subject(now)).expect("a token");
    assert!(!tokens.is_expired_access(&refresh, now + TimeDelta::days(100)));
}

#[test]
fn tokens_of_a_secret_that_is_replaced_are_accepted_and_not_issued() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let issued = |by: &Tokens| {
        let access = by.issue_access(access_subject(), Uuid::from_u128(3), now, 900);
        (access.expect("a token"), by.issue_refresh(refresh_subject(now)).expect("a token"))
    };
    let accepted = |by: &Tokens, (access, refresh): &(String, String)| {
        (by.verify_access(access, now).is_ok(), by.verify_refresh(refresh, now).is_ok())
    };
    let secret = |name: &str, seed: &str| SecretString::from(format!("{name}-{seed}-").repeat(8));
    let (old, new, third) = (issued(&tokens("old")), issued(&tokens("new")), tokens("third"));
    for (present, other) in [("old", "new"), ("new", "old")] {
        let (access, refresh) = (secret("access", other), secret("refresh", other));
        let both = tokens(present).also_accepting(Some(&access), Some(&refresh));
        assert_eq!(accepted(&both, &old), (true, true));
        assert_eq!(accepted(&both, &new), (true, true));
        assert_eq!(accepted(&both, &issued(&third)), (false, false));
        assert_eq!(accepted(&tokens(present), &issued(&both)), (true, true));
        assert_eq!(accepted(&tokens(other), &issued(&both)), (false, false));
        // A refresh token is no access token, whichever secret signed it.
        assert_eq!(accepted(&both, &(old.1.clone(), old.0.clone())), (false, false));
        let access_only = tokens(present).also_accepting(Some(&access), None);
        let foreign = if present == "old" { &new } else { &old };
        assert_eq!(accepted(&access_only, foreign), (true, false));
    }
}

#[test]
fn token_of_another_type_or_service_is_refused() {
    let (ours, theirs, now) =
        (tokens("a"), tokens("b"), DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
    let access =
        ours.issue_access(access_subject(), Uuid::from_u128(3), now, 900).expect("a token");
    let refresh = ours.issue_refresh(refresh_subject(now)).expect("a token");
    assert!(ours.verify_refresh(&refresh, now).is_ok());
    // Its claims are kept now, which makes no other token valid.
    assert!(ours.verify_access(&access, now).is_ok());
    assert!(ours.verify_refresh(&access, now).is_err());
    assert!(ours.verify_access(&refresh, now).is_err());
    assert!(theirs.verify_access(&access, now).is_err());
    let none = format!("eyJhbGciOiJub25lIn0.{}.", access.split('.').nth(1).expect("a payload"));
    for forged in [none.as_str(), "", "a.b.c", &"x".repeat(5000), &access[..access.len() - 2]] {
        assert!(ours.verify_access(forged, now).is_err());
    }
}

#[test]
fn refresh_token_can_be_issued_again() {
    let (tokens, now) = (tokens("a"), DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
    let issue = || tokens.issue_refresh(refresh_subject(now)).expect("a token");
    assert_eq!(fingerprint(&issue()), fingerprint(&issue()));
    assert_eq!(fingerprint("x").len(), 64);
}

#[test]
fn no_token_outlives_its_family() {
    let (tokens, start) = (tokens("a"), DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
    let end = start + TimeDelta::days(90);
    assert_eq!(tokens.session_expires_at(start, start), start + TimeDelta::days(7));
    assert_eq!(tokens.session_expires_at(start, end - TimeDelta::days(1)), end);
    assert_eq!(tokens.access_lifetime(end, end - TimeDelta::days(1)), 900);
    assert_eq!(tokens.access_lifetime(end, end - TimeDelta::seconds(60)), 60);
    assert_eq!(tokens.access_lifetime(end, end + TimeDelta::seconds(60)), 0);
}

#[test]
fn refresh_token_without_family_is_accepted() {
    let (tokens, now) = (tokens("a"), DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
    let token = tokens.issue_refresh(refresh_subject(now)).expect("a token");
    let claims = tokens.verify_refresh(&token, now).expect("live");
    let old = tokens.refresh.sign(&RefreshClaims { sid: None, ..claims });
    assert_eq!(tokens.verify_refresh(&old.expect("a token"), now).expect("live").sid, None);
    let new = tokens.issue_refresh(refresh_subject(now)).expect("a token");
    assert_eq!(tokens.verify_refresh(&new, now).expect("live").sid, Some(Uuid::from_u128(2)));
}
