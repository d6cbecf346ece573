//! Tests of `credentials::passwords`.

use super::*;

fn secret(text: &str) -> SecretString {
    text.into()
}

#[test]
fn what_is_taken_and_what_is_not() {
    for (password, ok) in [
        ("correct horse battery", true),
        ("пароль-пароль-пароль", true),
        ("elevenchars", false),
        ("123456789123", false),
        ("International", false),
        ("my name is Alice!", false),
        ("a.liddell rules them", false),
        ("with\0nul and more", false),
        (&"x".repeat(129), false),
        // One code point that NFKC makes eighteen of, and twelve of it that become too many.
        ("\u{fdfa}", false),
        (&"\u{fdfa}".repeat(12), false),
        (&"\u{200b}".repeat(12), false),
        (&"e\u{301}".repeat(11), false),
        (&"e\u{301}".repeat(12), true),
        (&format!("a{}", "\u{332}".repeat(11)), false),
        (&"x\u{332}".repeat(11), false),
        (&" ".repeat(12), false),
        (&"\u{3164}\u{2800}".repeat(6), false),
        ("a b         c d", false),
        ("short\u{200d}\u{fe0f}\u{ad}\u{34f}\u{e0020}\u{200b}\u{200b}", false),
        ("1234567\u{200b}89123", false),
        ("my name is Al\u{200b}ice!", false),
        ("सही घोड़ा बैटरी स्टेपल चाबी", true),
        ("ab cd ef gh", false),
        ("ab cd ef gh i", true),
    ] {
        let flaw = flaw(&secret(password), "alice", "a.liddell@example.com");
        assert_eq!(flaw.is_none(), ok, "{password}: {flaw:?}");
    }
}

#[test]
fn only_the_same_password_matches_in_any_normal_form() {
    let hash = hash(&secret("ﬁancée-ﬁancée")).expect("a hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(verify(&secret("fiance\u{301}e-fiance\u{301}e"), Some(&hash)));
    assert!(!verify(&secret("fiancee-fiancee"), Some(&hash)));
    assert!(!verify(&secret("anything at all"), None));
    assert!(!verify(&secret("anything at all"), Some("garbage")));
}

/// The rules for new passwords must not lock anyone out.
#[test]
fn passwords_accepted_by_older_rules_still_verify() {
    for password in
        ["\u{fdfa}".to_owned(), "\u{200b}".repeat(12), "e\u{301}".repeat(100), "\u{fdfa}".repeat(7)]
    {
        assert!(
            verify(&secret(&password), Some(&hash(&secret(&password)).expect("a hash"))),
            "{password}"
        );
    }
}

#[test]
fn a_random_password_is_good_and_does_not_print() {
    let password = random();
    assert!(flaw(&password, "admin", "admin@localhost").is_none());
    assert!(!format!("{password:?}").contains(password.expose_secret()));
}
