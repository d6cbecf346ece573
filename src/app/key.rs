//! `mdl key`: what can be said of an API key without a database.

use std::io::BufRead;

use secrecy::{ExposeSecret, SecretString};

use super::cli::KeyCommand;
use super::failure::Failure;
use super::say;
use crate::credentials::api_keys::{ApiKey, PATTERN};

pub(super) fn run(command: KeyCommand) -> Result<(), Failure> {
    let KeyCommand::Inspect { key } = command;
    let key = key.map_or_else(from_stdin, Ok)?;
    let Ok(key) = ApiKey::parse(key.expose_secret()) else {
        return Err(Failure::new(format!("no API key: it does not match {PATTERN}, or its checksum is wrong")));
    };
    let format = if key.is_old() { "older, without a checksum" } else { "the checksum is right" };
    say(&format!("well-formed ({format})\nprefix    {}\nkey_hash  {}", key.prefix(), key.hash().hex()))
}

fn from_stdin() -> Result<SecretString, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::new(error.to_string()))?;
    Ok(line.trim().into())
}
