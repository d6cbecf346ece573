//! `mdl admin`: for whoever may touch the database itself.

use std::io::{BufRead, IsTerminal};

use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::app::cli::AdminCommand;
use crate::app::database::{Database, Use};
use crate::app::failure::Failure;
use crate::app::output::say;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::passwords;
use crate::model::audit::Action;
use crate::model::object::Object;
use crate::model::text::{Email, Text100, Username};
use crate::model::users::{Role, UserStatus};
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::password_changes::{self, PasswordChange};
use crate::storage::users::{self, NewUser, User};

pub(in crate::app) async fn run(config: &Config, command: AdminCommand) -> Result<(), Failure> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Use::Command, &logger).await?;
    let done = work(&database, command).await;
    database.stop().await;
    done
}

async fn work(database: &Database, command: AdminCommand) -> Result<(), Failure> {
    database.open().await?;
    match command {
        AdminCommand::Create { username, email, full_name } => {
            let full_name = full_name.unwrap_or_else(|| username.clone());
            let who = (Username::new(&username), Email::new(&email), Text100::new(&full_name));
            create(database, who).await
        }
        AdminCommand::ResetPassword { username } => reset_password(database, &username).await,
    }
}

async fn create(
    database: &Database,
    (username, email, name): (Username, Email, Text100),
) -> Result<(), Failure> {
    let flaw = |field: &str, judged: Result<(), garde::Report>| {
        judged.map_err(|report| {
            Failure::usage(format!(
                "{field} {}",
                report.to_string().trim_start_matches(": ").trim()
            ))
        })
    };
    flaw("the user name", username.validate())?;
    flaw("--email", email.validate())?;
    flaw("--full-name", name.validate())?;
    let hash = new_password(username.as_str(), email.as_str())?;
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
    let made = database.db.transaction(Circuit::Auth, "create_admin", async |conn| {
        let user = users::create(conn, &new, now).await?;
        let details = json!({ "role": user.role });
        audit_events::record(conn, &operator(), Action::UserCreated, target(&user), &details, now)
            .await
    });
    made.await?;
    say(&format!("administrator {} created", username.as_str()))
}

async fn reset_password(database: &Database, name: &str) -> Result<(), Failure> {
    let found = database
        .db
        .run(Circuit::Auth, "find_user", async |conn| users::find_for_login(conn, name).await)
        .await?;
    let (user, _) = found.ok_or_else(|| Failure::new(format!("there is no user {name}")))?;
    let hash = new_password(&user.username, &user.email)?;
    let now = Clock::default().now();
    let change = PasswordChange {
        user: target(&user),
        authority: None,
        old_hash: None,
        new_hash: &hash,
        spared: None,
        keeps_api_keys: false,
    };
    database
        .db
        .transaction(Circuit::Auth, "reset_password", async |conn| {
            password_changes::make(conn, &operator(), change, now).await
        })
        .await?;
    say(&format!(
        "password of {} set; its sessions are ended and its API keys revoked",
        user.username
    ))
}

/// Whoever may touch the database itself; for the audit log.
fn operator() -> Actor {
    Actor::command("mdl admin")
}

fn target(user: &User) -> Target<'_> {
    Target { id: user.user_id, name: &user.username }
}

/// Asks for a password, twice on a terminal, and hashes it.
fn new_password(username: &str, email: &str) -> Result<String, Failure> {
    let password = ask()?;
    if let Some(flaw) = passwords::flaw(&password, username, email) {
        return Err(Failure::usage(format!("the password {flaw}")));
    }
    passwords::hash(&password).map_err(|_| Failure::new("the password could not be hashed"))
}

fn ask() -> Result<SecretString, Failure> {
    let failed = |error: std::io::Error| Failure::new(error.to_string());
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        return Ok(line.trim_end_matches(['\r', '\n']).into());
    }
    let first: SecretString = rpassword::prompt_password("New password: ").map_err(failed)?.into();
    let again: SecretString = rpassword::prompt_password("Once more: ").map_err(failed)?.into();
    if first.expose_secret() == again.expose_secret() {
        Ok(first)
    } else {
        Err(Failure::usage("the two differ"))
    }
}
