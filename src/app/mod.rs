//! The composition root, the only module that may import every other one: the command line, one
//! file per command in [`commands`], and the long-running service in [`service`].

pub mod cli;
mod command_error;
pub mod commands;
mod database;
mod environment;
mod output;
mod replica;
pub mod service;

use std::process::ExitCode;

use self::cli::{Cli, Command};
use self::command_error::CommandError;
use self::commands::{
    admin, backup, circuits, diff, example, export, healthcheck, import, key, log, migrate,
    move_data, show,
};
use self::output::{print_line, print_warning};
use crate::config::secrets;

/// Parses the command line of this process and runs the command.
pub fn main() -> ExitCode {
    let unknown_variables = match environment::load_env_file() {
        Ok(unknown) => unknown,
        Err(error) => return error.report(),
    };
    if let Some(name) =
        std::env::args_os().skip(1).find_map(|argument| secrets::secret_in_argument(&argument))
    {
        return CommandError::usage(format!(
            "{name} is not accepted on the command line, which other users and the shell history \
             can see; set {name} or {name}_FILE in the environment"
        ))
        .report();
    }
    let mut cli = environment::parse_command_line();
    cli.config.unknown_variables = unknown_variables;
    let outcome = actix_web::rt::System::new().block_on(async {
        let outcome = run(cli).await;
        // An actor that was never polled panics when it is dropped.
        tokio::task::yield_now().await;
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

async fn run(cli: Cli) -> Result<(), CommandError> {
    let (mut config, mut command) =
        (cli.config, cli.command.unwrap_or(Command::Serve { sample: false }));
    let variable = |name: &str| std::env::var_os(name);
    match &mut command {
        Command::Key { .. }
        | Command::Openapi
        | Command::Example { .. }
        | Command::Healthcheck { .. }
        | Command::Circuits(_) => {}
        Command::Import { remote, .. } | Command::Export { remote, .. } if remote.url.is_some() => {
            remote.token =
                secrets::read(secrets::MDL_TOKEN, variable).map_err(CommandError::usage)?;
        }
        _ => {
            config.load_secrets(variable).map_err(CommandError::usage)?;
            config.database.check().map_err(CommandError::usage)?;
        }
    }
    // The service logs them.
    if !matches!(command, Command::Serve { .. }) {
        config.unknown_variables.iter().for_each(|unknown| print_warning(&unknown.to_string()));
    }
    match command {
        Command::Serve { sample } => service::run(&config, sample).await,
        Command::Migrate { revert, status } => migrate::run(&config, revert, status).await,
        Command::Import { file, dry_run, remote } => {
            import::run(&config, &file, dry_run, &remote).await
        }
        Command::Export { output, versions: true, .. } => {
            export::run_versions(&config, output.as_deref()).await
        }
        Command::Export { format, output, remote, .. } => {
            export::run(&config, format, output.as_deref(), &remote).await
        }
        Command::Backup { file } => backup::back_up(&config, &file).await,
        Command::Restore { file } => backup::restore(&config, &file),
        Command::Move { to, secrets } => move_data::run(&config, to, secrets).await,
        Command::Log(arguments) => log::run(&config, arguments).await,
        Command::Show(arguments) => show::run(&config, arguments).await,
        Command::Diff(arguments) => diff::run(&config, arguments).await,
        Command::Circuits(arguments) => circuits::run(&config, arguments).await,
        Command::Example { item, format, full } => example::run(item, format, full),
        Command::Admin { command } => admin::run(&config, command).await,
        Command::Key { command } => key::run(command),
        Command::Openapi => openapi(),
        Command::Healthcheck { ready } => healthcheck::run(&config, ready).await,
    }
}

fn openapi() -> Result<(), CommandError> {
    print_line(&crate::http::server::document().to_pretty_json().map_err(CommandError::failed)?)
}
