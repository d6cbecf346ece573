//! Modified and random access tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use mdl::credentials::tokens::{AccessSubject, Lifetimes, Tokens};
use proptest::prelude::*;
use uuid::Uuid;

fn tokens() -> Tokens {
    let secret = |text: &str| text.repeat(2).into();
    let lifetimes = Lifetimes { access: 900, refresh: 604_800, session: 7_776_000 };
    Tokens::new(
        &secret("only-for-tests-access-0123456789"),
        &secret("only-for-tests-refresh-123456789"),
        lifetimes,
    )
}

fn token() -> String {
    let bearer = AccessSubject {
        user_id: Uuid::from_u128(1),
        username: "u",
        email: "u@example.com",
        role: "viewer",
        family_id: Uuid::from_u128(2),
    };
    tokens().issue_access(bearer, Uuid::from_u128(3), Utc::now(), 900).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A token with one changed character is refused.
    #[test]
    fn modified_tokens_are_refused(at in any::<prop::sample::Index>(),
        to in prop::sample::select(b"AZaz09-_.= ".to_vec())) {
        let token = token();
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let touched = String::from_utf8(bytes).unwrap();
        // The last character of a part has unused bits, which base64 readers must refuse.
        prop_assert_eq!(tokens().verify_access(&touched, Utc::now()).is_ok(), touched == token);
    }

    #[test]
    fn random_tokens_are_refused(header in "\\PC{0,60}", claims in "\\PC{0,120}",
        signature in "[A-Za-z0-9_-]{0,60}") {
        let token = format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(&header),
            URL_SAFE_NO_PAD.encode(&claims));
        prop_assert!(tokens().verify_access(&token, Utc::now()).is_err());
        prop_assert!(tokens().verify_refresh(&header, Utc::now()).is_err());
    }
}

#[test]
fn other_algorithms_and_types_are_refused() {
    let token = token();
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS384","typ":"JWT"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"typ":"JWT"}"#,
    ] {
        for signature in [signature, ""] {
            let forged = format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header));
            assert!(tokens().verify_access(&forged, Utc::now()).is_err(), "{header}");
        }
    }
    assert!(tokens().verify_refresh(&token, Utc::now()).is_err());
    assert!(tokens().verify_access(&"x".repeat(1_000_000), Utc::now()).is_err());
}
