//! `mdl key`: what can be said of an API key without a database.

use std::io::{BufRead, IsTerminal};

use secrecy::{ExposeSecret, SecretString};

use crate::app::cli::KeyCommand;
use crate::app::failure::Failure;
use crate::app::output::say;
use crate::credentials::api_keys::{ApiKey, PATTERN};

pub(in crate::app) fn run(command: KeyCommand) -> Result<(), Failure> {
    let KeyCommand::Inspect { key } = command;
    if key.is_some() {
        return Err(Failure::usage(
            "an API key is a secret and no argument; run `mdl key inspect` and enter it, or `mdl key inspect < FILE`",
        ));
    }
    let key = ask()?;
    let Ok(key) = ApiKey::parse(key.expose_secret()) else {
        return Err(Failure::new(format!(
            "no API key: it does not match {PATTERN}, or its checksum is wrong"
        )));
    };
    let format = if key.is_old() { "older, without a checksum" } else { "the checksum is right" };
    say(&format!(
        "well-formed ({format})\nprefix    {}\nkey_hash  {}",
        key.prefix(),
        key.hash().hex()
    ))
}

/// Prompts on a terminal, without echo; else reads a line from stdin.
fn ask() -> Result<SecretString, Failure> {
    let failed = |error: std::io::Error| Failure::new(error.to_string());
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password("API key: ").map_err(failed)?.trim().into());
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().into())
}
