//! Secrets come from the environment (or `.env`) only: `NAME` holds the value, `NAME_FILE` the path
//! of a file that holds it.
//!
//! They are no options of the command line, because other users of the machine see those in its
//! list of processes, and the shell keeps them in its history. `app::main` calls the loader; tests
//! set single values with [`Config::set_secret`].

use std::ffi::{OsStr, OsString};
use std::io::Read;

use secrecy::{ExposeSecret, SecretString};

use super::Config;

/// A variable whose value is a secret.
#[derive(Clone, Copy, Debug)]
pub struct SecretVariable {
    /// Its name; with `_FILE` behind it the variable that names a file.
    pub name: &'static str,
    /// What `mdl --help` says about it.
    pub help: &'static str,
    /// What holds when it is not set, as shown in `.env.example`.
    pub default: &'static str,
}

/// All of them.
pub const SECRETS: [SecretVariable; 8] = [
    SecretVariable {
        name: "DATABASE_URL",
        help: "PostgreSQL 14 or newer: postgres://user:password@host:5432/name?sslmode=verify-full&sslrootcert=ca.pem; several \
               hosts by comma. Empty: the embedded database",
        default: "",
    },
    SecretVariable {
        name: "JWT_SECRET",
        help: "Signs access tokens; at least 32 bytes. Required with DATABASE_URL; the embedded mode makes its own",
        default: "",
    },
    SecretVariable {
        name: "JWT_REFRESH_SECRET",
        help: "Signs refresh tokens; at least 32 bytes, different from JWT_SECRET",
        default: "",
    },
    SecretVariable {
        name: "ADMIN_PASSWORD",
        help: "Password of the first administrator. Required with DATABASE_URL while the database has no administrator; the embedded \
               mode makes one",
        default: "",
    },
    SecretVariable {
        name: "SMTP_URL",
        help: "Mail server: smtp://user:password@host:587?tls=required or smtps://…. Empty: with the embedded database mail goes \
               into DATA_DIR/mail, else nowhere",
        default: "",
    },
    SecretVariable {
        name: "ELASTICSEARCH_URL",
        help: "Address of Elasticsearch or OpenSearch; may hold user name and password",
        default: super::shipping::ELASTICSEARCH_URL,
    },
    SecretVariable {
        name: "ELASTICSEARCH_API_KEY",
        help: "API key of Elasticsearch, as it gives it out (encoded)",
        default: "",
    },
    SecretVariable { name: MDL_TOKEN, help: "API key or access token for --url", default: "" },
];

/// The credential of `--url`; read by the commands that take it.
pub const MDL_TOKEN: &str = "MDL_TOKEN";

/// The largest file, in bytes: a private key with its chain would fit, a log file would not.
const MAX_BYTES: u64 = 64 * 1024;

/// The part of `mdl --help` about secrets.
pub fn help() -> String {
    use std::fmt::Write;
    let mut text = String::from(
        "Secrets (environment or .env only; each also as NAME_FILE, the path of a file that holds the value):\n",
    );
    for SecretVariable { name, help, default } in SECRETS {
        let default =
            if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
        let _ = writeln!(text, "  {name}\n          {help}{default}");
    }
    text.push_str("\nVariables are also read from a file .env in the working directory.");
    text
}

/// The secret that an argument of the command line would set, if it is meant to set one
/// (`--jwt-secret`, `--jwt-secret=…`).
pub fn named_by(argument: &OsStr) -> Option<&'static str> {
    let argument = argument.to_string_lossy();
    let option =
        argument.strip_prefix("--")?.split('=').next()?.to_ascii_uppercase().replace('-', "_");
    // What `--token` set before.
    let option = if option == "TOKEN" { MDL_TOKEN } else { &option };
    SECRETS
        .iter()
        .map(|secret| secret.name)
        .find(|name| *name == option || option == format!("{name}_FILE"))
}

/// Reads one secret. A variable that is set to nothing is not set.
///
/// # Errors
/// A line that names the variable and shows no value: `NAME` and `NAME_FILE` are both set, the
/// value is not UTF-8, or the file cannot be read, is empty or is larger than 64 KiB.
pub fn read(
    name: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<SecretString>, String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let file = format!("{name}_FILE");
    match (set(name), set(&file)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("{name} and {file} are both set; set only one of them")),
        (Some(value), None) => match value.into_string() {
            Ok(value) => Ok(Some(value.into())),
            Err(_) => Err(format!("{name} must be UTF-8 text")),
        },
        (None, Some(path)) => {
            from_file(&path).map(Some).map_err(|error| format!("{file}: {error}"))
        }
    }
}

/// The content of a file, without the line break at its end.
fn from_file(path: &OsStr) -> Result<SecretString, String> {
    let shown = path.to_string_lossy();
    let failed = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{shown} is larger than {MAX_BYTES} bytes"));
    }
    let text: SecretString =
        String::from_utf8(bytes).map_err(|_| format!("{shown} is not UTF-8 text"))?.into();
    let line = text.expose_secret();
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() { Err(format!("{shown} is empty")) } else { Ok(line.into()) }
}

impl Config {
    /// Reads the secrets, but for [`MDL_TOKEN`].
    ///
    /// # Errors
    /// A line that names the variable; see [`read`].
    pub fn load_secrets(
        &mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), String> {
        for (name, field) in self.secrets() {
            *field = read(name, &variable)?;
        }
        Ok(())
    }

    /// Sets one secret, for whoever starts a service without an environment.
    ///
    /// # Errors
    /// A line when there is no secret of this name.
    pub fn set_secret(&mut self, name: &str, value: SecretString) -> Result<(), String> {
        let found = self.secrets().into_iter().find(|(known, _)| *known == name);
        let (_, field) =
            found.ok_or_else(|| format!("{name} is no secret of the configuration"))?;
        *field = Some(value);
        Ok(())
    }

    fn secrets(&mut self) -> [(&'static str, &mut Option<SecretString>); 7] {
        [
            ("DATABASE_URL", &mut self.database.database_url),
            ("JWT_SECRET", &mut self.auth.jwt_secret),
            ("JWT_REFRESH_SECRET", &mut self.auth.jwt_refresh_secret),
            ("ADMIN_PASSWORD", &mut self.auth.admin_password),
            ("SMTP_URL", &mut self.mail.smtp_url),
            ("ELASTICSEARCH_URL", &mut self.shipping.elasticsearch_url),
            ("ELASTICSEARCH_API_KEY", &mut self.shipping.elasticsearch_api_key),
        ]
    }
}

#[cfg(test)]
mod tests;
