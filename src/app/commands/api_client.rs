//! The HTTP client of `mdl import --url` and `mdl export --url`, which work on a running service
//! instead of the database, and of `mdl circuits` (`once`). `patience` waits when the service asks
//! for it, `import` repeats a request whose response was lost (`repetition` says when), and
//! `request_error` says why a request failed.

mod import;
mod once;
mod patience;
mod repetition;
mod request_error;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::time::{Duration, SystemTime};

use indicatif::ProgressBar;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use self::patience::Patience;
pub(in crate::app) use self::request_error::RequestError;
use crate::app::cli::RemoteOptions;
use crate::app::command_error::CommandError;
use crate::app::commands::progress::{byte_bar, byte_counter};
use crate::app::output::print_warning;
use crate::config::TransportConfig;
use crate::credentials::api_keys::ApiKey;
use crate::model::catalogue::DocumentFormat;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence of the service: an import waits until those before it are done.
const READ_TIMEOUT: Duration = Duration::from_mins(5);
/// Maximum length in bytes of a response that is read as a whole.
const MAX_RESPONSE: usize = 64 * 1024 * 1024;

/// A client of one service.
pub(in crate::app) struct ApiClient {
    base: String,
    token: Option<SecretString>,
    http: reqwest::Client,
    patience: RefCell<Patience>,
    /// Whether the service has ever responded.
    reached: Cell<bool>,
    /// The bar above which warnings are printed.
    bar: RefCell<ProgressBar>,
}

impl ApiClient {
    /// Creates a client of the service that `--url` names; `None` without `--url`.
    ///
    /// No redirect is followed, because it would send the credential to a host that the operator
    /// did not name.
    pub(in crate::app) fn from_options(
        remote: &RemoteOptions,
        transport: &TransportConfig,
    ) -> Result<Option<Self>, CommandError> {
        let Some(url) = &remote.url else { return Ok(None) };
        let url = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url =
            url.ok_or_else(|| CommandError::usage("--url must be an http or https address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(CommandError::usage(
                "--url must not contain a user name or password; set MDL_TOKEN or MDL_TOKEN_FILE",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(CommandError::usage(
                "--url must end with the path of the service, without ? and #",
            ));
        }
        if url.scheme() == "http" && remote.token.is_some() {
            transport.check("--url", &url, "https://").map_err(CommandError::usage)?;
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        // A proxy would read the credential: only the host that was checked may receive it.
        let http = if url.scheme() == "http" { http.no_proxy() } else { http };
        let http = http.build().map_err(CommandError::failed)?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Some(Self::new(base, remote.token.clone(), http)))
    }

    fn new(base: String, token: Option<SecretString>, http: reqwest::Client) -> Self {
        let bar = RefCell::new(ProgressBar::hidden());
        Self { base, token, http, patience: RefCell::default(), reached: Cell::default(), bar }
    }

    /// Prints all further warnings above this bar, which would be torn otherwise.
    pub(in crate::app) fn print_above(&self, bar: &ProgressBar) {
        self.bar.replace(bar.clone());
    }

    fn warn(&self, message: &str) {
        self.bar.borrow().suspend(|| print_warning(message));
    }

    /// Whether the credential is an access token, which expires within minutes.
    pub(in crate::app) fn has_access_token(&self) -> bool {
        let token = self.token.as_ref();
        token.is_some_and(|token| ApiKey::parse(token.expose_secret()).is_err())
    }

    /// Writes the whole catalogue to `out`.
    pub(in crate::app) async fn export(
        &self,
        format: DocumentFormat,
        out: &mut impl Write,
    ) -> Result<(), RequestError> {
        let (name, media_type) = match format {
            DocumentFormat::Json => ("json", "application/json"),
            DocumentFormat::Yaml => ("yaml", "application/yaml"),
        };
        let request = self.http.get(format!("{}/api/v1/export?format={name}", self.base));
        let response = self.request(request).await?;
        if has_media_type(&response, media_type) {
            return self.receive(response, out).await.map_err(RequestError::Failed);
        }
        Err(RequestError::failed(format!(
            "{} did not respond like MDL: the export is not {media_type}",
            self.base
        )))
    }

    /// Writes a response to `out` as it arrives.
    async fn receive(
        &self,
        mut response: Response,
        out: &mut impl Write,
    ) -> Result<(), CommandError> {
        let bar = response.content_length().map_or_else(byte_counter, byte_bar);
        let mut received = 0_usize;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    out.write_all(&chunk)
                        .map_err(|error| CommandError::failed(format!("the output: {error}")))?;
                    received = received.saturating_add(chunk.len());
                    bar.inc(chunk.len() as u64);
                }
                Ok(None) => break,
                Err(error) => {
                    bar.finish_and_clear();
                    return Err(CommandError::failed(format!(
                        "{} ended the response after {received} bytes, before it was complete: {}",
                        self.base,
                        request_error::cause(error)
                    )));
                }
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Requests a page of a list.
    pub(in crate::app) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<T, RequestError> {
        self.request_json(self.http.get(format!("{}{path}", self.base))).await
    }

    async fn request_json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, RequestError> {
        let response = self.request(request).await?;
        let body = self.body(response).await?;
        serde_json::from_slice(&body).map_err(|error| {
            RequestError::failed(format!("{} did not respond like MDL: {error}", self.base))
        })
    }

    /// Sends a request, and sends it again when the service was busy and has named the time for it.
    /// Such a request has changed nothing.
    async fn request(&self, request: RequestBuilder) -> Result<Response, RequestError> {
        let request = self.authenticated(request)?;
        loop {
            let attempt = request
                .try_clone()
                .ok_or_else(|| RequestError::failed("the request cannot be sent again"))?;
            let response = attempt
                .send()
                .await
                .map_err(|error| RequestError::from_transport(&self.base, error))?;
            self.reached.set(true);
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if status.is_redirection() {
                return Err(self.redirect_error(&response));
            }
            let wait = patience::requested_wait(status, response.headers(), SystemTime::now());
            let body = self.body(response).await?;
            let error = RequestError::from_response(&self.base, status, &body);
            let Some(wait) = wait else { return Err(error) };
            let patience = self.patience.borrow_mut().spend(status, wait);
            patience.map_err(|refused| RequestError::failed(format!("{error}; {refused}")))?;
            self.warn(&patience::announcement(&self.base, status, wait));
            tokio::time::sleep(wait).await;
        }
    }

    fn authenticated(&self, request: RequestBuilder) -> Result<RequestBuilder, RequestError> {
        Ok(match &self.token {
            Some(key) if ApiKey::parse(key.expose_secret()).is_ok() => {
                request.header("X-API-Key", sensitive(key.expose_secret())?)
            }
            Some(token) => request
                .header(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose_secret()))?),
            None => request,
        })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, RequestError> {
        let mut body = Vec::new();
        let lost = |error| RequestError::from_transport(&self.base, error);
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len().saturating_add(chunk.len()) > MAX_RESPONSE {
                return Err(RequestError::failed(format!(
                    "{} did not respond like MDL: the response is longer than 64 MiB",
                    self.base
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn redirect_error(&self, response: &Response) -> RequestError {
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let target = location.and_then(|location| response.url().join(location).ok());
        // Only the origin is shown, because the rest of the URL is arbitrary text.
        let target = target.map_or_else(
            || "an unreadable address".into(),
            |target| target.origin().ascii_serialization(),
        );
        RequestError::failed(format!(
            "{} redirects to {target}, which is not followed; if that is the service, pass it \
             as --url",
            self.base
        ))
    }
}

fn has_media_type(response: &Response, media_type: &str) -> bool {
    let found = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    response.status() == StatusCode::OK && found.is_some_and(|found| found.starts_with(media_type))
}

/// Creates a header value that is never printed.
fn sensitive(value: &str) -> Result<HeaderValue, RequestError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        RequestError::Failed(CommandError::usage(
            "MDL_TOKEN is neither an API key nor an access token",
        ))
    })?;
    value.set_sensitive(true);
    Ok(value)
}
