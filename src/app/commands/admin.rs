//! `mdl admin`: creates administrators and resets passwords directly in the database. It needs no
//! caller's role: access to the database is the permission.

use std::io::{BufRead, IsTerminal};

use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::app::cli::AdminCommand;
use crate::app::command_error::CommandError;
use crate::app::database::{Database, Purpose};
use crate::app::output::print_line;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::passwords;
use crate::model::audit::Action;
use crate::model::object::Object;
use crate::model::text::{Email, Text100, Username};
use crate::model::users::{Role, UserStatus};
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::password_changes::{self, PasswordUpdate};
use crate::storage::users::{self, NewUser, User};

/// Runs a subcommand of `mdl admin`.
pub(in crate::app) async fn run(
    config: &Config,
    command: AdminCommand,
) -> Result<(), CommandError> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Purpose::Command, &logger).await?;
    let outcome = run_on(&database, command).await;
    database.stop().await;
    outcome
}

async fn run_on(database: &Database, command: AdminCommand) -> Result<(), CommandError> {
    database.open().await?;
    match command {
        AdminCommand::Create { username, email, full_name } => {
            let full_name = full_name.unwrap_or_else(|| username.clone());
            let names = (Username::new(&username), Email::new(&email), Text100::new(&full_name));
            create(database, names).await
        }
        AdminCommand::ResetPassword { username } => reset_password(database, &username).await,
    }
}

async fn create(
    database: &Database,
    (username, email, name): (Username, Email, Text100),
) -> Result<(), CommandError> {
    require_valid("the user name", &username)?;
    require_valid("--email", &email)?;
    require_valid("--full-name", &name)?;
    let hash = read_password_hash(username.as_str(), email.as_str())?;
    let new = NewUser {
        user_id: Uuid::now_v7(),
        username: username.as_str(),
        email: email.as_str(),
        full_name: name.as_str(),
        password_hash: &hash,
        role: Role::Admin,
        status: UserStatus::Active,
        metadata: &Object::default(),
    };
    let now = Clock::default().now();
    let created = database.db.transaction(Circuit::Auth, "users.create_admin", async |conn| {
        let user = users::create(conn, &new, now).await?;
        let details = json!({ "role": user.role });
        audit_events::record(conn, &operator(), Action::UserCreated, target(&user), &details, now)
            .await
    });
    created.await?;
    print_line(&format!("administrator {} created", username.as_str()))
}

fn require_valid(field: &str, text: &impl Validate<Context = ()>) -> Result<(), CommandError> {
    text.validate().map_err(|report| {
        let message = report.to_string();
        CommandError::usage(format!("{field} {}", message.trim_start_matches(": ").trim()))
    })
}

async fn reset_password(database: &Database, name: &str) -> Result<(), CommandError> {
    let found = database
        .db
        .run(Circuit::Auth, "users.find", async |conn| users::find_for_login(conn, name).await)
        .await?;
    let (user, _) =
        found.ok_or_else(|| CommandError::failed(format!("user {name:?} not found")))?;
    let hash = read_password_hash(&user.username, &user.email)?;
    let now = Clock::default().now();
    let change = PasswordUpdate {
        user: target(&user),
        authority: None,
        old_hash: None,
        new_hash: &hash,
        kept_session: None,
        keep_api_keys: false,
    };
    database
        .db
        .transaction(Circuit::Auth, "users.reset_password", async |conn| {
            password_changes::apply(conn, &operator(), change, now).await
        })
        .await?;
    print_line(&format!(
        "password of {} set; its sessions were ended and its API keys revoked",
        user.username
    ))
}

/// The actor of these commands in the audit log.
fn operator() -> Actor {
    Actor::command("mdl admin")
}

fn target(user: &User) -> Target<'_> {
    Target { id: user.user_id, name: &user.username }
}

/// Reads a new password, checks it against the password policy and hashes it.
fn read_password_hash(username: &str, email: &str) -> Result<String, CommandError> {
    let password = read_password()?;
    if let Some(flaw) = passwords::policy_violation(&password, username, email) {
        return Err(CommandError::usage(format!("the password {flaw}")));
    }
    passwords::hash(&password).map_err(|_| CommandError::failed("failed to hash the password"))
}

/// Prompts twice on a terminal, without echo; otherwise reads a line from stdin.
fn read_password() -> Result<SecretString, CommandError> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(CommandError::failed)?;
        return Ok(line.trim_end_matches(['\r', '\n']).into());
    }
    let first: SecretString =
        rpassword::prompt_password("New password: ").map_err(CommandError::failed)?.into();
    let repeated: SecretString =
        rpassword::prompt_password("Repeat password: ").map_err(CommandError::failed)?.into();
    if first.expose_secret() == repeated.expose_secret() {
        Ok(first)
    } else {
        Err(CommandError::usage("the two passwords differ"))
    }
}
