//! The secrets of the embedded mode: made once, kept in its folder, so that tokens outlive a
//! restart.

use std::fs;
use std::path::Path;

use base64::Engine;
use rand::RngCore;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

const FILE: &str = "secrets.json";

/// What signs tokens.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Signs access tokens.
    pub access: SecretString,
    /// Signs refresh tokens.
    pub refresh: SecretString,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    jwt_secret: String,
    jwt_refresh_secret: String,
}

impl Secrets {
    /// Those of this folder; new ones if it has none yet.
    ///
    /// # Errors
    /// A line that names the variable, when the file cannot be read or written.
    pub fn of(folder: &Path) -> Result<Self, String> {
        let path = folder.join(FILE);
        let failed =
            |error: &dyn std::fmt::Display| format!("DATA_DIR: {}: {error}", path.display());
        super::private_folder(folder)?;
        let stored: Stored = if path.exists() {
            super::ensure_private(&path, "600")?;
            let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
            serde_json::from_str(&text)
                .map_err(|_| failed(&"is not what MDL wrote; remove it to have it made anew"))?
        } else {
            let new = Stored { jwt_secret: random(), jwt_refresh_secret: random() };
            // Beside it and then in its place: a crash leaves no half of a file.
            let fresh = folder.join(format!("{FILE}.new"));
            let content = serde_json::to_vec(&new).map_err(|error| failed(&error))?;
            super::write_private_file(&fresh, &content).map_err(|error| failed(&error))?;
            fs::rename(&fresh, &path).map_err(|error| failed(&error))?;
            new
        };
        Ok(Self { access: stored.jwt_secret.into(), refresh: stored.jwt_refresh_secret.into() })
    }
}

fn random() -> String {
    let mut bytes = [0_u8; 48];
    rand::rng().fill_bytes(&mut bytes);
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn they_stay_the_same_and_private() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("data");
        let first = Secrets::of(&folder).expect("secrets");
        let second = Secrets::of(&folder).expect("secrets");
        assert_eq!(first.access.expose_secret(), second.access.expose_secret());
        assert_ne!(first.access.expose_secret(), first.refresh.expose_secret());
        let mode = fs::metadata(folder.join(FILE)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(folder.join(FILE), fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(Secrets::of(&folder).expect_err("refused").contains("`chmod 600 "));
    }
}
