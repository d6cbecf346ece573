//! What the environment adds to the command line: the variables of `.env`, which are also checked
//! for misspelt names, and variables that are set to an empty value.

use clap::builder::Resettable;
use clap::{Arg, Command, CommandFactory, FromArgMatches};

use super::cli::Cli;
use super::command_error::CommandError;
use crate::config::secrets::SECRETS;
use crate::config::unknown_variables::{self, UnknownVariable};

/// Reads `.env` of the working directory or one above it. Returns its names that are probably
/// mistakes.
pub(super) fn load_env_file() -> Result<Vec<UnknownVariable>, CommandError> {
    // The message never repeats the line, because it may hold a secret.
    let unreadable = || CommandError::usage(".env cannot be read: each line must be NAME=value");
    let path = match dotenvy::dotenv() {
        Ok(path) => path,
        Err(error) if error.not_found() => return Ok(Vec::new()),
        Err(_) => return Err(unreadable()),
    };
    let lines = dotenvy::from_path_iter(path).map_err(|_| unreadable())?;
    let names = lines.filter_map(|line| line.ok().map(|(name, _)| name));
    Ok(unknown_variables::find(names, &variables(&Cli::command())))
}

/// Parses the command line of this process, with the variables as its defaults.
pub(super) fn parse_command_line() -> Cli {
    let command = Cli::command().mut_args(without_empty_variable);
    let parsed = Cli::from_arg_matches(&command.clone().get_matches());
    parsed.unwrap_or_else(|error| error.format(&mut command.clone()).exit())
}

/// Ignores the variable of an option if it is set to an empty value (`PORT=`) that the option
/// cannot have, as a number cannot: it counts as not set.
fn without_empty_variable(option: Arg) -> Arg {
    let is_empty = option.get_env().and_then(std::env::var_os).is_some_and(|text| text.is_empty());
    if !is_empty {
        return option;
    }
    let alone = Command::new("mdl").no_binary_name(true).arg(option.clone());
    let is_accepted = alone.try_get_matches_from(std::iter::empty::<String>()).is_ok();
    if is_accepted { option } else { option.env(Resettable::Reset) }
}

/// Returns the names of all variables of MDL.
fn variables(command: &Command) -> Vec<String> {
    let options = command.get_arguments().filter_map(|option| option.get_env()?.to_str());
    let secrets =
        SECRETS.iter().flat_map(|secret| [secret.name.to_owned(), format!("{}_FILE", secret.name)]);
    options.map(str::to_owned).chain(secrets).collect()
}
