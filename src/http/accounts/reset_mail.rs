//! The text of the mail with the token of a password reset. Its link is to the page for people,
//! at the address of `PUBLIC_URL`; programs find the request of the API below it.

/// Path of the page that sets a new password.
pub(in crate::http) const PAGE: &str = "/dashboard/reset-password";
pub(super) const SUBJECT: &str = "Reset your MDL password";

/// Writes the mail. Without a public address it names the page, but has no link to it: an address
/// that the request names could be that of an attacker.
pub(super) fn text(username: &str, public_url: Option<&str>, token: &str) -> String {
    let base = public_url.unwrap_or_default();
    let page = match public_url {
        Some(base) => format!("open\n\n    {base}{PAGE}?token={token}\n\n"),
        None => format!("enter the token\n\n    {token}\n\nat {PAGE} of the service "),
    };
    format!(
        "Hello {username},\n\n\
         a password reset was requested for your account at MDL. To set a new password, \
         {page}\
         within 30 minutes. This ends all your sessions and revokes your API keys. If you did not \
         request it, ignore this mail.\n\n\
         Programs send\n\n    \
         POST {base}/api/auth/password-reset/confirm\n    \
         {{\"token\": \"{token}\", \"new_password\": \"...\"}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_is_to_the_public_address_only() {
        let linked = text("eva", Some("https://mdl.example.com"), "Abc1");
        let link = "\n    https://mdl.example.com/dashboard/reset-password?token=Abc1\n";
        assert!(linked.starts_with("Hello eva,") && linked.contains(link), "{linked}");
        assert!(linked.contains("POST https://mdl.example.com/api/auth/password-reset/confirm\n"));
        let plain = text("eva", None, "Abc1");
        assert!(!plain.contains("http") && plain.contains("\n    Abc1\n"), "{plain}");
        for mail in [linked, plain] {
            assert!(mail.contains("{\"token\": \"Abc1\", \"new_password\": \"...\"}"), "{mail}");
        }
    }
}
