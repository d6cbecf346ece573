//! Tests of `credentials::passwords`.

use super::*;

fn secret(text: &str) -> SecretString {
    text.into()
}

#[test]
fn policy_refuses_short_long_common_and_personal_passwords() {
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
        // NFKC makes eighteen code points of this one.
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
        let violation = policy_violation(&secret(password), "alice", "a.liddell@example.com");
        assert_eq!(violation.is_none(), ok, "{password}: {violation:?}");
    }
}

#[test]
fn password_verifies_in_any_normal_form() {
    let hash = hash(&secret("ﬁancée-ﬁancée")).expect("a hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(verify(&secret("fiance\u{301}e-fiance\u{301}e"), Some(&hash)));
    assert!(!verify(&secret("fiancee-fiancee"), Some(&hash)));
    assert!(!verify(&secret("anything at all"), None));
    assert!(!verify(&secret("anything at all"), Some("garbage")));
}

#[test]
fn passwords_accepted_by_an_older_policy_still_verify() {
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
fn generated_password_satisfies_the_policy_and_is_not_printed() {
    let password = generate();
    assert!(policy_violation(&password, "admin", "admin@localhost").is_none());
    assert!(!format!("{password:?}").contains(password.expose_secret()));
}
