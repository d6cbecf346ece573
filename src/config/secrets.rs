//! Reads secrets from the environment (or `.env`): `NAME` holds the value, `NAME_FILE` the path of
//! a file that holds it. They are not command-line options, because other users see those in the
//! process list and the shell keeps them in its history. `app::run` loads them; tests set single
//! values with [`Config::set_secret`].

use std::ffi::{OsStr, OsString};
use std::io::Read;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::config::Config;

/// A variable whose value is a secret.
#[derive(Clone, Copy, Debug)]
pub struct SecretVariable {
    pub name: &'static str,
    /// Text in `mdl --help`.
    pub help: &'static str,
    /// Value if it is not set, as shown in `.env.example`.
    pub default: &'static str,
}

/// All variables that hold a secret.
pub const SECRETS: [SecretVariable; 12] = [
    SecretVariable {
        name: "DATABASE_URL",
        help: "PostgreSQL 14 or newer: postgres://user:password@host:5432/name?\
               sslmode=verify-full&sslrootcert=ca.pem; several hosts separated by commas. Empty: \
               the embedded database",
        default: "",
    },
    SecretVariable {
        name: "DATABASE_READ_URL",
        help: "A standby of DATABASE_URL, for reads of the catalogue. Empty: all are done on the \
               primary",
        default: "",
    },
    SecretVariable {
        name: "JWT_SECRET",
        help: "Signs access tokens; at least 32 bytes. Required with DATABASE_URL; the embedded \
               mode generates one",
        default: "",
    },
    SecretVariable {
        name: "JWT_REFRESH_SECRET",
        help: "Signs refresh tokens; at least 32 bytes, different from JWT_SECRET",
        default: "",
    },
    SecretVariable {
        name: "JWT_SECRET_ALSO_ACCEPTED",
        help: "Access tokens of this secret are accepted, too; set it while JWT_SECRET is replaced",
        default: "",
    },
    SecretVariable {
        name: "JWT_REFRESH_SECRET_ALSO_ACCEPTED",
        help: "The same for refresh tokens, while JWT_REFRESH_SECRET is replaced",
        default: "",
    },
    SecretVariable {
        name: "ADMIN_PASSWORD",
        help: "Password of the first administrator. Required with DATABASE_URL while the database \
               has no administrator; the embedded mode generates one",
        default: "",
    },
    SecretVariable {
        name: "SMTP_URL",
        help: "Mail server: smtp://user:password@host:587?tls=required or smtps://…. Empty: mail \
               is written to DATA_DIR/mail with the embedded database, otherwise disabled",
        default: "",
    },
    SecretVariable {
        name: "ELASTICSEARCH_URL",
        help: "URL of Elasticsearch or OpenSearch; may contain user name and password",
        default: super::shipping::ELASTICSEARCH_URL,
    },
    SecretVariable {
        name: "ELASTICSEARCH_API_KEY",
        help: "Encoded API key of Elasticsearch",
        default: "",
    },
    SecretVariable {
        name: "OTEL_EXPORTER_OTLP_HEADERS",
        help: "Headers for the collector of traces, such as a credential: name=value, separated \
               by commas, with percent-encoded values",
        default: "",
    },
    SecretVariable { name: MDL_TOKEN, help: "API key or access token for --url", default: "" },
];

/// Variable with the credential of `--url`; read by the commands that accept that option.
pub const MDL_TOKEN: &str = "MDL_TOKEN";

/// Largest secret file in bytes: a private key with its chain fits, a log file does not.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A secret that cannot be read. The text never contains its value.
#[derive(Debug, Error)]
pub enum SecretError {
    #[error("{name} and {name}_FILE are both set; set only one of them")]
    SetTwice { name: String },
    #[error("{name} must be UTF-8 text")]
    NotUtf8 { name: String },
    #[error("{name}_FILE: cannot use {path}")]
    File { name: String, path: String, source: SecretFileError },
    #[error("{name} is not a secret of the configuration")]
    Unknown { name: String },
}

/// A file that cannot be used as the value of a secret.
#[derive(Debug, Error)]
pub enum SecretFileError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it is larger than {} bytes", MAX_FILE_BYTES)]
    TooLarge,
    #[error("it is not UTF-8 text")]
    NotUtf8,
    #[error("it is empty")]
    Empty,
}

/// Returns the section of `mdl --help` about secrets.
pub fn help() -> String {
    use std::fmt::Write;
    let mut text = String::from(
        "Secrets (environment or .env only; each also as NAME_FILE, the path of a file that holds \
         the value):\n",
    );
    for SecretVariable { name, help, default } in SECRETS {
        let default =
            if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
        let _ = writeln!(text, "  {name}\n          {help}{default}");
    }
    text.push_str("\nVariables are also read from a file .env in the working directory.");
    text
}

/// Returns the secret that a command-line argument is meant to set (`--jwt-secret`,
/// `--jwt-secret=…`), if any.
pub fn secret_in_argument(argument: &OsStr) -> Option<&'static str> {
    let argument = argument.to_string_lossy();
    let option =
        argument.strip_prefix("--")?.split('=').next()?.to_ascii_uppercase().replace('-', "_");
    // Earlier versions had an option `--token`.
    let option = if option == "TOKEN" { MDL_TOKEN } else { &option };
    SECRETS
        .iter()
        .map(|secret| secret.name)
        .find(|name| *name == option || option == format!("{name}_FILE"))
}

/// Reads one secret. A variable that is set to an empty value counts as not set.
///
/// # Errors
/// See [`SecretError`].
pub fn read(
    name: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<SecretString>, SecretError> {
    let value_of = |name: &str| variable(name).filter(|value| !value.is_empty());
    match (value_of(name), value_of(&format!("{name}_FILE"))) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(SecretError::SetTwice { name: name.into() }),
        (Some(value), None) => match value.into_string() {
            Ok(value) => Ok(Some(value.into())),
            Err(_) => Err(SecretError::NotUtf8 { name: name.into() }),
        },
        (None, Some(path)) => match read_file(&path) {
            Ok(secret) => Ok(Some(secret)),
            Err(source) => Err(SecretError::File {
                name: name.into(),
                path: path.to_string_lossy().into_owned(),
                source,
            }),
        },
    }
}

/// Reads a file, without the line break at its end.
fn read_file(path: &OsStr) -> Result<SecretString, SecretFileError> {
    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(SecretFileError::TooLarge);
    }
    let text: SecretString = String::from_utf8(bytes).map_err(|_| SecretFileError::NotUtf8)?.into();
    let line = text.expose_secret();
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() { Err(SecretFileError::Empty) } else { Ok(line.into()) }
}

impl Config {
    /// Reads all secrets but [`MDL_TOKEN`].
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn load_secrets(
        &mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), SecretError> {
        for (name, field) in self.secrets() {
            *field = read(name, &variable)?;
        }
        Ok(())
    }

    /// Sets one secret without the environment.
    ///
    /// # Errors
    /// When the configuration has no secret of this name.
    pub fn set_secret(&mut self, name: &str, value: SecretString) -> Result<(), SecretError> {
        let found = self.secrets().into_iter().find(|(known, _)| *known == name);
        let (_, field) = found.ok_or_else(|| SecretError::Unknown { name: name.into() })?;
        *field = Some(value);
        Ok(())
    }

    fn secrets(&mut self) -> [(&'static str, &mut Option<SecretString>); 11] {
        [
            ("DATABASE_URL", &mut self.database.database_url),
            ("DATABASE_READ_URL", &mut self.database.database_read_url),
            ("JWT_SECRET", &mut self.auth.jwt_secret),
            ("JWT_REFRESH_SECRET", &mut self.auth.jwt_refresh_secret),
            ("JWT_SECRET_ALSO_ACCEPTED", &mut self.auth.jwt_secret_also_accepted),
            ("JWT_REFRESH_SECRET_ALSO_ACCEPTED", &mut self.auth.jwt_refresh_secret_also_accepted),
            ("ADMIN_PASSWORD", &mut self.auth.admin_password),
            ("SMTP_URL", &mut self.mail.smtp_url),
            ("ELASTICSEARCH_URL", &mut self.shipping.elasticsearch_url),
            ("ELASTICSEARCH_API_KEY", &mut self.shipping.elasticsearch_api_key),
            ("OTEL_EXPORTER_OTLP_HEADERS", &mut self.traces.otel_exporter_otlp_headers),
        ]
    }
}

#[cfg(test)]
mod tests;
