//! Passwords: which are taken, how they are kept, how they are checked.
//!
//! Length and a list of common ones decide, not composition rules (NIST SP 800-63B, 5.1.1.2).
//! Length is counted in visible characters, before and after NFKC: one code point may become
//! eighteen, and twelve zero-width spaces are no password. Kept as argon2id with 19 MiB, two
//! passes, one lane (OWASP Password Storage Cheat Sheet), after NFKC, so that a password typed on
//! another keyboard is the same password.

use std::collections::HashSet;
use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::visible;

/// The shortest password, in visible characters, before and after NFKC.
pub const MIN_CHARS: usize = 12;
/// The longest password, in code points, before and after NFKC.
pub const MAX_CHARS: usize = 128;

/// Those of the twenty thousand commonest passwords (Django's list) that are long enough to be
/// tried here.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// A hash that no password has; checking against it costs what checking a real one costs.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash(&random()).ok());

const LENGTH: &str = "must be 12 to 128 visible characters long";

/// Why a password could not be hashed; a fault of ours.
#[derive(Debug)]
pub struct HashingFailed;

/// What is wrong with a new password, if anything.
pub fn flaw(password: &SecretString, username: &str, email: &str) -> Option<&'static str> {
    let typed = password.expose_secret();
    // Counted first: a text of any length is not worth normalising.
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
/// When the parameters or the memory are not to be had.
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

/// Whether `password` is the one that was hashed. Without a hash (nobody of that name) the same
/// work is done in vain.
pub fn verify(password: &SecretString, hash: Option<&str>) -> bool {
    let Some(known) = hash.or(NOBODY.as_deref()) else { return false };
    // Longer ones are never stored; they are not hashed either, so that length is no weapon. Only
    // this bound holds here, not the rules for new passwords: what was accepted under older rules
    // goes on working.
    let normal = normalize(password);
    let text = normal.expose_secret();
    let text = if text.chars().count() > MAX_CHARS { "" } else { text };
    let Ok(known) = PasswordHash::new(known) else { return false };
    let matches =
        argon2().is_ok_and(|argon2| argon2.verify_password(text.as_bytes(), &known).is_ok());
    matches && hash.is_some()
}

/// Does the work of the first use ahead of it, so that the first log-in takes no longer than the
/// others.
pub fn warm_up() {
    LazyLock::force(&NOBODY);
    LazyLock::force(&COMMON);
}

/// A password for the first administrator: 24 characters of base64url, 144 bits.
pub fn random() -> SecretString {
    use base64::Engine;
    let mut bytes = [0_u8; 18];
    rand::rng().fill_bytes(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes).into()
}

fn normalize(password: &SecretString) -> SecretString {
    // A bound before the work: NFKC may make eighteen characters of one.
    password.expose_secret().chars().take(MAX_CHARS * 2).nfkc().collect::<String>().into()
}

fn argon2() -> Result<Argon2<'static>, HashingFailed> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|_| HashingFailed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests;
