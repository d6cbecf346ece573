//! The password policy, and password hashes.
//!
//! New passwords are judged by length and a list of common ones, not by composition rules (NIST SP
//! 800-63B, 5.1.1.2). Length is counted in visible characters, before and after NFKC: one code
//! point may become eighteen, and twelve zero-width spaces are no password. Hashes are argon2id
//! with 19 MiB, two passes and one lane (OWASP Password Storage Cheat Sheet), of the password after
//! NFKC, so that it does not depend on the keyboard it was typed on.

use std::collections::HashSet;
use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use super::visible;

/// Minimum length in visible characters, before and after NFKC.
pub const MIN_CHARS: usize = 12;
/// Maximum length in code points, before and after NFKC.
pub const MAX_CHARS: usize = 128;

/// The entries of Django's list of 20,000 common passwords that have at least [`MIN_CHARS`]
/// characters.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// The hash of a random password, for accounts that do not exist: verifying against it takes as
/// long as against a real one.
static DUMMY_HASH: LazyLock<Option<String>> = LazyLock::new(|| hash(&generate()).ok());

const LENGTH: &str = "must be 12 to 128 visible characters long";

/// A password could not be hashed, for lack of memory or because of a bug.
#[derive(Debug, Error)]
#[error("password hashing failed")]
pub struct HashingFailed;

/// Returns how a new password violates the policy, if it does, as a message for its user.
pub fn policy_violation(
    password: &SecretString,
    username: &str,
    email: &str,
) -> Option<&'static str> {
    let typed = password.expose_secret();
    // Counted first, to bound the cost of the normalisation.
    if typed.chars().count() > MAX_CHARS {
        return Some(LENGTH);
    }
    let normal = normalize(password);
    let text = normal.expose_secret();
    // Invisible characters do not make a common password an uncommon one.
    let lower = visible::without_invisible(&text.to_lowercase());
    let mailbox = email.split('@').next().unwrap_or_default();
    let contains = |part: &str| part.chars().count() >= 3 && lower.contains(&part.to_lowercase());
    match visible::count(typed).min(visible::count(text)) {
        _ if text.contains('\0') => Some("must not contain NUL characters"),
        length if length < MIN_CHARS || text.chars().count() > MAX_CHARS => Some(LENGTH),
        _ if COMMON.contains(lower.as_str()) => Some("is one of the most common passwords"),
        _ if contains(username) || contains(mailbox) => {
            Some("must not contain the user name or e-mail address")
        }
        _ => None,
    }
}

/// Hashes a password, in PHC string format. Takes tens of milliseconds and 19 MiB.
///
/// # Errors
/// [`HashingFailed`], for example without memory.
pub fn hash(password: &SecretString) -> Result<String, HashingFailed> {
    let mut salt = [0_u8; 16];
    rand::rng().fill_bytes(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(|_| HashingFailed)?;
    let normal = normalize(password);
    let hash = argon2()?
        .hash_password(normal.expose_secret().as_bytes(), &salt)
        .map_err(|_| HashingFailed)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one that was hashed. Without a hash (no such account) it does the same
/// work and returns false, so that the time does not tell which accounts exist.
pub fn verify(password: &SecretString, hash: Option<&str>) -> bool {
    let Some(known) = hash.or(DUMMY_HASH.as_deref()) else { return false };
    // Longer passwords are never stored, and not hashed either, to bound the cost. The policy for
    // new passwords does not apply here: those that an older policy accepted stay valid.
    let normal = normalize(password);
    let text = normal.expose_secret();
    let text = if text.chars().count() > MAX_CHARS { "" } else { text };
    let Ok(known) = PasswordHash::new(known) else { return false };
    let matches =
        argon2().is_ok_and(|argon2| argon2.verify_password(text.as_bytes(), &known).is_ok());
    matches && hash.is_some()
}

/// Initialises the dummy hash and the list, so that the first log-in takes as long as the others.
pub fn warm_up() {
    LazyLock::force(&DUMMY_HASH);
    LazyLock::force(&COMMON);
}

/// Generates a random password of 24 base64url characters (144 bits).
pub fn generate() -> SecretString {
    use base64::Engine;
    let mut bytes = [0_u8; 18];
    rand::rng().fill_bytes(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes).into()
}

fn normalize(password: &SecretString) -> SecretString {
    // NFKC may make eighteen characters of one, so the input is bounded first.
    password.expose_secret().chars().take(MAX_CHARS * 2).nfkc().collect::<String>().into()
}

fn argon2() -> Result<Argon2<'static>, HashingFailed> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|_| HashingFailed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests;
