//! The signing secrets of the embedded mode: created once and stored in its folder, so that tokens
//! remain valid after a restart.

use std::fs;
use std::path::Path;

use base64::Engine;
use rand::RngCore;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::error::EmbeddedError;

/// Name of the file in the data folder.
pub(super) const FILE: &str = "secrets.json";

/// The secrets that sign access and refresh tokens.
#[derive(Clone, Debug)]
pub struct EmbeddedSecrets {
    pub access: SecretString,
    pub refresh: SecretString,
}

#[derive(Serialize, Deserialize)]
struct SecretsFile {
    jwt_secret: String,
    jwt_refresh_secret: String,
}

impl EmbeddedSecrets {
    /// Loads the secrets of a folder, or creates them if it has none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or other users can access it.
    pub fn load_or_create(folder: &Path) -> Result<Self, EmbeddedError> {
        let path = folder.join(FILE);
        super::ensure_private_folder(folder)?;
        let secrets: SecretsFile = if path.exists() {
            super::ensure_private(&path, "600")?;
            let text = fs::read_to_string(&path).map_err(EmbeddedError::at(&path))?;
            serde_json::from_str(&text).map_err(|_| EmbeddedError::InvalidSecrets { path })?
        } else {
            let new = SecretsFile { jwt_secret: random(), jwt_refresh_secret: random() };
            // Written beside it and renamed: a crash leaves no partial file.
            let temporary = folder.join(format!("{FILE}.new"));
            let content = serde_json::to_vec(&new)
                .map_err(|_| EmbeddedError::InvalidSecrets { path: path.clone() })?;
            super::write_private_file(&temporary, &content).map_err(EmbeddedError::at(&path))?;
            fs::rename(&temporary, &path).map_err(EmbeddedError::at(&path))?;
            new
        };
        Ok(Self { access: secrets.jwt_secret.into(), refresh: secrets.jwt_refresh_secret.into() })
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
    fn secrets_are_stable_and_their_file_is_private() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("data");
        let first = EmbeddedSecrets::load_or_create(&folder).expect("secrets");
        let second = EmbeddedSecrets::load_or_create(&folder).expect("secrets");
        assert_eq!(first.access.expose_secret(), second.access.expose_secret());
        assert_ne!(first.access.expose_secret(), first.refresh.expose_secret());
        let mode = fs::metadata(folder.join(FILE)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(folder.join(FILE), fs::Permissions::from_mode(0o640)).expect("changed");
        let error = EmbeddedSecrets::load_or_create(&folder).expect_err("refused");
        assert!(error.to_string().contains("`chmod 600 "), "{error}");
    }
}
