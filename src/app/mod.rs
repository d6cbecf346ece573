//! The composition root: the only room that knows everybody. One file a command, and what they
//! share.

pub mod cli;
pub mod commands;
mod database;
mod failure;
mod output;
pub mod service;

use std::process::ExitCode;

use clap::Parser;

use self::cli::{Cli, Command};
use self::commands::{admin, export, healthcheck, import, key, migrate};
use self::failure::Failure;
use self::output::say;
use crate::config::secrets;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match dotenvy::dotenv() {
        Ok(_) => {}
        Err(error) if error.not_found() => {}
        // Never the line itself: there may be a secret in it.
        Err(_) => {
            return Failure::usage(".env cannot be read: each line must be NAME=value").tell();
        }
    }
    if let Some(name) =
        std::env::args_os().skip(1).find_map(|argument| secrets::named_by(&argument))
    {
        return Failure::usage(format!(
            "{name} is not taken from the command line, which other users and the shell's history see; \
             set {name} or {name}_FILE in the environment"
        ))
        .tell();
    }
    let cli = Cli::parse();
    let done = actix_web::rt::System::new().block_on(async {
        let done = run(cli).await;
        // An actor that never had its first turn panics when it is dropped: let it have one.
        tokio::task::yield_now().await;
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let (mut config, mut command) =
        (cli.config, cli.command.unwrap_or(Command::Serve { sample: false }));
    let environment = |name: &str| std::env::var_os(name);
    match &mut command {
        Command::Key { .. } | Command::Openapi | Command::Healthcheck { .. } => {}
        Command::Import { remote, .. } | Command::Export { remote, .. } if remote.url.is_some() => {
            remote.token =
                secrets::read(secrets::MDL_TOKEN, environment).map_err(Failure::usage)?;
        }
        _ => {
            config.load_secrets(environment).map_err(Failure::usage)?;
            config.database.check().map_err(Failure::usage)?;
        }
    }
    match command {
        Command::Serve { sample } => service::run(&config, sample).await,
        Command::Migrate { revert, status } => migrate::run(&config, revert, status).await,
        Command::Import { file, dry_run, remote } => {
            import::run(&config, &file, dry_run, &remote).await
        }
        Command::Export { format, output, remote } => {
            export::run(&config, format, output.as_deref(), &remote).await
        }
        Command::Admin { command } => admin::run(&config, command).await,
        Command::Key { command } => key::run(command),
        Command::Openapi => openapi(),
        Command::Healthcheck { ready } => healthcheck::run(&config, ready).await,
    }
}

fn openapi() -> Result<(), Failure> {
    say(&crate::http::server::document()
        .to_pretty_json()
        .map_err(|error| Failure::new(error.to_string()))?)
}
