//! `mdl key`: checks an API key without a database.

use std::io::{BufRead, IsTerminal};

use secrecy::{ExposeSecret, SecretString};

use crate::app::cli::KeyCommand;
use crate::app::command_error::CommandError;
use crate::app::output::print_line;
use crate::credentials::api_keys::{ApiKey, PATTERN};

/// Runs a subcommand of `mdl key`.
pub(in crate::app) fn run(command: KeyCommand) -> Result<(), CommandError> {
    let KeyCommand::Inspect { key } = command;
    if key.is_some() {
        return Err(CommandError::usage(
            "an API key is a secret and is not accepted as an argument; run `mdl key inspect` and \
             enter it, or `mdl key inspect < FILE`",
        ));
    }
    let key = read_key()?;
    let Ok(key) = ApiKey::parse(key.expose_secret()) else {
        return Err(CommandError::failed(format!(
            "not an API key: it does not match {PATTERN}, or its checksum is wrong"
        )));
    };
    let format = if key.is_legacy() { "older, without a checksum" } else { "checksum is right" };
    print_line(&format!(
        "well-formed ({format})\nprefix    {}\nkey_hash  {}",
        key.prefix(),
        key.hash().hex()
    ))
}

/// Prompts on a terminal, without echo; otherwise reads a line from stdin.
fn read_key() -> Result<SecretString, CommandError> {
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password("API key: ")
            .map_err(CommandError::failed)?
            .trim()
            .into());
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(CommandError::failed)?;
    Ok(line.trim().into())
}
