//! Support for integration tests: a service of its own for each test, on a database of its own.

mod answer;
pub mod database;
pub mod events;
pub mod faulty_network;
pub mod frozen;
pub mod held;
pub mod logs;
pub mod mail;
pub mod notifications;
pub mod options;
pub mod proxy;
pub mod raw;
pub mod samples;
mod waits;

use std::time::Duration;

use chrono::TimeDelta;
use mdl::app::service::Service;
use mdl::clock::Clock;
use mdl::telemetry::sinks::Sinks;
use reqwest::Method;
use serde_json::{Value, json};
use slog::{Drain, Duplicate, Logger};

pub use self::answer::Answer;
use self::logs::Captured;

pub const ADMIN_PASSWORD: &str = "an horse of correct battery";
const SECRET: &str = "only-for-tests-0123456789abcdef-access";
const REFRESH_SECRET: &str = "only-for-tests-0123456789abcdef-refresh";

/// A running service and a client to it.
pub struct Server {
    pub base: String,
    pub clock: Clock,
    pub logs: Captured,
    pub database_url: String,
    pub metrics: Option<String>,
    http: reqwest::Client,
    service: Option<Service>,
}

impl Server {
    /// Starts on a new database; ready when this returns.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts with additional options.
    pub async fn with(options: &[&str]) -> Self {
        let url = database::fresh().await;
        let server = Self::on(&url, options).await;
        server.ready().await;
        server
    }

    /// Starts on the embedded database in `folder`.
    pub async fn embedded(folder: &std::path::Path) -> Self {
        Self::embedded_with(folder, &[]).await
    }

    /// Starts with additional options.
    pub async fn embedded_with(folder: &std::path::Path, options: &[&str]) -> Self {
        // Data folders that other users can read are refused.
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        let fixed = ["--database-url", "", "--data-dir", folder.to_str().unwrap()];
        let server = Self::launch(String::new(), &[&fixed[..], options].concat()).await;
        server.ready().await;
        server
    }

    /// Starts on a database that may be unavailable; does not wait.
    pub async fn on(url: &str, options: &[&str]) -> Self {
        let service_url = database::service_url(url);
        let secrets = [
            "--database-url",
            &service_url,
            "--jwt-secret",
            SECRET,
            "--jwt-refresh-secret",
            REFRESH_SECRET,
        ];
        let pool = ["--db-pool-min", "0"];
        Self::launch(url.to_owned(), &[&secrets[..], &pool[..], options].concat()).await
    }

    async fn launch(database_url: String, options: &[&str]) -> Self {
        Self::logging(database_url, options, None).await
    }

    /// Starts on a new database with a second logger and its sinks.
    pub async fn shipping(logger: Logger, sinks: Sinks, options: &[&str]) -> Self {
        let url = database::fresh().await;
        let secrets = [
            "--database-url",
            &url,
            "--jwt-secret",
            SECRET,
            "--jwt-refresh-secret",
            REFRESH_SECRET,
        ];
        let options = [&secrets[..], options].concat();
        let server = Self::logging(url.clone(), &options, Some((logger, sinks))).await;
        server.ready().await;
        server
    }

    async fn logging(
        database_url: String,
        options: &[&str],
        beside: Option<(Logger, Sinks)>,
    ) -> Self {
        let fixed = ["mdl", "--port", "0", "--workers", "2", "--metrics-port", "0"];
        // Most tests send more requests than the limits allow.
        let unlimited = ["--rate-limit-enabled", "false"];
        let unlimited = if options.contains(&unlimited[0]) { &[][..] } else { &unlimited[..] };
        let password = ["--admin-password", ADMIN_PASSWORD];
        let password = if options.contains(&password[0]) { &[][..] } else { &password[..] };
        let config = options::parse(fixed.iter().chain(password).chain(unlimited).chain(options));
        let (clock, logs) = (Clock::default(), Captured::default());
        let logging = match beside {
            None => (logs.logger(), Sinks::default()),
            Some((logger, sinks)) => (
                Logger::root(Duplicate::new(logs.logger(), logger).ignore_res(), slog::o!()),
                sinks,
            ),
        };
        let service =
            Service::start(&config, clock.clone(), false, logging).await.expect("a service");
        Self {
            base: format!("http://{}", service.address),
            clock,
            logs,
            database_url,
            metrics: service.metrics_address.map(|address| format!("http://{address}/metrics")),
            http: reqwest::Client::builder()
                .no_proxy()
                .pool_idle_timeout(Duration::from_secs(2))
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            service: Some(service),
        }
    }

    pub fn state(&self) -> actix_web::web::Data<mdl::http::AppState> {
        self.service.as_ref().unwrap().state.clone()
    }

    pub async fn stop(mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Sends a request; an empty token sends no Authorization header.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, Vec<u8>)>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((media_type, bytes)) = body {
            request = request.header("content-type", media_type).body(bytes);
        }
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, token, &[], None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, token, &[], Some(json_body(body))).await
    }

    pub async fn put(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, token, &[], Some(json_body(body))).await
    }

    pub async fn put_if(&self, path: &str, token: &str, version: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, token, &[("if-match", version)], Some(json_body(body))).await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Method::DELETE, path, token, &[], None).await
    }

    /// Logs in.
    pub async fn login(&self, username: &str, password: &str) -> Answer {
        self.post("/api/auth/login", "", &json!({"username": username, "password": password})).await
    }

    /// Returns an access token of the first administrator.
    pub async fn admin(&self) -> String {
        token(&self.login("admin", ADMIN_PASSWORD).await.expect(200))
    }

    /// Creates a user. Returns its id and an access token.
    pub async fn user(&self, admin: &str, name: &str, role: &str) -> (String, String) {
        let body = json!({"username": name, "email": format!("{name}@example.com"),
            "password": PASSWORD,
                          "full_name": name, "role": role});
        let created = self.post("/api/auth/users", admin, &body).await.expect(201).json();
        let id = created["user"]["user_id"].as_str().unwrap().to_owned();
        (id, token(&self.login(name, PASSWORD).await.expect(200)))
    }

    /// Creates an API key of the token's owner. Returns its id and the key.
    pub async fn key(&self, token: &str, scopes: &[&str]) -> (String, String) {
        self.create_key(token, &json!({"name": "ci", "scopes": scopes})).await
    }

    pub async fn create_key(&self, token: &str, body: &Value) -> (String, String) {
        key_in(&self.post("/api/auth/api-keys", token, body).await.expect(201))
    }

    pub async fn get_with(&self, path: &str, key: &str) -> Answer {
        self.send(Method::GET, path, "", &[("x-api-key", key)], None).await
    }

    pub async fn put_with(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, "", &[("x-api-key", key)], Some(json_body(body))).await
    }

    pub async fn patch(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, token, &[], Some(json_body(body))).await
    }

    /// Sends a merge patch (RFC 7396).
    pub async fn merge(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, token, &[], Some(merge_body(body))).await
    }

    /// Returns the value of one series as Prometheus reads it; 0 if there is none.
    pub async fn reading(&self, series: &str) -> f64 {
        let text = self
            .http
            .get(self.metrics.as_ref().unwrap())
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        line.unwrap_or(0.0)
    }

    /// Creates the domains `d1` "Finance" and `d2` "Growth".
    pub async fn domains(&self, admin: &str) {
        for (id, name) in [("d1", "Finance"), ("d2", "Growth")] {
            self.post("/api/v1/domains", admin, &json!({"domain_id": id, "name": name}))
                .await
                .expect(201);
        }
    }
}

pub const PASSWORD: &str = "some password for tests";

pub fn token(answer: &Answer) -> String {
    answer.json()["tokens"]["access_token"].as_str().unwrap().to_owned()
}

/// Returns id and key from the response to a creation or rotation.
pub fn key_in(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&body["key_info"]["id"]), text(&body["api_key"]))
}

pub fn refresh_token(answer: &Answer) -> String {
    answer.json()["tokens"]["refresh_token"].as_str().unwrap().to_owned()
}

pub fn merge_body(body: &Value) -> (&'static str, Vec<u8>) {
    ("application/merge-patch+json", body.to_string().into_bytes())
}

pub fn json_body(body: &Value) -> (&'static str, Vec<u8>) {
    ("application/json", body.to_string().into_bytes())
}
